"""Whoever is no device, or says what no device says, is refused: in JSON, by a code, and never with a crash."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import clock, errors
from otagw.db import database
from otagw.dialects.device import codes
from otagw.dialects.device.route import Front
from otagw.security import rate_limits
from otagw.security.rate_limits import Rate
from tests.conftest import OTHER, ROOT
from tests.device import signer
from tests.device.conftest import Device

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
EVERY = [
    ("PUT", "/versions/default", {"version": "9"}),
    ("GET", "/update", None),
    ("POST", "/update/progress", {"percent": 1}),
    ("POST", "/update/result", {"result": "failed"}),
]
every = pytest.mark.parametrize(("method", "path", "data"), EVERY)


def refusal(response):
    """Check that an answer is a refusal as all are; return its status and code."""
    assert response.content_type == "application/json"
    assert response.headers["X-Request-Id"] == response.json["request_id"]
    assert UUID.fullmatch(response.json["request_id"])
    assert response.headers["Cache-Control"] == "no-store"
    extra = {"time"} if response.status_code == 401 else set()
    assert set(response.json) == {"code", "message", "request_id"} | extra
    if extra:
        assert response.json["time"] == clock.now() // 1000
        assert response.headers["WWW-Authenticate"] == "Bearer"
    return response.status_code, response.json["code"]


def send(device, method, path, data, authorization):
    path = device.path + path
    body = b"" if data is None else json.dumps(data).encode()
    headers = {} if authorization is None else {"Authorization": authorization}
    return device.http.open(path, method=method, data=body, content_type="application/json", headers=headers)


@every
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic dXNlcjpzZWNyZXQ=",
        "Bearer ." + "0" * 64,
        "Bearer 1." + "0" * 63,
        "Bearer 1." + "g" * 64,
        "Bearer -1." + "0" * 64,
        "Bearer ١." + "0" * 64,
        "Bearer " + "9" * 21 + "." + "0" * 64,
        "Bearer 1." + "0" * 64 + ", Bearer 1." + "0" * 64,
    ],
)
def test_without_a_token_nothing_is_done(device, held_clock, method, path, data, authorization):
    raw = authorization and authorization.encode().decode("latin-1")
    assert refusal(send(device, method, path, data, raw)) == (401, "no_token")


@every
@pytest.mark.parametrize("away", [-901, 901, -(10**9), 10**9])
def test_a_token_is_good_for_its_time(device, held_clock, method, path, data, away):
    headers, _ = signer.request(device.secret, method, device.path + path, data, held_clock.seconds + away)
    response = send(device, method, path, data, headers["Authorization"])
    assert refusal(response) == (401, "wrong_time")
    assert ("ahead of" if away > 0 else "behind") in response.json["message"]


@pytest.mark.parametrize("unit", [10**3, 10**6, 10**9])
def test_a_time_in_another_unit_is_told_the_right_one(device, held_clock, unit):
    headers, _ = signer.request(device.secret, "GET", device.path + "/update", None, held_clock.seconds * unit)
    refused = send(device, "GET", "/update", None, headers["Authorization"])
    assert refusal(refused) == (401, "wrong_time")
    assert refused.json["time"] == held_clock.seconds


@pytest.mark.parametrize("away", [-900, 900])
def test_a_clock_may_be_wrong_by_the_skew(device, held_clock, away):
    headers, _ = signer.request(device.secret, "GET", device.path + "/update", None, held_clock.seconds + away)
    assert send(device, "GET", "/update", None, headers["Authorization"]).status_code == 204


def test_a_device_without_a_clock_learns_the_time(device, held_clock):
    headers, _ = signer.request(device.secret, "GET", device.path + "/update", None, 0)
    refused = send(device, "GET", "/update", None, headers["Authorization"])
    headers, _ = signer.request(device.secret, "GET", device.path + "/update", None, refused.json["time"])
    assert send(device, "GET", "/update", None, headers["Authorization"]).status_code == 204


def strangers(device, register, client):
    """Return devices that are not what they say, by what is wrong with them."""
    other = register("dev2")
    client.by(OTHER).ok("RegisterDevice", ProductKey="theirs", DeviceName="dev1")
    found = {
        "wrong secret": Device(client, "dev1", "x" * 32),
        "no secret": Device(client, "dev1", ""),
        "other device's secret": Device(client, "dev1", other.secret),
        "unknown device": Device(client, "dev9", device.secret),
        "name in another case": Device(client, "DEV1", device.secret),
        "ill-formed name": Device(client, "dev 1", device.secret),
    }
    for name in ("q", "theirs", "P", "oss", "p p"):
        found[f"product {name}"] = stranger = Device(client, "dev1", device.secret)
        stranger.path = f"/device/v1/{name}/dev1"
    return found


@every
def test_whoever_is_not_that_device_is_told_the_same(
    device, register, client, held_clock, log_lines, method, path, data
):
    answers = {}
    for what, stranger in strangers(device, register, client).items():
        headers, body = signer.request(stranger.secret, method, stranger.path + path, data, held_clock.seconds)
        response = client.http.open(stranger.path + path, method=method, data=body, headers=headers)
        assert refusal(response) == (401, "wrong_token"), what
        answers[what] = {**response.json, "request_id": ""}
    assert len({json.dumps(answer) for answer in answers.values()}) == 1
    assert not any(line["level"] != "INFO" for line in log_lines())
    assert database.execute("SELECT version FROM device_version").fetchall() == [("1.0",)]


def test_a_nul_in_a_name_is_a_stranger_too(client):
    headers, _ = signer.request("x", "GET", "/device/v1/p/d\0/update")
    assert refusal(client.http.get("/device/v1/p/d%00/update", headers=headers)) == (401, "wrong_token")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/versions/default", b'{"version":"9.9"}'),
        ("PUT", "/versions/other", b'{"version":"1.0"}'),
        ("POST", "/update/progress", b'{"version":"1.0"}'),
        ("GET", "/update", b'{"version":"1.0"}'),
    ],
)
def test_a_token_is_for_one_request_alone(device, method, path, body):
    token = signer.token(device.secret, "PUT", device.path + "/versions/default", b'{"version":"1.0"}')
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    response = device.http.open(device.path + path, method=method, data=body, headers=headers)
    assert refusal(response) == (401, "wrong_token")


def test_the_query_is_signed_too(device):
    headers = {"Authorization": "Bearer " + signer.token(device.secret, "GET", device.path + "/update")}
    assert refusal(device.http.get(device.path + "/update?module=mcu", headers=headers)) == (401, "wrong_token")


def test_the_very_same_request_may_come_again(device, rollout, states):
    job = rollout()
    device.poll()
    headers, body = signer.request(device.secret, "POST", device.path + "/update/progress", {"percent": 7})
    for _ in range(3):
        again = device.http.post(device.path + "/update/progress", data=body, headers=headers)
        assert again.json["state"] == "in_progress"
    assert states(job) == {"dev1": "IN_PROGRESS"}


@every
def test_a_disabled_device_is_told_so_and_nobody_else_is(client, device, method, path, data):
    client.ok("DisableThing", ProductKey="p", DeviceName="dev1")
    response = device.send(method, path, data)
    assert refusal(response) == (403, "disabled")
    assert refusal(Device(client, "dev1", "x").send(method, path, data)) == (401, "wrong_token")
    client.ok("EnableThing", ProductKey="p", DeviceName="dev1")
    assert device.report("1.1") == {"module": "default", "version": "1.1"}


def test_a_device_that_was_deleted_is_a_stranger(client, device):
    client.ok("DeleteDevice", ProductKey="p", DeviceName="dev1")
    assert refusal(device.send("GET", "/update")) == (401, "wrong_token")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "unknown_path", None)),
        ("GET", "/versions", (404, "unknown_path", None)),
        ("PUT", "/versions/a/b", (404, "unknown_path", None)),
        ("HEAD", "/update", (405, "", "GET")),
        ("POST", "/update", (405, "wrong_method", "GET")),
        ("OPTIONS", "/update", (405, "wrong_method", "GET")),
        ("GET", "/update/progress", (405, "wrong_method", "POST")),
        ("DELETE", "/versions/default", (405, "wrong_method", "PUT")),
    ],
)
def test_other_paths_and_methods(device, method, path, expected):
    response = device.send(method, path)
    code = "" if method == "HEAD" else refusal(response)[1]
    assert (response.status_code, code, response.headers.get("Allow")) == expected


@pytest.mark.parametrize(
    ("path", "data", "names"),
    [
        ("/versions/default", {}, "version is missing"),
        ("/versions/default", {"version": None}, "version is not valid: expected 1 to 256 characters without a blank"),
        ("/versions/default", {"version": 1.0}, "version is not valid"),
        ("/versions/default", {"version": ""}, "version is not valid"),
        ("/versions/default", {"version": "1.0\n"}, "version is not valid"),
        ("/versions/default", {"version": "1 0"}, "version is not valid"),
        ("/versions/default", {"version": "1\u2028"}, "version is not valid"),
        ("/versions/default", {"version": "\0"}, "version is not valid"),
        ("/versions/default", {"version": "1" * 257}, "version is not valid"),
        ("/versions/default", {"version": ["1"]}, "version is not valid"),
        (
            "/versions/default",
            {"version": "1", "module": "mcu"},
            "'module' is not valid: expected no field but version",
        ),
        ("/versions/" + "m" * 65, {"version": "1"}, "module is not valid: expected 1 to 64"),
        ("/versions/a b", {"version": "1"}, "module is not valid: expected 1 to 64"),
    ],
)
def test_a_version_report_says_one_version(device, path, data, names):
    status, code, text = device.refused("PUT", path, data)
    assert (status, code) in ((400, "invalid_field"), (400, "missing_field"))
    assert names in text


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({}, "percent is missing"),
        ({"percent": None}, "percent is not valid: expected an integer from 0 to 100, or from -1 to -4"),
        ({"percent": "5"}, "percent is not valid"),
        ({"percent": 5.0}, "percent is not valid"),
        ({"percent": 1e999}, "cannot be read"),
        ({"percent": True}, "percent is not valid"),
        ({"percent": 101}, "percent is not valid"),
        ({"percent": -5}, "percent is not valid"),
        ({"percent": 10**1000}, "percent is not valid"),
        ({"percent": 1, "message": 5}, "message is not valid: expected a text"),
        ({"percent": 1, "message": None}, "message is not valid: expected a text"),
        ({"percent": 1, "module": ""}, "module is not valid"),
        ({"percent": 1, "messsage": "x"}, "'messsage' is not valid: expected no field but percent, message, module"),
        ({"percent": 1, "\ud800": "x"}, "'\\ud800' is not valid"),
    ],
)
def test_a_progress_report_says_how_far(device, data, names):
    status, _, text = device.refused("POST", "/update/progress", data)
    assert status == 400
    assert names in text


@pytest.mark.parametrize("result", ["", "success", "FAILED", None, 1, ["failed"], {}])
def test_a_result_is_one_of_two(device, result):
    status, code, text = device.refused("POST", "/update/result", {"result": result})
    assert (status, code) == (400, "invalid_field")
    assert 'result is not valid: expected "succeeded" or "failed"' in text


@pytest.mark.parametrize("query", ["module=", "module=a&module=b", "modul=a", "module=a%00", "x"])
def test_a_poll_names_one_module_at_most(device, query):
    assert refusal(device.send("GET", f"/update?{query}")) == (400, "invalid_field")


def test_a_report_takes_no_query(device):
    assert device.refused("PUT", "/versions/default?x=1", {"version": "1"})[1] == "invalid_field"


def raw(device, body, kind="application/json"):
    path = device.path + "/update/progress"
    token = signer.token(device.secret, "POST", path, body, clock.now() // 1000)
    return device.http.post(path, data=body, content_type=kind, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b'"percent"',
        b'{"percent":1',
        b'{"percent":1}x',
        b'{"percent":NaN}',
        b'{"percent":-Infinity}',
        b'{"percent":1e999}',
        b'{"percent":1,"message":{"a":[-1e309]}}',
        b'{"percent":1,"percent":2}',
        b'{"percent":1,"message":{"a":1,"a":2}}',
        b'{"percent":' + b"9" * 5000 + b"}",
        b'{"percent":1,"message":"\xff"}',
        b'{"percent":1,"message":"\x00"}',
        b"[" * 16_000,
        b'{"a":' * 3000,
        '{"percent":1}'.encode("utf-16"),
    ],
)
def test_a_body_is_one_json_object(device, body):
    assert refusal(raw(device, body)) == (400, "unreadable")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_says_that_it_is_json(device, kind):
    assert refusal(raw(device, b'{"percent":1}', kind)) == (415, "not_json")


def test_a_charset_may_be_named(device):
    assert refusal(raw(device, b'{"percent":1}', "application/json; charset=UTF-8")) == (409, "no_task")


def test_a_body_has_a_limit(device):
    body = b'{"percent":1}'
    assert refusal(raw(device, body + b" " * (16 * 1024 - len(body)))) == (409, "no_task")
    assert refusal(raw(device, body + b" " * (16 * 1024 + 1 - len(body)))) == (413, "too_large")


def test_a_database_that_fails_is_said_to_be_unavailable(device, monkeypatch):
    def fail(*_, **__):
        raise database.TROUBLE[0]("gone")

    monkeypatch.setattr(database, "execute", fail)
    response = device.send("GET", "/update")
    assert refusal(response) == (503, "unavailable")
    assert 30 <= int(response.headers["Retry-After"]) <= 60


def test_a_crash_is_ours_and_says_nothing(device, monkeypatch):
    monkeypatch.setattr("otagw.ota.updates.updates.asked", lambda *_, **__: 1 / 0)
    response = device.send("GET", "/update")
    assert refusal(response) == (500, "internal")
    assert "division" not in response.text


def test_neither_secrets_nor_tokens_are_logged(device, log_lines):
    device.poll()
    Device(device, "dev1", "othersecret").send("GET", "/update")
    raw(device, b'{"percent":1,"message":"words"}')
    lines = log_lines()
    assert [(line["action"], line["key_id"], line["code"]) for line in lines] == [
        ("device.update", "p/dev1", ""),
        ("device.update", "p/dev1", "wrong_token"),
        ("device.progress", "p/dev1", "no_task"),
    ]
    text = json.dumps(lines)
    assert not re.search(r"[0-9a-f]{64}|Bearer|words|othersecret", text)
    assert device.secret not in text


def test_every_refusal_is_documented():
    page = (ROOT / "docs/device-api.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.M)
    assert rows == [(str(status), code) for code, status, _ in codes.CODES.values()]


def test_a_fault_that_no_device_can_cause_is_ours():
    assert Front().spell(errors.TokenReused())[:2] == ("internal", 500)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("version", "percent", "message", "module", "result"), anything)
)
bodies = st.builds(json.dumps, anything | fields, ensure_ascii=st.just(True)).map(str.encode) | st.binary(max_size=200)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, path=st.sampled_from(["/versions/default", "/update/progress", "/update/result"]))
def test_no_body_is_too_much_for_the_gateway(device, monkeypatch, body, path):
    monkeypatch.setattr(rate_limits, "DEVICE_RATE", Rate(1000, 100_000))
    method, path = "PUT" if "versions" in path else "POST", device.path + path
    headers = {"Authorization": f"Bearer {signer.token(device.secret, method, path, body, clock.now() // 1000)}"}
    response = device.http.open(path, method=method, data=body, content_type="application/json", headers=headers)
    assert response.status_code in (200, 400, 409)
    assert response.content_type == "application/json"


def test_the_example_of_the_page_is_right():
    page = (ROOT / "docs/device-api.md").read_text(encoding="utf-8")
    (signed,) = re.findall(r"^```text\n(.*?)\n```$", page, re.M | re.S)
    method, path, seconds, body = signed.split("\n")
    _, token = signer.token("s3cret", method, path, body.encode(), seconds).split(".")
    assert f"`{token}`" in page
