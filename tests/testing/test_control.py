"""The control API: all that a test in another language can ask for, and what is refused, always as JSON."""

import base64
import http.client
import json
import threading

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otagw.testing import acts

AT = "2026-11-22T00:00Z"


def test_a_rollout_from_its_devices_to_its_end(control, otagw):
    control("POST", "/clock", {"freeze": AT})
    made = control("POST", "/devices", {"product": "a1lock", "count": 3, "version": "1.0.0"})["devices"]
    assert [one["name"] for one in made] == ["device-00001", "device-00002", "device-00003"]
    package = control("POST", "/packages", {"name": "fw", "version": "2.0", "product": "a1lock", "data": "bytes"})
    rollout = {"package": package["id"], "schedule": "2026-11-22T01:00Z", "timeout_minutes": 30}
    job = control("POST", "/rollouts", rollout)
    assert (job["state"], set(job["tasks"].values())) == ("PLANNED", {"QUEUED"})
    assert control("POST", "/clock", {"next": True})["now"] == "2026-11-22T01:00:00.000Z"
    taken = control("POST", "/devices/a1lock/device-00001/take")
    assert (taken["version"], taken["offer"]) == ("2.0", {"version": "2.0", "module": "default"})
    control("POST", "/devices/a1lock/device-00002/progress", {"percent": 40, "message": "half way"})
    control("POST", "/devices/a1lock/device-00002/fail", {"reason": "flash"})
    control("POST", "/devices/play", {"devices": ["a1lock/device-00003"], "poll": 60})
    control("POST", "/clock", {"run_until_idle": {"days": 1}})
    assert control("GET", f"/rollouts/{job['id']}")["counts"] == {"FAILED": 1, "SUCCEEDED": 2}
    control("POST", "/calls/expect", {"operation": "device.progress", "params": {"percent": 40}, "times": 1})
    assert len(control("GET", "/devices")["devices"]) == len(otagw.devices) == 3


def test_faults_are_added_met_and_verified(control, otagw):
    control("POST", "/faults", {"operation": "ListOTAFirmware", "code": "Throttling.User", "times": 1})
    assert "ListOTAFirmware code='Throttling.User'" in control("POST", "/verify", status=409)["error"]
    url = otagw.sign("ListOTAFirmware", CurrentPage=1, PageSize=10)
    assert requests.get(url).json()["Code"] == "Throttling.User"
    control("POST", "/verify")
    assert control("GET", "/faults")["faults"][0]["met"] == 1
    (call,) = control("GET", "/calls?operation=List*&PageSize=10")["calls"]
    assert (call["code"], call["params"]["CurrentPage"]) == ("Throttling.User", "1")
    control("DELETE", "/faults")
    control("DELETE", "/calls")
    assert (control("GET", "/faults")["faults"], control("GET", "/calls")["calls"]) == ([], [])


def test_an_expectation_that_does_not_hold_shows_the_nearest(control, otagw):
    requests.get(otagw.sign("CreateOTAFirmware", FirmwareName="a", DestVersion="1"))
    body = {"operation": "CreateOTAFirmware", "params": {"FirmwareName": "b"}}
    assert "FirmwareName: expected 'b', got 'a'" in control("POST", "/calls/expect", body, status=409)["error"]
    control("POST", "/calls/expect", {**body, "times": 0})
    named = {"operation": "CreateOTAFirmware", "times": 0}
    assert "expected no CreateOTAFirmware, there were 1" in control("POST", "/calls/expect", named, status=409)["error"]
    refused = {"operation": "CreateOTAFirmware", "refused": "Other"}
    assert "all refused with Other" in control("POST", "/calls/expect", refused, status=409)["error"]


def test_the_clock_is_moved_in_every_way(control):
    assert control("POST", "/clock", {"freeze": AT})["frozen"] is True
    assert control("POST", "/clock", {"advance": {"hours": 2, "minutes": 1}})["now"] == "2026-11-22T02:01:00.000Z"
    assert control("POST", "/clock", {"advance": {"to": "2026-11-23"}})["now"] == "2026-11-23T00:00:00.000Z"
    assert control("POST", "/clock", {"strict": True})["strict"] is True
    assert control("POST", "/clock", {"next": True})["now"] == "2026-11-23T00:00:00.000Z"
    assert control("POST", "/clock", {"unfreeze": True})["frozen"] is False
    assert control("GET", "/clock")["strict"] is True
    assert control("POST", "/clock", {"run_until_idle": True})["frozen"] is False


def test_a_seed_is_json_or_toml(control):
    made = control("POST", "/seed", {"devices": [{"product": "a1lock"}], "accounts": [{"name": "factory"}]})
    assert made["devices"][0]["secret"]
    assert made["accounts"]["factory"]["secret"]
    text = '[[packages]]\nname = "p"\nversion = "1"\ndata = "x"\n'
    assert control("POST", "/seed", text, headers={"Content-Type": "application/toml"})["packages"]["p"]
    assert "no device; did you mean devices" in control("POST", "/seed", {"device": []}, status=400)["error"]
    assert (
        "expected a body that is TOML"
        in control("POST", "/seed", "[[", status=400, headers={"Content-Type": "application/toml"})["error"]
    )


def test_snapshots_nest_and_are_forgotten_by_a_reset(control, otagw):
    first = control("POST", "/snapshot")["id"]
    control("POST", "/packages", {"name": "a", "version": "1"})
    control("POST", "/snapshot")
    control("POST", "/packages", {"name": "b", "version": "1"})
    page = {"action": "ListOTAFirmware", "params": {"CurrentPage": 1, "PageSize": 10}}
    assert control("POST", "/call", page)["Total"] == 2
    control("POST", f"/snapshot/{first}/restore")
    assert control("POST", "/call", page)["Total"] == 0
    control("POST", f"/snapshot/{first}/restore", status=404)
    for _ in range(acts.MOST_SNAPSHOTS):
        control("POST", "/snapshot")
    assert "at most 16" in control("POST", "/snapshot", status=409)["error"]
    control("POST", "/packages", {"name": "c", "version": "1"})
    control("POST", "/reset")
    assert control("POST", "/call", page)["Total"] == 0
    control("POST", "/snapshot/1/restore", status=404)


def test_webhooks_accounts_and_bytes(control, otagw):
    hook = control("POST", "/webhooks", {"events": ["job.created"], "answers": [500, 200]})
    data = base64.b64encode(b"\0\xff").decode()
    package = control("POST", "/packages", {"name": "p", "version": "2", "product": "a1lock", "data_base64": data})
    control("POST", "/devices", {"product": "a1lock", "protocol": "ddi", "names": ["swu-1"]})
    control("POST", "/rollouts", {"package": package["id"], "product": "a1lock", "devices": ["swu-1"]})
    control("POST", "/clock", {"advance": {"minutes": 1}})
    deliveries = control("GET", f"/webhooks/{hook['id']}")["deliveries"]
    assert [(one["event"], one["answered"]) for one in deliveries] == [("job.created", 500), ("job.created", 200)]
    key = control("POST", "/accounts", {"name": "factory", "grants": ["ota:List*"]})
    body = {"action": "CreateOTAFirmware", "params": {}, "key_id": key["id"], "secret": key["secret"]}
    assert control("POST", "/call", body)["Code"] == "NoPermission"
    control("GET", "/webhooks/9", status=404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [("GET", "/nowhere", None, 404, "GET /_otagw lists them"), ("PUT", "/clock", None, 405, "methods GET, POST"),
     ("POST", "/clock", "[1]", 400, "one JSON object"), ("POST", "/clock", b"\xff", 400, "one JSON object"),
     ("POST", "/clock", {"freez": True}, 400, "did you mean freeze"),
     ("POST", "/clock", {"freeze": 1.5}, 400, "expected true, or"),
     ("POST", "/clock", {"freeze": "soon"}, 400, "a time like"),
     ("POST", "/clock", {"advance": {"hour": 1}}, 400, "did you mean hours"),
     ("POST", "/clock", {"advance": {"hours": "1"}}, 400, "hours: expected a number"),
     ("POST", "/clock", {"advance": {"hours": -1}}, 400, "a time to come"),
     ("POST", "/clock", {"freeze": True, "next": True}, 400, "expected one of freeze, next"),
     ("POST", "/accounts", {"name": "x", "grants": ["ota:Nothing"]}, 400, "ota:Nothing covers none"),
     ("POST", "/faults", {"status": 503}, 400, "operation: expected a text, got nothing"),
     ("POST", "/faults", {"operation": "CreateOTAFirmwar", "status": 503}, 400, "did you mean CreateOTAFirmware"),
     ("POST", "/faults", {"operation": "*", "alter": "x"}, 400, "alter: there is no such field"),
     ("POST", "/faults", {"operation": "*", "status": "503"}, 400, "status: expected a whole number"),
     ("POST", "/faults", {"operation": "*", "status": True}, 400, "status: expected a whole number"),
     ("POST", "/devices", {"product": "a1lock", "protocol": "x"}, 400, "expected one of device, ddi"),
     ("POST", "/devices/a1lock/nobody/take", None, 404, "no device a1lock/nobody"),
     ("POST", "/packages", {"name": "p", "version": "1", "data_base64": "%"}, 400, "expected Base64"),
     ("POST", "/packages", {"name": "p", "version": "no good"}, 409, "InvalidParameter"),
     ("POST", "/packages", {"name": "p", "version": "1", "params": {"suffix": "x"}}, 400, "suffix"),
     ("POST", "/rollouts", {"package": "1", "product": "p"}, 409, "FirmwareNotFound"),
     ("POST", "/rollouts", {"package": "1"}, 400, "product: expected one"),
     ("GET", "/rollouts/17", None, 404, "no rollout 17"), ("POST", "/webhooks", {"answers": []}, 400, "HTTP statuses"),
     ("POST", "/call", {"action": "NoSuch"}, 200, None), ("POST", "/reset", {"hard": True}, 400, "no such field"),
     ("POST", "/snapshot/x/restore", None, 404, "no snapshot x")],
)  # fmt: skip
def test_what_is_wrong_is_refused(control, method, path, body, status, problem):
    answer = control(method, path, body, status=status)
    assert problem is None or problem in answer["error"], answer


def test_a_device_that_is_offered_nothing_or_does_nothing_known(control):
    control("POST", "/devices", {"product": "a1lock"})
    assert "is offered no update" in control("POST", "/devices/a1lock/device-00001/take", status=409)["error"]
    assert "expected one of poll, take" in control("POST", "/devices/a1lock/device-00001/dance", status=404)["error"]
    assert "percent" in control("POST", "/devices/a1lock/device-00001/progress", status=400)["error"]


def test_pages_of_others_are_kept_out(control):
    control("GET", "/clock", status=403, headers={"Origin": "https://evil.example"})
    control("GET", "/clock", status=403, headers={"Host": "evil.example"})
    control("POST", "/reset", status=403, headers={"Origin": "null"})


def test_a_body_over_the_limit_is_refused_unread(control):
    connection = http.client.HTTPConnection(control.server.netloc)
    connection.putrequest("POST", "/_otagw/seed")
    connection.putheader("Content-Length", str(17 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_reset_ends_what_a_delay_holds(control, otagw):
    control("POST", "/devices", {"product": "a1lock"})
    control("POST", "/faults", {"operation": "device.update", "delay": 60})
    held = threading.Thread(target=control, args=("POST", "/devices/a1lock/device-00001/poll"))
    held.start()
    while not otagw.faults or not next(iter(otagw.faults)).met:
        assert held.is_alive()
    control("POST", "/reset")
    held.join(30)
    assert not held.is_alive()


def test_every_path_is_listed(control):
    assert len(control("GET", "")["paths"]) == len(acts.TABLE)


FIELDS = (
    *(
        "operation",
        "status",
        "code",
        "freeze",
        "advance",
        "next",
        "product",
        "count",
        "names",
        "name",
        "version",
        "data",
    ),
    *("params", "action", "events", "answers", "package", "times", "devices", "key", "hours", "days", "self", "x"),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    act=st.sampled_from([act for act in acts.TABLE if act.method == "POST" and "<" not in act.path]),
    body=st.dictionaries(
        st.sampled_from(FIELDS),
        st.recursive(
            st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=4),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=2),
        ),
        max_size=4,
    ) | st.binary(max_size=20),
)  # fmt: skip
def test_no_body_makes_it_fail(control, act, body):
    data = body if isinstance(body, bytes) else json.dumps(body)
    answer = requests.request(act.method, f"{control.server.url}/_otagw{act.path}", data=data)
    assert answer.status_code in (200, 400, 409), (act.path, body, answer.text)
    assert isinstance(answer.json(), dict)
