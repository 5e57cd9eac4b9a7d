"""A reset empties the gateway, a snapshot restores it, and neither waits for ever."""

import concurrent.futures
import contextlib
import http.client
import threading
import time

import pytest
import requests

from otagw.testing import Gateway
from otagw.testing.gate import Busy
from otagw.testing.gateway import Trouble
from tests import signer
from tests.conftest import KEY
from tests.iotda import signer as huawei

AT = "2026-11-22T00:00Z"
SECONDS = 1_795_305_600
BASE = f"/v5/iot/{huawei.PROJECT}"
PAGE = {"CurrentPage": "1", "PageSize": "10"}
# One list of each kind, by each front that has lists.
ACTIONS = {
    "ListOTAFirmware": PAGE, "QueryProductList": PAGE, "QueryDeviceGroupList": PAGE, "ListAuditEvents": PAGE,
    "QueryDevice": {**PAGE, "ProductKey": "a1lock"}, "ListOTAModuleByProduct": {"ProductKey": "a1lock"},
    "QueryProduct": {"ProductKey": "a1lock"},
}  # fmt: skip
PATHS = ("/products", "/devices", "/ota-upgrades/packages", "/ota-upgrades/modules", "/batchtasks", "/device-group")


def lists(otagw):
    """Ask for every list, signed by the tests themselves at a fixed time; return what came, byte by byte."""
    otagw.clock.freeze(AT)
    found = {}
    for number, (action, params) in enumerate(ACTIONS.items()):
        given = signer.v1(KEY, action, "GET", SECONDS, SignatureNonce=f"n{number}", **params)
        answer = requests.get(f"{otagw.url}/?{signer.query(given)}")
        found[action] = answer.status_code, answer.content
    for path in PATHS:
        params = {"limit": "10", **({"task_type": "firmwareUpgrade"} if path == "/batchtasks" else {})}
        headers = huawei.headers(KEY, "GET", BASE + path, params, b"", seconds=SECONDS)
        answer = requests.get(otagw.url + BASE + path, params=params, headers={**headers, "Host": huawei.HOST})
        found[path] = answer.status_code, answer.content
    return found


def fill(otagw):
    """Make some of everything."""
    other = otagw.accounts.add("factory")
    other.call("CreateOTAFirmware", FirmwareName="theirs", DestVersion="1")
    locks = otagw.devices.add("a1lock", 5)
    otagw.devices.add("a1lock", 2, protocol="ddi", name="swu")
    otagw.webhooks.capture("*")
    otagw.rollouts.add(otagw.packages.add("p", "2.0", product="a1lock"), timeout_minutes=30)
    locks[0].take()
    locks[1].fail("flash")
    locks[2].vanish()
    otagw.devices.play(locks[3:])
    otagw.clock.advance(hours=3)
    otagw.clock.strict = True
    otagw.faults.add("*", status=503, optional=True)
    requests.get(otagw.sign("CreateOTAModule", ProductKey="a1lock", ModuleName="m"), verify=otagw.ca)
    otagw.faults.clear()
    otagw.call("CreateDeviceGroup", GroupName="group1")


@pytest.fixture(scope="module")
def new():
    """Answers of a gateway that was never used."""
    with Gateway() as otagw:
        yield lists(otagw)


def test_after_a_reset_every_list_is_that_of_a_new_gateway(otagw, new):
    for _ in range(2):
        fill(otagw)
        assert lists(otagw) != new
        otagw.reset()
        assert lists(otagw) == new
        otagw.reset()
    assert (len(otagw.calls), len(otagw.faults), len(otagw.devices), otagw.clock.strict) == (0, 0, 0, False)


def test_two_gateways_of_a_process_know_nothing_of_each_other(otagw, new):
    with Gateway() as another:
        fill(another)
        assert lists(otagw) == new
        assert lists(another) != new


def test_what_was_signed_before_a_reset_is_new_after_it(otagw):
    url = otagw.sign("ListOTAFirmware", **PAGE)
    assert [requests.get(url).json()["Success"], requests.get(url).json()["Code"]] == [True, "SignatureNonceUsed"]
    otagw.reset()
    assert requests.get(url).json()["Success"] is True


def test_a_reset_holds_with_connections_open(otagw):
    kept = [http.client.HTTPConnection(otagw.host) for _ in range(8)]
    for connection in kept:
        connection.connect()
    for number in range(20):
        assert requests.get(otagw.sign("CreateOTAFirmware", FirmwareName="x", DestVersion="1")).json()["Success"], (
            number
        )
        otagw.reset()
    for connection in kept:
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_reset_waits_for_what_is_under_way(otagw):
    """A request that is answered while the reset comes leaves nothing behind."""
    begun = threading.Event()

    def alter(answer):
        begun.set()
        time.sleep(0.1)  # the answer takes its time; nothing waits for this to be over but the reset
        return answer

    otagw.faults.add("CreateOTAFirmware", alter=alter)
    url = otagw.sign("CreateOTAFirmware", FirmwareName="x", DestVersion="1")
    client = threading.Thread(target=requests.get, args=(url,))
    client.start()
    begun.wait(10)
    otagw.reset()
    client.join(10)
    assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 0


def test_a_client_that_does_not_read_on_does_not_hold_it_up(otagw, monkeypatch):
    monkeypatch.setattr("otagw.testing.gate.PATIENCE", 0.2)
    package = otagw.packages.add("p", "1.0", data=b"x" * 20_000_000)
    url = otagw.call("QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]["FirmwareUrl"]
    with requests.get(url, stream=True) as answer:
        assert answer.raw.read(10) == b"x" * 10
        otagw.reset()
    assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 0


def test_a_snapshot_brings_everything_back(otagw):
    otagw.clock.freeze(AT)
    locks = otagw.devices.add("a1lock", 3)
    package = otagw.packages.add("p", "2.0", product="a1lock")
    job = otagw.rollouts.add(package, timeout_minutes=30)
    locks[0].take()
    url = otagw.call("QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]["FirmwareUrl"]
    before = (job.tasks(), otagw.clock.ms)
    outcomes = []
    for _ in range(2):
        with otagw.snapshot():
            locks[1].fail("flash")
            otagw.clock.advance(hours=1)
            otagw.call("DeleteOTAFirmware", FirmwareId=package.id)
            another = otagw.packages.add("another", "1.0")
            outcomes.append((job.tasks(), another.id))
    assert outcomes[0] == outcomes[1]
    assert (job.tasks(), otagw.clock.ms) == before
    assert requests.get(url).content == package.data
    locks[1].take()
    assert job.counts() == {"QUEUED": 1, "SUCCEEDED": 2}


def test_a_snapshot_waits_for_no_delay(otagw):
    otagw.faults.add("CreateOTAFirmware", delay=600, times=1)
    url = otagw.sign("CreateOTAFirmware", FirmwareName="a", DestVersion="1")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(requests.get, url)
        while not next(iter(otagw.faults)).met:
            assert not held.done()
        with otagw.snapshot():
            assert held.result(30).json()["Success"] is True
            otagw.packages.add("b", "1")
    assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 1
    otagw.verify()


def test_snapshots_nest_and_end_after_an_error_too(otagw):
    otagw.packages.add("a", "1")

    def story():
        with otagw.snapshot():
            otagw.packages.add("b", "1")
            with otagw.snapshot():
                otagw.packages.add("c", "1")
            assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        story()
    assert otagw.call("ListOTAFirmware", **PAGE)["Total"] == 1


def test_there_is_no_snapshot_of_devices_that_are_played(otagw):
    otagw.devices.play(otagw.devices.add("a1lock", 1))
    with pytest.raises(ValueError, match=r"devices.stop\(\)"), otagw.snapshot():
        pass
    otagw.devices.stop()
    with otagw.snapshot():
        pass


def test_a_gate_says_what_does_not_end(otagw):
    number = otagw._gate.enter("GET /slow")
    try:
        with pytest.raises(Busy, match="GET /slow"), otagw._gate.alone(0.05):
            pass
    finally:
        otagw._gate.leave(number)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [({"data_dir": "/tmp"}, "the double has its own data_dir"), ({"spellin": "alibaba"}, "did you mean spelling"),
     ({"spelling": "english"}, "expected one of"), ({"workers": 3}, "the double has its own workers"),
     ({"clock_skew_seconds": "900"}, "an integer from 1")],
)  # fmt: skip
def test_settings_that_a_double_cannot_have_are_refused(settings, problem):
    with pytest.raises(ValueError, match=problem):
        Gateway(settings).__enter__()


def test_nothing_of_it_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with Gateway(tls=True) as otagw:
        fill(otagw)
        with contextlib.suppress(ValueError), otagw.snapshot():
            pass
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(otagw.url)


def test_a_steady_stream_of_requests_does_not_keep_a_reset_waiting(otagw):
    over = threading.Event()

    def ask():
        while not over.is_set():
            requests.get(otagw.sign("ListOTAFirmware", **PAGE))

    clients = [threading.Thread(target=ask) for _ in range(6)]
    for client in clients:
        client.start()
    try:
        for _ in range(20):
            otagw.reset()
    finally:
        over.set()
        for client in clients:
            client.join()


def test_one_gateway_is_started_again():
    gateway = Gateway().start()
    gateway.packages.add("p", "1")
    gateway.close()
    gateway.close()
    with gateway:
        assert gateway.call("ListOTAFirmware", **PAGE)["Total"] == 0


def test_what_went_wrong_before_a_reset_is_no_trouble_after_it(otagw):
    begun = threading.Event()

    def alter(answer):
        begun.set()
        time.sleep(0.1)  # so that the reset comes before it is over
        raise RuntimeError("of the test before")

    otagw.faults.add("ListOTAFirmware", alter=alter)
    url = otagw.sign("ListOTAFirmware", **PAGE)
    client = threading.Thread(target=requests.get, args=(url,))
    client.start()
    begun.wait(10)
    otagw.reset()
    client.join(10)
    otagw.verify()


def test_a_client_that_does_not_read_on_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr("otagw.testing.server.PATIENCE", 0.1)
    gateway = Gateway().start()
    package = gateway.packages.add("p", "1.0", data=b"x" * 20_000_000)
    url = gateway.call("QueryOTAFirmware", FirmwareId=package.id)["FirmwareInfo"]["FirmwareUrl"]
    with requests.get(url, stream=True) as answer:
        assert answer.raw.read(10)
        gateway.close()


def test_one_that_is_started_is_not_started_again(otagw):
    with pytest.raises(RuntimeError, match="not started"):
        otagw.start()


def test_an_error_of_the_gateways_own_fails_the_test(otagw, monkeypatch):
    monkeypatch.setattr("otagw.ota.packages.packages.page", lambda *_: 1 / 0)
    assert requests.get(otagw.sign("ListOTAFirmware", **PAGE)).json()["Code"] == "InternalError"
    with pytest.raises(Trouble, match="ListOTAFirmware was answered InternalError"):
        otagw.verify()
    otagw.reset()


def test_hints_on_signatures_begin_anew(otagw):
    def hint():
        otagw.clock.freeze(AT)
        params = signer.v1(KEY, "ListOTAFirmware", "POST", SECONDS)
        return requests.get(f"{otagw.url}/?{signer.query(params)}").json()["Recommend"]

    first, *_, last = [hint() for _ in range(31)]
    otagw.reset()
    assert hint() == first != last
