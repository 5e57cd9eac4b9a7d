"""Whoever is no device, or says what no device says, is refused: in JSON, by a code, and never with a crash."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw import errors
from otagw.db import database
from otagw.dialects.ddi import codes
from otagw.dialects.ddi.route import OPERATIONS, Front
from otagw.security import rate_limits
from otagw.security.rate_limits import Rate
from tests.conftest import OTHER, ROOT
from tests.ddi.conftest import Device, refusal

FEEDBACK = {"id": 1, "status": {"execution": "closed", "result": {"finished": "success"}, "details": []}}
EVERY = [
    ("GET", "", None),
    ("PUT", "/configData", {"data": {"version": "9"}}),
    ("POST", "/configData", {"data": {"version": "9"}}),
    ("GET", "/deploymentBase/1", None),
    ("POST", "/deploymentBase/1/feedback", FEEDBACK),
    ("GET", "/softwaremodules/1/artifacts/fw.swu", None),
    ("GET", "/cancelAction/1", None),
    ("POST", "/cancelAction/1/feedback", FEEDBACK),
]
every = pytest.mark.parametrize(("method", "path", "data"), EVERY)


def by(device, authorization, name=None, product="p"):
    return Device(device.http, name or device.name, authorization, product)


def test_every_operation_is_among_those_that_are_tried():
    declared = {
        (method, operation.path.replace("<action>", "1").replace("<file>", "fw.swu"))
        for operation in OPERATIONS
        for method in operation.methods
        if method != "HEAD"  # which has no body to be read
    }
    assert declared == {(method, path) for method, path, _ in EVERY}


def strangers(device, register, client):
    """Return devices that are not what they say, by what is wrong with them."""
    own, other = device.authorization, register("dev2")
    secret = own.split()[1]
    client.by(OTHER).ok("RegisterDevice", ProductKey="theirs", DeviceName="dev1")
    wrong = {
        "missing": None,
        "empty": "",
        "no token": "TargetToken",
        "blank token": "TargetToken ",
        "other scheme": f"Bearer {secret}",
        "no scheme": secret,
        "wrong secret": "TargetToken " + "x" * 32,
        "other device": other.authorization,
        "secret as gateway token": f"GatewayToken {secret}",
        "gateway token unset": "GatewayToken None",
        "empty gateway token": "GatewayToken ",
        "not ASCII": "TargetToken \xe9\xe8",
        "too long": "TargetToken " + "x" * 600,
        "two": f"{own}, {own}",
        "longer": own + "x",
        "shorter": own[:-1],
    }
    found = {what: by(device, authorization) for what, authorization in wrong.items()}
    for name in ("dev9", "DEV1", "dev 1", "dev%001"):
        found[f"name {name}"] = by(device, own, name)
    for product in ("q", "theirs", "THEIRS", "p p"):
        found[f"product {product}"] = by(device, own, product=product)
    return found


@every
def test_whoever_is_not_that_device_is_told_the_same(device, register, client, log_lines, method, path, data):
    answers = set()
    for what, stranger in strangers(device, register, client).items():
        response = stranger.send(method, path, data)
        assert refusal(response) == (401, "wrong_token"), what
        assert response.headers["WWW-Authenticate"] == "TargetToken"
        answers.add(json.dumps({**response.json, "request_id": ""}))
    assert len(answers) == 1
    assert not any(line["level"] != "INFO" for line in log_lines())
    assert database.execute("SELECT version FROM device_version").fetchall() == [("1.0",)]


@pytest.mark.parametrize("scheme", ["TargetToken", "targettoken", "TARGETTOKEN"])
def test_the_scheme_is_read_without_regard_to_case(device, scheme):
    assert by(device, f"{scheme}   {device.authorization.split()[1]}").poll()


@every
def test_a_disabled_device_is_told_so_and_nobody_else_is(client, device, method, path, data):
    client.ok("DisableThing", ProductKey="p", DeviceName="dev1")
    assert refusal(device.send(method, path, data)) == (403, "disabled")
    assert refusal(by(device, "TargetToken x").send(method, path, data)) == (401, "wrong_token")


def test_a_device_that_was_deleted_is_a_stranger(client, device):
    client.ok("DeleteDevice", ProductKey="p", DeviceName="dev1")
    assert refusal(device.send("GET")) == (401, "wrong_token")


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/deploymentBase", 404, None),
        ("GET", "/deploymentBase/1/feedback/2", 404, None),
        ("GET", "/installedBase/1", 404, None),
        ("GET", "/softwaremodules/1/artifacts", 404, None),
        ("POST", "", 405, "GET"),
        ("HEAD", "", 405, "GET"),
        ("OPTIONS", "", 405, "GET"),
        ("DELETE", "", 405, "GET"),
        ("GET", "/configData", 405, "POST, PUT"),
        ("POST", "/deploymentBase/1", 405, "GET"),
        ("GET", "/deploymentBase/1/feedback", 405, "POST"),
        ("PUT", "/cancelAction/1/feedback", 405, "POST"),
    ],
)
def test_other_paths_and_methods(device, method, path, status, allowed):
    for own in (device, by(device, None)):
        response = own.send(method, path)
        assert (response.status_code, response.headers.get("Allow")) == (status, allowed)
        assert response.content_type == "application/json"
        if method != "HEAD":
            assert refusal(response)[0] == status


@pytest.mark.parametrize(
    "path", ["/p/controller/v1/", "/p/controller/v1", "/p/controller/v1/dev1/a/b/c/d", "/p/controller/v1/d%2F1"]
)
def test_what_lies_beside_is_json_too(client, path):
    assert refusal(client.http.get(path)) in ((404, "unknown_path"), (401, "wrong_token"))


@pytest.mark.parametrize("name", ["a:b@c.d", "00:1B:44:11:3A:B7", "_.-_"])
def test_a_name_may_be_escaped_or_not(register, name):
    device = register(name)
    escaped = "".join(f"%{ord(c):02x}" for c in name)
    for written in (name, escaped):
        found = by(device, device.authorization, written)
        href = found.links()["configData"]
        assert device.send("POST", href, b"x").status_code == 400


@pytest.mark.parametrize(
    ("body", "code", "names"),
    [
        (b"", "unreadable", "it is empty"),
        (b"null", "unreadable", "the body is null, expected one JSON object"),
        (b"[]", "unreadable", "the body is a list, expected one JSON object"),
        (b"{", "unreadable", ""),
        (b"[" * 60_000, "unreadable", ""),
        (b'{"id":' + b"9" * 5000 + b"}", "unreadable", ""),
        ({}, "missing_field", "status is missing"),
        ({"status": None}, "missing_field", "status is missing"),
        ({"status": []}, "invalid_field", "status is not valid: expected an object"),
        ({"id": [], "status": {}}, "invalid_field", "id is not valid"),
        ({"status": {}}, "missing_field", "status.execution is missing"),
        ({"status": {"execution": 5}}, "invalid_field", "status.execution is not valid"),
        ({"status": {"execution": "done"}}, "invalid_field", "expected one of proceeding"),
        ({"status": {"execution": "closed"}}, "missing_field", "status.result.finished is missing"),
        ({"status": {"execution": "closed", "result": 1}}, "invalid_field", "status.result is not valid"),
        ({"status": {"execution": "closed", "result": {"finished": "yes"}}}, "invalid_field", "status.result.finished"),
        ({"status": {"execution": "proceeding", "details": 5}}, "invalid_field", "status.details"),
        ({"status": {"execution": "proceeding", "details": [5]}}, "invalid_field", "status.details"),
        ({"status": {"execution": "proceeding", "result": {"progress": 5}}}, "invalid_field", "status.result.progress"),
        (
            {"status": {"execution": "proceeding", "result": {"progress": {"cnt": "1", "of": 2}}}},
            "invalid_field",
            "progress.cnt",
        ),
        (
            {"status": {"execution": "proceeding", "result": {"progress": {"percentage": True}}}},
            "invalid_field",
            "percentage",
        ),
        (
            {"status": {"execution": "proceeding", "result": {"progress": {"percentage": float("nan")}}}},
            "unreadable",
            "the number NaN",
        ),
        ({"id": float("inf"), "status": {"execution": "proceeding"}}, "unreadable", "the number Infinity"),
    ],
)
def test_a_feedback_names_what_is_wrong(device, rollout, task, body, code, names):
    job = rollout()
    action = device.deployment()["id"]
    for kind in ("deploymentBase", "cancelAction"):
        response = device.send("POST", f"/{kind}/{action}/feedback", body)
        assert refusal(response) == (400, code)
        assert names in response.json["message"]
    assert task(job)["TaskStatus"] == "NOTIFIED"


@pytest.mark.parametrize(
    ("progress", "percent"),
    [
        ({"cnt": 1, "of": 3}, "33"),
        ({"cnt": 5, "of": 3}, "100"),
        ({"cnt": 1, "of": 0}, "0"),
        ({"cnt": 1}, "0"),
        ({"percentage": 40.9}, "40"),
        ({"percentage": -5}, "0"),
        ({"percentage": 900}, "100"),
        ({}, "0"),
        (None, "0"),
    ],
)
def test_progress_comes_in_two_forms(device, rollout, task, progress, percent):
    job = rollout()
    assert device.tell(device.action(), "proceeding", progress=progress).status_code == 200
    assert task(job)["Progress"] == percent


def test_a_body_has_a_limit(device):
    body = json.dumps({"data": {"a": "b"}}).encode()
    assert device.send("PUT", "/configData", body + b" " * (1024 * 1024 - len(body))).status_code == 200
    assert refusal(device.send("PUT", "/configData", body + b" " * (1024 * 1024))) == (413, "too_large")


def test_a_database_that_fails_is_said_to_be_unavailable(device, rollout, task, monkeypatch):
    job = rollout()
    action = device.deployment()["id"]

    def fail(*_, **__):
        raise database.TROUBLE[0]("gone")

    waits = set()
    with monkeypatch.context() as patch:
        patch.setattr(database, "execute", fail)
        for _ in range(30):
            response = device.tell(action, "closed", "failure")
            assert refusal(response) == (503, "unavailable")
            waits.add(int(response.headers["Retry-After"]))
    assert all(30 <= wait <= 60 for wait in waits)
    assert len(waits) > 1
    assert task(job)["TaskStatus"] == "NOTIFIED"


def test_a_crash_is_ours_and_says_nothing(device, monkeypatch):
    monkeypatch.setattr("otagw.ota.updates.numbered_tasks.shown", lambda *_: 1 / 0)
    response = device.send("GET")
    assert refusal(response) == (500, "internal")
    assert "division" not in response.text


def test_tokens_are_not_logged(device, log_lines):
    device.poll()
    by(device, "TargetToken othersecret").send("GET")
    device.identify(note="words")
    lines = log_lines()
    assert [(line["action"], line["key_id"], line["code"]) for line in lines] == [
        ("ddi.poll", "p/dev1", ""),
        ("ddi.poll", "p/dev1", "wrong_token"),
        ("ddi.attributes", "p/dev1", ""),
    ]
    text = json.dumps(lines)
    assert not re.search("othersecret|words|Token", text)
    assert device.authorization.split()[1] not in text


def test_every_refusal_is_documented():
    page = (ROOT / "docs/ddi.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", page, re.M)
    assert rows == [(str(status), code) for code, status, _ in codes.CODES.values()]


@pytest.mark.parametrize("fault", errors.family(), ids=lambda fault: fault.__name__)
def test_every_fault_is_spelled(fault):
    given = {"given": 1, "actual": 1, "limit": 1, "seconds": 1, "allowed": ()}
    fields = [name for name in fault.__dataclass_fields__ if name != "hint"]
    code, status, text = Front().spell(fault(**{name: given.get(name, "x") for name in fields}))
    assert code
    assert 400 <= status < 600
    assert "{" not in text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
progress = st.fixed_dictionaries({}, optional=dict.fromkeys(("cnt", "of", "percentage"), anything | st.integers(0, 9)))
words = st.sampled_from(["proceeding", "closed", "rejected", "canceled", "Download"])
results = st.fixed_dictionaries(
    {},
    optional={"finished": st.sampled_from(["success", "failure", "none"]) | anything, "progress": progress | anything},
)
status = st.fixed_dictionaries(
    {},
    optional={"execution": words | anything, "result": results | anything, "details": st.lists(st.text()) | anything},
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "id": anything,
        "status": status | anything,
        "data": st.dictionaries(st.text(max_size=140), anything | st.text(max_size=9), max_size=4) | anything,
        "mode": st.sampled_from(["merge", "replace", "remove"]) | anything,
    },
)
bodies = st.builds(json.dumps, objects | anything).map(str.encode) | st.binary(max_size=200)
PATHS = ("/configData", "/deploymentBase/{}/feedback", "/cancelAction/{}/feedback")


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies, path=st.sampled_from(PATHS))
def test_no_body_is_too_much_for_the_gateway(device, rollout, monkeypatch, body, path):
    monkeypatch.setattr(rate_limits, "DEVICE_RATE", Rate(1000, 100_000))
    action = device.action()
    if action is None and "deployment" in path:
        database.execute("UPDATE task SET state = 'queued', action = 7, recall = NULL")
        action = device.action() or "7"
    response = device.send("POST", path.format(action or 7), body)
    assert response.status_code in (200, 400, 404, 409, 410)
    assert response.content_type == "application/json"
