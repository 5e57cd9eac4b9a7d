"""The HTTP of Actions: what is read, how, and what is answered when it cannot be."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import signer
from tests.conftest import KEY, Client

FORM = "application/x-www-form-urlencoded"
CREATE = {"FirmwareName": "name", "DestVersion": "1"}


def code(response):
    return response.status_code, response.json["Code"]


def test_create_answers_the_documented_envelope_and_nothing_else(client):
    response = client("CreateOTAFirmware", **CREATE)
    assert response.status_code == 200
    assert list(response.json) == ["Code", "Data", "RequestID", "Success"]
    assert response.json["Code"] == ""
    assert response.json["Success"] is True
    assert re.fullmatch(r"[1-9][0-9]{17,18}", response.json["Data"].pop("FirmwareID"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", response.json["Data"].pop("UtcCreate"))
    assert response.headers["X-Request-Id"] == response.json["RequestID"]


def test_version_chooses_the_alibaba_envelope(client):
    body = client("CreateOTAFirmware", Version="2018-01-20", Format="JSON", **CREATE).json
    assert sorted(body) == ["Data", "RequestId", "Success"]
    assert sorted(body["Data"]) == ["FirmwareId", "UtcCreate"]
    assert body["RequestId"].isupper()


def test_v3_chooses_the_alibaba_envelope(client):
    assert sorted(client.v3("CreateOTAFirmware", **CREATE).json) == ["Data", "RequestId", "Success"]


def test_example_spelling_is_lower_camel_case(make_app):
    body = Client(make_app(spelling="example"))("CreateOTAFirmware", **CREATE).json
    assert sorted(body) == ["code", "data", "requestId", "success"]
    assert sorted(body["data"]) == ["firmwareId", "utcCreate"]


def test_alibaba_gateway_refusal(client):
    response = client("CreateOTAFirmware", Version="2018-01-20", FirmwareName="n")
    assert code(response) == (400, "MissingDestVersion")
    assert sorted(response.json) == ["Code", "HostId", "Message", "Recommend", "RequestId"]
    assert all(isinstance(value, str) for value in response.json.values())


def test_alibaba_business_refusal_is_a_200(client):
    response = client("QueryOTAFirmware", Version="2018-01-20", FirmwareId="1")
    assert code(response) == (200, "iot.ota.FirmwareNotFound")
    assert sorted(response.json) == ["Code", "ErrorMessage", "Message", "RequestId", "Success"]
    assert response.json["Message"] == response.json["ErrorMessage"]


LISTED = {"CurrentPage": "1", "PageSize": "10"}
DEVICE = {"ProductKey": "p", "DeviceName": "device"}
OWN_CODES = [
    ("ListOTAFirmware", {**LISTED, "CurrentPage": "0"}, "iot.common.InvalidPageParams", "InvalidParameter"),
    ("ListOTAFirmware", {**LISTED, "PageSize": "1000"}, "iot.common.InvalidPageParams", "InvalidParameter"),
    ("QueryProduct", {"ProductKey": "a b"}, "iot.prod.InvalidFormattedProductkey", "InvalidParameter"),
    ("CreateOTAFirmware", {**CREATE, "ProductKey": "v5"}, "iot.prod.InvalidFormattedProductkey", "InvalidParameter"),
    ("CreateProduct", {"ProductName": "a-b c", "NodeType": "0"}, "iot.prod.InvalidFormattedProductName",
     "InvalidParameter"),
    ("CreateProduct", {"ProductName": "lock", "NodeType": "7"}, "iot.prod.InvalidNodeType", "InvalidParameter"),
    ("RegisterDevice", {**DEVICE, "DeviceName": "x y"}, "iot.device.InvalidFormattedDeviceName", "InvalidParameter"),
    ("BatchQueryDeviceDetail", {"ProductKey": "p", "DeviceName.1": "x y"}, "iot.device.InvalidFormattedDeviceName",
     "InvalidParameter"),
    ("CreateOTAFirmware", {**CREATE, "DestVersion": "a b"}, "InvalidParameter", "InvalidParameter"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "given", "own", "general"), OWN_CODES)
def test_the_vendors_own_codes_stand_in_its_own_spelling_alone(make_app, action, given, own, general):
    client = Client(make_app())
    client.ok("CreateOTAFirmware", **CREATE, ProductKey="p")
    for spelling, expected in (("alibaba", own), ("documented", general), ("example", general)):
        found = Client(make_app(spelling=spelling))(action, **given)
        body = {name.lower(): value for name, value in found.json.items()}
        business = spelling == "alibaba" and expected.startswith("iot.")
        assert (found.status_code, body["code"]) == (200 if business else 400, expected)
        assert body.get("success", False) is False


def test_a_key_without_a_grant_is_refused_by_the_vendors_code_in_its_spelling(app, client):
    app.extensions["otagw"]["runtime"].keys.create(key_id="reader", secret="s" * 16, grants=["ota:List*"])
    reader = Client(app, ("reader", "s" * 16))
    assert code(reader("CreateOTAFirmware", **CREATE)) == (403, "NoPermission")
    found = reader("CreateOTAFirmware", Version="2018-01-20", **CREATE)
    assert code(found) == (200, "iot.common.RamActionPermissionDeny")
    assert "ota:CreateOTAFirmware" in found.json["Message"]


def test_documented_business_refusal_has_its_status(client):
    response = client("QueryOTAFirmware", FirmwareId="1")
    assert code(response) == (404, "iot.ota.FirmwareNotFound")
    assert list(response.json) == ["Code", "ErrorMessage", "RequestID", "Success"]


@pytest.mark.parametrize("value", [None, "", "None", "none", "json", "JSON"])
def test_format_is_json_unless_it_says_xml(client, value):
    assert client("CreateOTAFirmware", Format=value, **CREATE).json["Success"]


def test_an_unknown_format_is_refused_in_json(client):
    assert code(client("CreateOTAFirmware", Format="YAML", **CREATE)) == (400, "InvalidParameter.Format")


def test_xml_repeats_list_items_inside_their_wrapper(client):
    client.make("one")
    client.make("two", FirmwareDesc="a < b & \x0b c")
    response = client("ListOTAFirmware", Format="xml", CurrentPage="1", PageSize="10")
    root = ET.fromstring(response.data)
    assert root.tag == "ListOTAFirmwareResponse"
    names = [item.findtext("FirmwareName") for item in root.findall("FirmwareInfo/SimpleFirmwareInfo")]
    assert names == ["two", "one"]
    assert root.findtext("FirmwareInfo/SimpleFirmwareInfo/FirmwareDesc") == "a < b & \ufffd c"
    assert root.findtext("Success") == "true"


def test_xml_refusal_of_the_gateway_is_an_error_element(client):
    response = client("CreateOTAFirmware", Format="XML", Version="2018-01-20", FirmwareName="n")
    root = ET.fromstring(response.data)
    assert (response.status_code, root.tag, root.findtext("Code")) == (400, "Error", "MissingDestVersion")


@pytest.mark.parametrize("version", ["2018-01-21", "1", "2018-01-20 "])
def test_an_unknown_version_is_refused(client, version):
    assert code(client("CreateOTAFirmware", Version=version, **CREATE)) == (400, "InvalidVersion")


@pytest.mark.parametrize("version", ["2018-01-20", "2022-01-01"])
def test_both_versions_are_served(client, version):
    assert client("CreateOTAFirmware", Version=version, **CREATE).json["Success"]


def test_an_unknown_action_is_refused_to_a_known_caller(client):
    assert code(client("CreateOtaFirmware", **CREATE)) == (404, "InvalidAction.NotFound")


def test_no_action_is_refused(client):
    assert code(client.http.get("/")) == (400, "MissingAction")


@pytest.mark.parametrize("version", ["2.0", "1.1", "1"])
def test_an_unknown_signature_version_is_refused(client, version):
    assert code(client("CreateOTAFirmware", SignatureVersion=version, **CREATE)) == (400, "InvalidParameter")


def test_a_timestamp_is_good_for_a_quarter_of_an_hour_to_the_second(client, held_clock):
    for apart in (-900, 900):
        assert client(
            "CreateOTAFirmware", seconds=held_clock.seconds + apart, FirmwareName=f"n{apart + 900}", DestVersion="1"
        ).json["Success"]
    for apart in (-901, 901):
        late = client("CreateOTAFirmware", seconds=held_clock.seconds + apart, **CREATE)
        assert code(late) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize("kind", ["BEARERTOKEN", "PRIVATEKEY"])
def test_another_signature_type_is_refused(client, kind):
    assert code(client("CreateOTAFirmware", SignatureType=kind, **CREATE)) == (400, "InvalidParameter")


def test_an_empty_signature_type_is_signed_and_accepted(client):
    assert client("CreateOTAFirmware", SignatureType="", **CREATE).json["Success"]


def test_a_security_token_is_signed_like_any_parameter(client):
    assert client("CreateOTAFirmware", SecurityToken="CAIS+/tok==", **CREATE).json["Success"]


@pytest.mark.parametrize("length", [1, 128])
def test_a_nonce_may_have_up_to_128_characters(client, length):
    assert client("CreateOTAFirmware", SignatureNonce="n" * length, **CREATE).json["Success"]


def test_a_longer_nonce_is_refused(client):
    response = client("CreateOTAFirmware", SignatureNonce="n" * 129, **CREATE)
    assert code(response) == (400, "InvalidParameter")
    assert "SignatureNonce" in response.json["ErrorMessage"]


@pytest.mark.parametrize("away", [-900, -899, 0, 899, 900])
def test_a_timestamp_within_the_window_is_accepted(client, held_clock, away):
    assert client("CreateOTAFirmware", seconds=held_clock.seconds + away, **CREATE).json["Success"]


@pytest.mark.parametrize("away", [-901, 901, -86400])
def test_a_timestamp_outside_the_window_is_refused(client, held_clock, away):
    response = client("CreateOTAFirmware", seconds=held_clock.seconds + away, **CREATE)
    assert code(response) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-02T03:04:05", "2026-01-02T03:04:05.000", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z"),
        *("2026-01-02T03:04:05.Z", "2026-01-02T03:04:05,000Z", "2026-01-02T03:04:05.0000000000Z"),
        *("2026-01-02T03:04:05.1.1Z", "2026-13-02T03:04:05.000Z", "2026-01-02T03:04:05.٠Z"),
        *("2026-01-02t03:04:05z", "2026-01-02T03:04:05Z\n", "1795000000", "２０２６-01-02T03:04:05Z"),
    ],
)
def test_an_unreadable_timestamp_is_refused(client, text):
    assert code(client("CreateOTAFirmware", Timestamp=text, **CREATE)) == (400, "InvalidTimeStamp.Format")


def with_fraction(held_clock, away, fraction):
    """Return a time so many seconds from now, with a fraction of a second as JavaScript's toISOString() has it."""
    return signer.stamp(held_clock.seconds + away).replace("Z", f".{fraction}Z")


FRACTIONS = pytest.mark.parametrize(
    ("away", "fraction", "expected"),
    [
        *((0, "456", None), (0, "0", None), (0, "123456789", None), (-900, "000", None), (899, "999", None)),
        *((-901, "999", "InvalidTimeStamp.Expired"), (900, "001", "InvalidTimeStamp.Expired")),
    ],
)


@FRACTIONS
def test_a_time_may_have_a_fraction_of_a_second_in_v1(client, held_clock, away, fraction, expected):
    response = client("CreateOTAFirmware", Timestamp=with_fraction(held_clock, away, fraction), **CREATE)
    assert response.json["Code"] == (expected or "")
    assert response.json["Success"] is (expected is None)


@FRACTIONS
def test_a_time_may_have_a_fraction_of_a_second_in_v3(client, held_clock, away, fraction, expected):
    response = by_v3(client, extra={"x-acs-date": with_fraction(held_clock, away, fraction)})
    assert response.json.get("Code") == expected


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05.000", "2026-01-02T03:04:05.Z", "Fri, 02 Jan 2026 03:04:05 GMT"])
def test_what_is_no_time_is_refused_in_v3(client, text):
    assert code(by_v3(client, extra={"x-acs-date": text})) == (400, "InvalidTimeStamp.Format")


def by_v3(client, host="gateway.test", asked="gateway.test", **options):
    """Create a firmware by a call that is signed for one host and asks another."""
    headers = signer.v3(KEY, "CreateOTAFirmware", host, **options, **CREATE)
    del headers["host"]
    return client.http.post("/?" + signer.query(CREATE), headers=headers, environ_overrides={"HTTP_HOST": asked})


@pytest.mark.parametrize(("host", "is_believed"), [("ota.example.com", True), ("ota.example.com:8443", True),
                                                   ("gateway.test", True), ("other.example.com", False)])  # fmt: skip
def test_a_signature_may_name_a_host_of_the_settings(make_app, host, is_believed):
    client = Client(make_app(signed_hosts='["ota.example.com", "ota.example.com:8443"]'))
    response = by_v3(client, host)
    assert response.json.get("Code") == (None if is_believed else "SignatureDoesNotMatch")


def test_no_other_host_is_believed_without_the_setting(client):
    assert code(by_v3(client, "ota.example.com")) == (400, "SignatureDoesNotMatch")


def test_headers_of_v3_without_a_signature_are_told_what_is_missing(client):
    headers = {n: v for n, v in signer.v3(KEY, "ListOTAFirmware", "a").items() if n not in ("Authorization", "host")}
    for method in ("GET", "POST"):
        response = client.http.open("/", method=method, headers=headers)
        assert code(response) == (400, "MissingAuthorization")
        assert response.json["Message"] == "Authorization is mandatory for this action."
        assert response.json["RequestId"].isupper()


def test_the_action_of_a_header_is_none_of_v1(client):
    params = {n: v for n, v in signer.v1(KEY, "ListOTAFirmware").items() if n != "Action"}
    response = client.http.get("/?" + signer.query(params), headers={"x-acs-action": "ListOTAFirmware"})
    assert code(response) == (400, "MissingAction")


def test_a_refused_signature_says_what_was_signed_behind_the_first_colon(client):
    params = signer.v1(KEY, "CreateOTAFirmware", "POST", Version="2018-01-20", **CREATE)
    ours = signer.v1_string("POST", {k: v for k, v in params.items() if k != "Signature"})
    response = client.send({**params, "Signature": "x"}, "POST")
    assert code(response) == (400, "SignatureDoesNotMatch")
    assert response.json["Message"] == (
        f"Specified signature is not matched with our calculation. server string to sign is:{ours}"
    )


def test_business_parameters_may_be_in_the_form_and_common_ones_in_the_query(client):
    params = signer.v1(KEY, "CreateOTAFirmware", "POST", FirmwareDesc="", **CREATE)
    body = {name: params.pop(name) for name in ("FirmwareName", "DestVersion", "FirmwareDesc")}
    response = client.http.post("/?" + signer.query(params), data=signer.query(body), content_type=FORM)
    assert response.json["Success"]


@pytest.mark.parametrize(
    "spoil", [("%20", "+"), ("%2A", "*"), ("%28", "("), ("%7E", "~"), ("%3A", ":"), ("%E5", "%e5")]
)
def test_the_clients_own_escapes_do_not_matter(client, spoil):
    params = signer.v1(KEY, "CreateOTAFirmware", Udi="固件 a*b~(c)!'", **CREATE)
    query = signer.query(params).replace("~", "%7E").replace(*spoil)
    assert client.http.get("/?" + query).json["Success"]


def test_a_semicolon_does_not_separate_parameters(client):
    assert client("CreateOTAFirmware", Udi="a;DestVersion=2", **CREATE).json["Success"]


@pytest.mark.parametrize(
    "again", ["DestVersion=1", "DestVersion=2", "DestVersion=", "DestVersion", "Signature=x", "De%73tVersion=1"]
)
def test_a_repeated_parameter_is_refused(client, again):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", **CREATE))
    response = client.http.get(f"/?{query}&{again}")
    assert code(response) == (400, "InvalidParameter")
    assert again.replace("%73", "s").partition("=")[0] in response.json["ErrorMessage"]


def test_a_parameter_in_query_and_form_is_refused(client):
    params = signer.v1(KEY, "CreateOTAFirmware", "POST", **CREATE)
    response = client.http.post("/?" + signer.query(params), data="DestVersion=1", content_type=FORM)
    assert code(response) == (400, "InvalidParameter")


@pytest.mark.parametrize("raw", ["%FF", "%C3%28", "%ED%A0%80", "a%80"])
def test_what_is_not_utf_8_is_refused(client, raw):
    response = client.http.get(f"/?Action=CreateOTAFirmware&Udi={raw}")
    assert code(response) == (400, "InvalidParameter")
    assert "Udi" in response.json["ErrorMessage"]


def test_unknown_parameters_are_signed_and_ignored(client):
    assert client("CreateOTAFirmware", ApiProduct="Iot", IotInstanceId="", RegionId="cn-shanghai", **CREATE).json[
        "Success"
    ]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_a_body_that_is_no_form_is_refused(client, kind):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", "POST", **CREATE))
    response = client.http.post(f"/?{query}", data=b"{}", headers={"Content-Type": kind})
    assert code(response) == (415, "UnsupportedMediaType")


def test_a_get_with_a_form_content_type_and_no_body_is_fine(client):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", **CREATE))
    assert client.http.get(f"/?{query}", content_type=FORM).json["Success"]


def test_a_body_over_the_limit_is_refused(client):
    response = client.http.post("/", data=b"a" * (4 * 1024 * 1024 + 1), content_type=FORM)
    assert code(response) == (413, "RequestEntityTooLarge")


def test_a_chunked_body_over_the_limit_is_refused(client):
    body = io.BytesIO(b"a" * (4 * 1024 * 1024 + 1))
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    response = client.http.post("/", input_stream=body, content_type=FORM, environ_overrides=environ)
    assert code(response) == (413, "RequestEntityTooLarge")


def test_too_many_parameters_are_refused(client):
    response = client.http.post("/", data="&".join(f"p{n}=" for n in range(30_001)), content_type=FORM)
    assert code(response) == (413, "RequestEntityTooLarge")


def test_twenty_thousand_parameters_are_answered(client):
    params = {f"p{n}": "v" for n in range(20_000)}
    params = signer.v1(KEY, "CreateOTAFirmware", "POST", **CREATE, **params)
    assert client.http.post("/", data=signer.query(params), content_type=FORM).json["Success"]


def test_the_path_may_be_two_slashes(client):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", **CREATE))
    response = client.http.get("/", query_string=query, environ_overrides={"PATH_INFO": "//"})
    assert response.json["Success"]


@pytest.mark.parametrize("path", ["/x", "/index.html", "/%2e%2e/etc/passwd", "/v55/iot"])
def test_another_path_is_not_found_and_no_redirect(client, path):
    assert code(client.http.get(path)) == (404, "InvalidApi.NotFound")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_another_method_is_refused(client, method):
    response = client.http.open("/", method=method)
    assert code(response) == (405, "UnsupportedHTTPMethod")
    assert "GET" in response.headers["Allow"]


def test_head_is_no_way_to_act(client):
    client.send(signer.v1(KEY, "CreateOTAFirmware", "HEAD", **CREATE), "HEAD")
    assert client.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["Total"] == 0


def test_sdk_like_requests_get_their_envelope_before_they_are_understood(client):
    response = client.http.put("/", headers={"x-acs-version": "2018-01-20"})
    assert (response.status_code, sorted(response.json)[0]) == (405, "Code")
    assert "RequestId" in response.json


def test_v3_with_a_form(client):
    body = signer.query({"FirmwareName": "装置*~ ", "DestVersion": "1"}).encode().replace(b"%20", b"+")
    headers = signer.v3(KEY, "CreateOTAFirmware", "h:1", body=body, form=True, ProductKey="a1")
    environ = {"HTTP_HOST": headers.pop("host")}
    response = client.http.post("/?ProductKey=a1", data=body, headers=headers, environ_overrides=environ)
    assert response.json.get("Code") == "InvalidParameter"  # understood: it is the name that is wrong
    assert "FirmwareName" in response.json["Message"]


@pytest.mark.parametrize("host", ["127.0.0.1:8686", "http://127.0.0.1:8686", "ota.example.com"])
def test_v3_takes_the_host_header_as_it_came(client, host):
    headers = signer.v3(KEY, "CreateOTAFirmware", host, **CREATE)
    environ = {"HTTP_HOST": headers.pop("host")}
    assert client.http.post("/?" + signer.query(CREATE), headers=headers, environ_overrides=environ).json["Success"]


def test_v3_takes_every_signed_header_as_it_came(client):
    extra = {"accept": "application/json", "user-agent": "demo/1.0 (x;  y)", "x-acs-credentials-provider": "static_ak"}
    headers = signer.v3(KEY, "CreateOTAFirmware", "h", extra=extra, **CREATE)
    environ = {"HTTP_HOST": headers.pop("host")}
    assert client.http.post("/?" + signer.query(CREATE), headers=headers, environ_overrides=environ).json["Success"]
    headers["user-agent"] = "demo/1.1"
    response = client.http.post("/?" + signer.query(CREATE), headers=headers, environ_overrides=environ)
    assert response.json["Code"] == "SignatureDoesNotMatch"


def test_v1_does_not_trust_the_action_header(client):
    query = signer.query(signer.v1(KEY, "CreateOTAFirmware", **CREATE))
    assert client.http.get(f"/?{query}", headers={"x-acs-action": "createOTAFirmware"}).json["Success"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["GET", "POST"]))
def test_any_bytes_are_answered_with_an_envelope(client, raw, method):
    environ = {"QUERY_STRING": raw.decode("latin-1")}
    response = client.http.open("/", method=method, data=raw, content_type=FORM, environ_overrides=environ)
    assert response.status_code < 500
    assert response.json["Code"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4096))
def test_any_text_comes_back_as_it_was_sent(client, text):
    identity = client.make(f"n{signer.nonce()}"[:40].replace(".", "-"), Udi=text)
    assert client.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["Udi"] == text
