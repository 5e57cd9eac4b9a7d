"""Pages of other origins: what their browsers may ask for, and that by default they may ask for nothing."""

import urllib.parse

import pytest

from otagw.settings import SettingsError, load
from tests import signer
from tests.conftest import KEY, Client
from tests.oss.conftest import body_of, fields_of, post

PAGE = "https://ci.example.com"
LOCAL = "http://localhost:3000"


@pytest.fixture
def open_to(make_app):
    """Return a client of a gateway that is open to the pages of some origins."""

    def open_to(*origins):
        names = ",".join(f'"{origin}"' for origin in origins)
        return Client(make_app(cors_origins=f"[{names}]"))

    return open_to


def ask(client, path, method="POST", origin=PAGE, headers="content-type, x-acs-action", **more):
    given = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return client.http.open(path, method="OPTIONS", headers={n: v for n, v in {**given, **more}.items() if v})


def granted(response):
    return {name: value for name, value in response.headers if name.startswith("Access-Control-")}


@pytest.mark.parametrize(
    "path", ["/", "//", "/oss", "/oss/a", "/v5/iot/p/devices", "/device/v1/p/d/update", "/healthz"]
)
def test_no_page_may_call_by_default(client, path):
    response = ask(client, path)
    assert granted(response) == {}
    assert response.status_code in (404, 405)
    assert granted(client.http.get(path, headers={"Origin": PAGE})) == {}


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/", "GET, POST"), ("//", "GET, POST"), ("/oss", "POST"), ("/oss/", "POST"), ("/oss/a/b.bin", "GET, HEAD")],
)
def test_a_browser_that_asks_first_is_told_what_it_may(open_to, path, methods):
    client = open_to(LOCAL, PAGE)
    response = ask(client, path)
    assert (response.status_code, response.data) == (204, b"")
    found = granted(response)
    assert found["Access-Control-Allow-Origin"] == PAGE
    assert found["Access-Control-Allow-Methods"] == methods
    assert found["Access-Control-Allow-Headers"] == "content-type, x-acs-action"
    assert int(found["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in found
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("path", ["/v5/iot/p/devices", "/v3/auth/tokens", "/device/v1/p/d/update", "/healthz", "/ossx"])
def test_only_the_actions_and_files_are_open(open_to, path):
    client = open_to("*")
    response = ask(client, path)
    assert granted(response) == {}
    assert response.status_code in (404, 405)
    assert granted(client.http.get(path, headers={"Origin": PAGE})) == {}


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example.com", "http://ci.example.com", "https://ci.example.com:8443", "null", "", "x"),
        *("https://ci.example.com.evil.org", "https://ci.example.com@evil.org", "https://[::1", "https://a\u00e9"),
    ],
)
def test_another_origin_is_granted_nothing(open_to, origin):
    client = open_to(PAGE)
    response = ask(client, "/", origin=origin)
    assert granted(response) == {}
    assert response.status_code == 405
    assert granted(client.http.get("/", headers={"Origin": origin})) == {}


def test_options_without_a_question_is_refused_as_ever(open_to):
    response = open_to(PAGE).http.open("/", method="OPTIONS", headers={"Origin": PAGE})
    assert response.status_code == 405


@pytest.mark.parametrize("headers", ["", "a b", "x\u00e9", "x;y", ",".join("x" * 9 for _ in range(100))])
def test_names_of_headers_that_are_none_are_not_granted(open_to, headers):
    response = ask(open_to(PAGE), "/", headers=headers)
    assert response.status_code == 204
    assert "Access-Control-Allow-Headers" not in granted(response)


@pytest.mark.parametrize(("origins", "shown"), [((PAGE,), PAGE), (("*",), "*"), ((PAGE.upper(), LOCAL), PAGE)])
def test_a_page_may_read_answers_and_refusals(open_to, origins, shown):
    client = open_to(*origins)
    query = signer.query(signer.v1(KEY, "ListOTAFirmware", CurrentPage="1", PageSize="10"))
    for target, status in ((f"/?{query}", 200), ("/", 400), ("/oss/a", 403)):
        response = client.http.get(target, headers={"Origin": PAGE})
        assert response.status_code == status
        found = granted(response)
        assert found["Access-Control-Allow-Origin"] == shown
        assert "X-Request-Id" in found["Access-Control-Expose-Headers"]
        assert ("Origin" in response.headers.get("Vary", "")) is (shown != "*")


@pytest.mark.parametrize(
    "wrong", ['["ci.example.com"]', '["https://ci.example.com/"]', '["https://*.example.com"]', "[5]"]
)
def test_the_setting_takes_origins(wrong):
    with pytest.raises(SettingsError, match="OTAGW_CORS_ORIGINS: expected a list like"):
        load({"OTAGW_CONFIG": "/dev/null", "OTAGW_CORS_ORIGINS": wrong})


def upload(client, target):
    data = client.ok("GenerateOTAUploadURL")["Data"]
    fields = {**fields_of(data), "success_action_redirect": target}
    return data, post(client, body_of(fields, b"firmware"))


@pytest.mark.parametrize("target", [f"{PAGE}/done", f"{PAGE}/done?job=5#top", PAGE])
def test_a_form_of_a_page_leads_back_to_it(open_to, target):
    client = open_to(PAGE)
    data, response = upload(client, target)
    assert (response.status_code, response.data) == (303, b"")
    went, asked = urllib.parse.urlsplit(response.headers["Location"]), urllib.parse.urlsplit(target)
    assert went[:3] == asked[:3]
    found = dict(urllib.parse.parse_qsl(went.query))
    ours = {"bucket": "ota", "key": data["Key"], "etag": response.headers["ETag"]}
    assert found == dict(urllib.parse.parse_qsl(asked.query)) | ours
    assert client.ok("CreateOTAFirmware", FirmwareName="a", DestVersion="1", FirmwareUrl=data["FirmwareUrl"])


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example.com/", "javascript:alert(1)", "//evil.example.com/", "/done", "https://ci.example.com@evil.org/"),
        *(f"{PAGE}/a b", f"{PAGE}/a\u00e9", f"{PAGE}/" + "a" * 2048, f"{PAGE}/a\r\nSet-Cookie: a=b"),
    ],
)  # fmt: skip
def test_a_form_leads_nowhere_else_and_keeps_nothing(open_to, stored, target):
    client = open_to(PAGE)
    _, response = upload(client, target)
    assert response.status_code == 400
    assert "Location" not in response.headers
    assert b"success_action_redirect" in response.data
    assert stored() == []


def test_a_form_leads_nowhere_by_default(client):
    _, response = upload(client, f"{PAGE}/done")
    assert response.status_code == 204


def test_request_ids_have_the_vendors_names_too(client):
    for response in (client.http.get("/"), client("ListOTAFirmware", CurrentPage="1", PageSize="1")):
        assert response.headers["x-acs-request-id"] == response.headers["X-Request-Id"]
    for response in (
        client.http.get("/oss/a"),
        client.http.post("/oss"),
        client.http.delete("/oss"),
        upload(client, "")[1],
    ):
        assert response.headers["x-oss-request-id"] == response.headers["X-Request-Id"]
