"""What must hold under load, over real processes: a nonce used once, a name owned once, nothing acknowledged lost."""

import collections
import concurrent.futures
import contextlib
import threading

import pytest
import requests

from tests import signer
from tests.conftest import KEY
from tests.deploy.servers import ALONE
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live]
THREADS = 16


def storm(urls, threads=THREADS):
    """Send every URL, many at once; return the answers in order."""

    def send(url):
        return requests.get(url, timeout=HANG_SECONDS)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(send, urls))


def url(gateway, action, **params):
    return f"{gateway.url}/?{signer.query(signer.v1(KEY, action, **params))}"


def test_a_replay_storm_has_one_success_a_request(make_live):
    gateway = make_live(workers=4, threads=4).start(ALONE)
    different = [url(gateway, "CreateOTAFirmware", FirmwareName=f"n{n}", DestVersion="1") for n in range(8)]
    answers = storm([one for one in different for _ in range(16)])
    outcomes = collections.Counter((a.request.url, a.json()["Code"]) for a in answers)
    for one in different:
        assert outcomes[one, ""] == 1
        assert outcomes[one, "SignatureNonceUsed"] == 15


def test_a_nonce_stays_used_after_a_restart(make_live):
    gateway = make_live().start(ALONE)
    one = url(gateway, "CreateOTAFirmware", FirmwareName="n", DestVersion="1")
    assert requests.get(one, timeout=HANG_SECONDS).json()["Success"]
    gateway.kill()
    gateway.start(ALONE)
    assert requests.get(one, timeout=HANG_SECONDS).json()["Code"] == "SignatureNonceUsed"


def test_a_race_of_creates_with_one_name_has_one_winner(make_live):
    gateway = make_live(workers=4, threads=4).start(ALONE)
    urls = [url(gateway, "CreateOTAFirmware", FirmwareName="same", DestVersion="1") for _ in range(64)]
    outcomes = collections.Counter((a.status_code, a.json()["Code"]) for a in storm(urls))
    assert outcomes == {(200, ""): 1, (409, "iot.ota.FirmwareNameExists"): 63}
    assert gateway.get("ListOTAFirmware", CurrentPage="1", PageSize="10").json()["Total"] == 1


def test_a_race_of_creates_with_one_token_makes_one_package(make_live):
    gateway = make_live(workers=4, threads=4).start(ALONE)
    wanted = {"FirmwareName": "n", "DestVersion": "1", "ClientToken": "t"}
    answers = storm([url(gateway, "CreateOTAFirmware", **wanted) for _ in range(32)])
    assert len({a.json()["Data"]["FirmwareID"] for a in answers}) == 1


def test_kill_9_under_load_loses_no_acknowledged_create(make_live):
    gateway = make_live(workers=2).start(ALONE)
    acknowledged, stop = {}, threading.Event()

    def load(number):
        count = 0
        while not stop.is_set():
            name = f"w{number}-{count}"
            with contextlib.suppress(requests.RequestException, ValueError):
                answer = gateway.get("CreateOTAFirmware", FirmwareName=name, DestVersion="1", ProductKey=f"p{number}")
                if answer.json()["Success"]:
                    acknowledged[name] = answer.json()["Data"]["FirmwareID"]
            count += 1

    threads = [threading.Thread(target=load, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            before = len(acknowledged)
            eventually(lambda before=before: len(acknowledged) >= before + 60)
            gateway.kill()
            gateway.start(ALONE)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    found, page = {}, 1
    while True:
        body = gateway.get("ListOTAFirmware", CurrentPage=str(page), PageSize="100").json()
        items = body["FirmwareInfo"]["SimpleFirmwareInfo"]
        found |= {item["FirmwareName"]: item["FirmwareId" if "FirmwareId" in item else "FirmwareID"] for item in items}
        if not items:
            break
        page += 1
    assert acknowledged.items() <= found.items()
    assert body["Total"] == len(found)  # nothing half done: the counter agrees with the rows


def test_a_disabled_key_is_refused_by_every_worker_at_once(make_live):
    gateway = make_live(workers=4).start(ALONE)
    storm([url(gateway, "ListOTAFirmware", CurrentPage="1", PageSize="1") for _ in range(16)])
    gateway.cli("keys", "disable", KEY[0])
    answers = storm([url(gateway, "ListOTAFirmware", CurrentPage="1", PageSize="1") for _ in range(16)])
    assert {a.json()["Code"] for a in answers} == {"InvalidAccessKeyId.Inactive"}


def test_no_secret_signature_or_query_reaches_the_log(make_live):
    gateway = make_live().start(ALONE)
    params = signer.v1(
        KEY, "CreateOTAFirmware", FirmwareName="n", DestVersion="1", SecurityToken="tok123", Udi="udi123"
    )
    requests.get(f"{gateway.url}/?{signer.query(params)}", timeout=HANG_SECONDS)
    requests.get(f"{gateway.url}/?{signer.query({**params, 'Signature': 'forged123'})}", timeout=HANG_SECONDS)
    requests.get(f"{gateway.url}/?{signer.query({**params, 'AccessKeyId': KEY[1]})}", timeout=HANG_SECONDS)
    gateway.stop()
    log = gateway.log()
    assert log.count('"action": "CreateOTAFirmware"') == 3
    for word in (KEY[1], params["Signature"], params["SignatureNonce"], "tok123", "udi123", "forged123", "Signature="):
        assert word not in log
