"""The control API against what is not meant: other programs, pages, held requests, and any bytes at all."""

import base64
import concurrent.futures
import json
import re

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw.testing import acts, fields
from tests.conftest import ROOT

PAGE = {"CurrentPage": 1, "PageSize": 10}


# --- other programs of the machine, and pages


def test_a_seed_over_http_reads_no_file(control, otagw, tmp_path):
    (tmp_path / "private").write_text("not to be served")
    for how in ({}, {"data": "x"}):
        row = {"name": "leak", "version": "1", "file": str(tmp_path / "private"), **how}
        said = control("POST", "/seed", {"packages": [{"name": "p", "version": "1"}, row]}, status=400)["error"]
        assert said.startswith("packages 2: file: expected data or data_base64")
    text = f'[[packages]]\nname = "leak"\nversion = "1"\nfile = "{tmp_path}/private"\n'
    control("POST", "/seed", text, status=400, headers={"Content-Type": "application/toml"})
    assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 0


def test_bytes_of_a_seed_come_in_base64(control, otagw):
    row = {"name": "p", "version": "1", "data_base64": base64.b64encode(b"\0\xff").decode()}
    number = control("POST", "/seed", {"packages": [row]})["packages"]["p"]
    url = otagw.call("QueryOTAFirmware", FirmwareId=number)["FirmwareInfo"]["FirmwareUrl"]
    assert requests.get(url).content == b"\0\xff"
    for wrong, problem in (
        ({"data": "x"}, "not both"),
        ({"data_base64": "%"}, "Base64"),
        ({"data_base64": 1}, "Base64"),
    ):
        body = {"packages": [{**row, **wrong}]}
        assert problem in control("POST", "/seed", body, status=400)["error"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", "192.0.2.7", "[::1", ""])
def test_a_page_that_rebinds_its_name_is_kept_out(control, host):
    control("POST", "/reset", status=403, headers={"Host": host})


def test_an_address_that_is_open_is_reached_by_addresses_and_by_no_other_name(control):
    application, server = control.application, control.server
    application.serve_as(server.netloc, server.port, is_open=True)
    for host in ("192.0.2.7:80", "[2001:db8::1]:9000", "localhost:19000"):
        control("GET", "/clock", headers={"Host": host})
    for host in ("evil.example", f"127.0.0.1.nip.example:{server.port}", "[::1", ""):
        control("GET", "/clock", status=403, headers={"Host": host})
    control("GET", "/clock", status=403, headers={"Host": "192.0.2.7", "Origin": "http://192.0.2.7"})


def test_receivers_are_so_many_at_most(control, monkeypatch):
    monkeypatch.setattr(acts, "MOST_HOOKS", 2)
    for _ in range(2):
        control("POST", "/webhooks")
    assert "at most 2 receivers" in control("POST", "/webhooks", status=409)["error"]
    control("POST", "/reset")
    control("POST", "/webhooks")


# --- what holds a request up


@pytest.fixture
def held(control, otagw):
    """Hold a client's request by a delay of ten minutes; give what becomes of it."""
    control("POST", "/faults", {"operation": "ListOTAFirmware", "delay": 600, "times": 1})
    url = otagw.sign("ListOTAFirmware", **PAGE)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = pool.submit(requests.get, url)
        while not next(iter(otagw.faults)).met:
            assert not found.done()
        yield found
        otagw.faults.clear()


def test_a_client_that_is_held_holds_up_no_control_request(control, held):
    control("POST", "/devices", {"product": "a1lock"})
    control("POST", "/packages", {"name": "p", "version": "1"})
    control("POST", "/clock", {"advance": {"days": 1}})
    control("POST", "/devices/a1lock/device-00001/poll")
    control("GET", "/calls")
    control("POST", "/verify")
    assert not held.done()
    control("DELETE", "/faults")
    assert held.result(60).status_code == 200


@pytest.mark.parametrize("path", ["/snapshot", "/reset"])
def test_a_client_that_is_held_goes_on_before_a_reset_or_a_snapshot(control, held, path):
    control("POST", path)
    assert held.result(60).status_code == 200


def test_faults_are_taken_away_while_a_device_is_held(control, otagw):
    control("POST", "/devices", {"product": "a1lock"})
    control("POST", "/faults", {"operation": "device.update", "delay": 600})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(control, "POST", "/devices/a1lock/device-00001/poll")
        while not next(iter(otagw.faults)).met:
            assert not asked.done()
        control("DELETE", "/faults", {"all": True}, status=400)
        assert len(otagw.faults) == 1
        control("DELETE", "/faults")
        assert asked.result(60)["offer"] is None


def test_an_update_that_was_taken_back_is_a_conflict(control):
    control("POST", "/devices", {"product": "a1lock"})
    package = control("POST", "/packages", {"name": "p", "version": "2", "product": "a1lock"})["id"]
    job = control("POST", "/rollouts", {"package": package, "product": "a1lock"})["id"]
    control("POST", "/devices/a1lock/device-00001/poll")
    control("POST", "/call", {"action": "CancelOTATaskByJob", "params": {"JobId": job, "CancelNotifiedTask": True}})
    said = control("POST", "/devices/a1lock/device-00001/progress", {"percent": 10}, status=409)["error"]
    assert said == "a1lock/device-00001: the gateway has taken the update back"


# --- any bytes at all


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [("POST", "/reset?hard=1", None, 400, "hard: expected fields in the body, not in the query"),
     ("DELETE", "/faults?operation=x", None, 400, "operation: expected fields in the body"),
     ("GET", "/calls", {"operation": "x"}, 400, "operation: expected fields in the query"),
     ("POST", "/clock", '{"advance": {"days": NaN}}', 400, "without NaN"),
     ("POST", "/clock", '{"advance": {"days": 1e999}}', 400, "without NaN and Infinity"),
     ("POST", "/clock", {"advance": {"days": 10**20}}, 400, "days: expected a number"),
     ("POST", "/clock", {"advance": {"days": 10**9}}, 400, "a length of time that ends before 2089"),
     ("POST", "/clock", {"run_until_idle": {"days": 10**9}}, 400, "a length of time that ends before 2089"),
     ("POST", "/call", '{"action": "List\\ud800"}', 400, "half of a surrogate pair after '{\"action\": \"List'"),
     ("POST", "/seed", '{"accounts": [{"name": "\\udc00"}]}', 400, "half of a surrogate pair"),
     ("POST", "/seed", {"devices": [{"product": "a", "count": 10**12}]}, 400, "count: expected 1 to 100000"),
     ("POST", "/devices", {"product": "a", "count": 10**12}, 400, "count: expected 1 to 100000"),
     ("POST", "/clock", "[" * 100_000, 400, "one JSON object"), ("POST", "/clock", '{"a":' * 900, 400, "one JSON"),
     ("POST", "/clock", {"freeze": "9" * 10**6}, 400, "a time like")],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_shortly(control, method, path, body, status, problem):
    answer = control(method, path, body, status=status)
    assert problem in answer["error"]
    assert len(answer["error"]) <= 4000


def test_a_method_that_there_is_not_says_which_there_are(control):
    answer = requests.request("PATCH", f"{control.server.url}/_otagw/faults")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, POST")


# The fields of each path; of others, `{}`.
FIELDS = {
    "/clock": fields.CLOCK, "/faults": fields.FAULT, "/devices": fields.DEVICES, "/packages": fields.PACKAGE,
    "/rollouts": fields.ROLLOUT, "/devices/play": {"devices": fields.TEXTS, **fields.BEHAVIOUR},
    "/calls/expect": {"operation": fields.TEXT, "params": fields.OBJECT, "times": fields.WHOLE},
    "/call": {"action": fields.TEXT, "params": fields.OBJECT, "key_id": fields.TEXT, "secret": fields.TEXT},
    "/accounts": {"name": fields.TEXT, "grants": fields.TEXTS, "key_id": fields.TEXT, "secret": fields.TEXT},
    "/webhooks": {"events": fields.TEXTS, "answers": fields.STATUSES, "account": fields.TEXT},
    "/devices/<product>/<name>/<act>": {"version": fields.TEXT, "reason": fields.TEXT, "percent": fields.WHOLE},
    "/seed": dict.fromkeys(("accounts", "products", "devices", "packages", "jobs", "webhooks"), fields.ANYTHING),
}  # fmt: skip
WORDS = (
    *("*", "main", "a1lock", "device", "ddi", "bin", "commit", "default", "1.0", "1", "job.*", "CreateOTAFirmware"),
    *("QueryOTAJob", "oss.upload", "device.update", "Throttling.User", "2026-11-22T00:00Z", "device-00001"),
)
TEXTS = st.sampled_from(WORDS) | st.text(max_size=5)
# What may make a request take as long as it says.
SLOW = ("poll", "delay", "bandwidth")
WHOLES = st.integers(-2, 4) | st.sampled_from((200, 503, 10**6, 10**9, 10**14, 10**40, -(10**40)))
NUMBERS = WHOLES | st.sampled_from((0.5, 1e6, 1e300, -1e300)) | st.floats(0, 3)
NAMES = sorted(
    {*fields.LENGTH, *fields.PACKAGE, *fields.DEVICES, *fields.ROLLOUT, "url", "key", "FirmwareName", "self"}
)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
)
OF_KIND = {
    fields.TEXT: TEXTS, fields.NUMBER: NUMBERS, fields.WHOLE: WHOLES, fields.FLAG: st.booleans(),
    fields.TIME: TEXTS | WHOLES, fields.TEXTS: st.lists(TEXTS, max_size=3),
    fields.STATUSES: st.lists(WHOLES, max_size=3),
    fields.OBJECT: st.dictionaries(st.sampled_from(NAMES), ANY, max_size=3),
    fields.ANYTHING: st.lists(st.dictionaries(st.sampled_from(NAMES), ANY, max_size=3), max_size=2),
}  # fmt: skip


@st.composite
def requests_of(draw):
    """Draw a request that is right in most of its fields, or not at all."""
    act = draw(st.sampled_from(acts.TABLE))
    path = re.sub("<product>", "a1lock", act.path)
    path = re.sub("<name>", "device-00001", path)
    path = re.sub("<act>", draw(st.sampled_from((*fields.DEEDS, "x"))), path)
    path = re.sub("<number>", draw(st.sampled_from(("1", "2", "x", "%00", "%ff", "9" * 5000))), path)
    if act.method == "GET":
        return act.method, path + draw(st.sampled_from(("", "?operation=*", "?x=%ff&operation=[", "?=&&"))), None
    known = FIELDS.get(act.path, {}) if act.method == "POST" else {}
    each = {name: OF_KIND.get(kind, ANY) | ANY for name, kind in known.items() if name not in SLOW}
    chosen = draw(st.sets(st.sampled_from(sorted(each)), max_size=5)) if each else ()
    body = {name: draw(each[name]) for name in chosen}
    return act.method, path, draw(st.sampled_from((json.dumps(body).encode(), None))) or draw(st.binary(max_size=30))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=requests_of())
def test_no_request_makes_it_fail(control, asked):
    control("POST", "/devices/stop")  # so that no time that is let pass is long
    method, path, body = asked
    answer = requests.request(method, f"{control.server.url}/_otagw{path}", data=body)
    assert answer.status_code in (200, 400, 404, 409), (asked, answer.text)
    assert isinstance(answer.json(), dict)


def test_the_guide_has_every_path():
    text = (ROOT / "docs/testing/other-languages.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `") and "/_otagw" in line]
    shown = {"<product>": "PRODUCT", "<name>": "NAME", "<act>": "ACT", "<number>": "ID"}
    for act in acts.TABLE:
        path = re.sub("<[a-z]+>", lambda found: shown[found[0]], act.path)
        pattern = rf"/_otagw{re.escape(path)}(?![/\w])"
        assert any(re.search(pattern, row) and act.method in row for row in rows) or re.search(
            rf"{act.method} /_otagw{re.escape(path)}`", text
        ), act.path


def test_many_ask_at_once_and_each_is_answered(control):
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(control, "POST", "/devices", {"product": "a1lock", "count": 2}) for _ in range(20)]
        names = [device["name"] for one in asked for device in one.result(60)["devices"]]
    assert sorted(names) == [f"device-{number:05}" for number in range(1, 41)]
