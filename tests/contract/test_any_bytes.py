"""Whatever is sent to the parser, the signature code and the form upload is refused in the envelope: never a crash."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import signer
from tests.conftest import KEY
from tests.iotda.signer import dump
from tests.oss.conftest import BOUNDARY, body_of, fields_of, post

any_example = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
text = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=80)
V3_HEADERS = ("authorization", "x-acs-action", "x-acs-date", "x-acs-content-sha256", "x-acs-signature-nonce")


def assert_refused(response):
    assert 400 <= response.status_code < 500, response.text
    assert response.json["Code"]
    assert "<html" not in response.text.lower()


@any_example
@given(data=st.data())
def test_any_value_of_a_v3_header_is_refused(client, data):
    signed = signer.v3(KEY, "ListOTAFirmware", "gateway.test:8686")
    right = {name.lower(): value for name, value in signed.items()}
    name = data.draw(st.sampled_from(V3_HEADERS))
    right[name] = data.draw(
        text.filter(lambda value: value.strip() != signed.get(name, signed["Authorization"]).strip())
        | st.just(f"ACS3-HMAC-SHA256 {'Credential=,' * 50}")
        | text.map(lambda value: f"ACS3-HMAC-SHA256 Credential={KEY[0]},SignedHeaders={value},Signature={value}")
    )
    environ = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in right.items()}
    response = client.http.post("/", environ_overrides=environ)
    assert_refused(response)


@any_example
@given(
    name=st.sampled_from(("Signature", "Timestamp", "SignatureNonce", "SignatureMethod", "AccessKeyId", "Format")),
    value=st.text(max_size=200),
)
def test_any_value_of_a_credential_of_v1_is_refused(client, name, value):
    params = signer.v1(KEY, "ListOTAFirmware", CurrentPage="1", PageSize="1")
    response = client.send({**params, name: value})
    if value != params.get(name):
        assert 400 <= response.status_code < 500
        assert response.json["Code"]


@any_example
@given(body=st.binary(max_size=2000), kind=st.sampled_from((f"multipart/form-data; boundary={BOUNDARY}", "multipart/")))
def test_any_form_is_refused(client, body, kind):
    response = client.http.post("/oss", data=body, content_type=kind)
    assert 400 <= response.status_code < 500
    assert response.content_type == "application/xml"


RFC_2046 = string.digits + string.ascii_letters + "'()+_,-./:=? "
boundaries = st.text(st.sampled_from(RFC_2046), max_size=90) | text.filter(lambda mark: not set(mark) & set('"\\'))


@any_example
@given(mark=boundaries)
def test_any_boundary_but_one_of_rfc_2046_is_refused(client, announce, mark):
    taken = set(mark) <= set(RFC_2046) and 1 <= len(mark) <= 70 and not mark.endswith(" ")
    body = body_of(fields_of(announce()), b"content").replace(BOUNDARY.encode(), mark.encode("latin-1"))
    kind = f'multipart/form-data; boundary="{mark}"'
    response = client.http.post("/oss", data=body, environ_overrides={"CONTENT_TYPE": kind})
    assert response.status_code == (204 if taken else 400), response.text
    assert taken or response.content_type == "application/xml"


@any_example
@given(
    value=text | st.text(st.sampled_from("TargetToken TARGETTOKEN gatewaytoken Bearer 0123456789.abcdef"), max_size=300)
)
@pytest.mark.parametrize("path", ["/p/controller/v1/d", "/device/v1/p/d/update", "/v5/iot/p/devices", "/v3/projects"])
def test_any_authorization_of_a_stranger_is_refused(client, path, value):
    response = client.http.get(path, environ_overrides={"HTTP_AUTHORIZATION": value})
    assert response.status_code == 401, response.text
    assert response.json


@any_example
@given(body=st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(dump))
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_any_body_that_asks_for_a_token_is_refused(client, body, kind):
    response = client.http.post("/v3/auth/tokens", data=body, content_type=kind)
    assert response.status_code in (400, 401), response.text
    assert set(response.json) == {"error_code", "error_msg"}


@any_example
@given(data=st.data())
def test_a_form_with_one_stretch_replaced_is_taken_or_refused(client, announce, data):
    fields = fields_of(announce())
    whole = body_of(fields, b"content")
    start = data.draw(st.integers(0, len(whole)))
    spoiled = whole[:start] + data.draw(st.binary(max_size=40)) + whole[start + data.draw(st.integers(0, 40)) :]
    response = post(client, spoiled)
    assert response.status_code in {200, 201, 204} or 400 <= response.status_code < 500, response.text
    assert "<html" not in response.text.lower()


@pytest.fixture
def announce(client):
    return lambda: client.ok("GenerateOTAUploadURL", FileSuffix="bin")["Data"]
