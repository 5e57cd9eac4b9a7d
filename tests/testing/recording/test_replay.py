"""Answers from a recording: what is matched with what, and how a request that has no match is refused."""

import itertools
import json
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from otagw.cli import main
from tests.conftest import ROOT
from tests.iotda import signer as iotda_signer
from tests.patience import HANG_SECONDS, eventually
from tests.testing.recording.test_record import PRODUCT, sdks


def refused(answered):
    """Return the text of a refusal for want of a match."""
    assert (answered.status_code, answered.json()["Code"]) == (404, "Replay.NoMatch")
    return answered.json()["Message"]


def test_each_equal_request_gets_its_own_answer_and_the_last_again(recorder, replay):
    listing = {"CurrentPage": "1", "PageSize": "5"}
    for number in range(3):
        recorder.ok("ListOTAFirmware", **listing)
        recorder.ok("CreateOTAFirmware", FirmwareName=f"n{number}", DestVersion="1")
    replayed = replay(recorder)
    totals = [replayed.ok("ListOTAFirmware", **listing)["Total"] for _ in range(4)]
    assert totals == [0, 1, 2, 2]


def test_signatures_are_not_verified_and_request_ids_are_new(recorder, replay):
    before = recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="5")
    replayed = replay(recorder)
    answered = [replayed.get("ListOTAFirmware", CurrentPage="1", PageSize="5") for _ in range(2)]
    one, other = (each.json() for each in answered)
    assert one["RequestId"] not in (before["RequestId"], other["RequestId"])
    assert one["RequestId"] == one["RequestId"].upper()
    assert answered[0].headers["X-Request-Id"].upper() == one["RequestId"]
    assert {**one, "RequestId": ""} == {**before, "RequestId": ""}


def test_parameters_in_a_form_match_those_in_a_query(recorder, replay):
    recorder.post("CreateOTAFirmware", FirmwareName="door", DestVersion="2")
    assert replay(recorder).ok("CreateOTAFirmware", FirmwareName="door", DestVersion="2")


def test_names_and_tokens_that_a_client_chooses_anew_are_mapped_in_requests_and_answers(recorder, replay):
    made = [
        recorder.ok("CreateOTAFirmware", FirmwareName=f"door-{n}", DestVersion="1", ClientToken=f"token-{n}")["Data"]
        for n in ("aaa", "bbb")
    ]
    recorder.ok("QueryOTAFirmware", FirmwareId=made[1]["FirmwareId"])
    assert recorder.get("CreateOTAFirmware", FirmwareName="door-bbb", DestVersion="1").json()["Success"] is False
    replayed = replay(recorder)
    again = [
        replayed.ok("CreateOTAFirmware", FirmwareName=f"door-{n}", DestVersion="1", ClientToken=f"token-{n}")["Data"]
        for n in ("ccc", "ddd")
    ]
    assert again == made
    shown = replayed.ok("QueryOTAFirmware", FirmwareId=again[1]["FirmwareId"])["FirmwareInfo"]
    assert shown["FirmwareName"] == "door-ddd"
    repeated = replayed.get("CreateOTAFirmware", FirmwareName="door-ddd", DestVersion="1").json()
    assert (repeated["Code"], "door-ddd" in repeated["ErrorMessage"]) == ("iot.ota.FirmwareNameExists", True)


def test_times_links_and_secrets_match_whatever_they_are_now(recorder, replay):
    link = "https://cdn.example.com/a.bin?Expires=1&Signature=abc"
    recorder.ok("CreateOTAFirmware", FirmwareName="x", DestVersion="1", FirmwareUrl=link)
    params = {"limit": "5", "start_time": "20260101T000000Z"}
    assert recorder.iotda("GET", "/devices", params=params).status_code == 200
    recorder.iotda("POST", "/products", PRODUCT)
    device = {"node_id": "n1", "product_id": "lock", "auth_info": {"auth_type": "SECRET", "secret": "a-secret-of-then"}}
    assert recorder.iotda("POST", "/devices", device).status_code == 201
    replayed = replay(recorder)
    assert replayed.ok("CreateOTAFirmware", FirmwareName="x", DestVersion="1", FirmwareUrl=link.replace("=1", "=2"))
    now = {**params, "start_time": "20270505T101010Z"}
    assert replayed.iotda("GET", "/devices", params=now).status_code == 200
    device["auth_info"]["secret"] = "a-secret-of-now"
    again = replayed.iotda("POST", "/devices", device)
    assert (again.status_code, again.json()["auth_info"]["secret"]) == (201, "REDACTED")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DestVersion": "2"}, "DestVersion is '2', and was '1'"),
        ({"SrcVersion": "2027-01-01"}, "SrcVersion is '2027-01-01', and was '2026-01-01'"),
        ({"Udi": "1800000000000"}, "Udi is '1800000000000', and was '1700000000000'"),
        ({"FirmwareDesc": "new"}, "FirmwareDesc is 'new', and was absent"),
        ({"ProductKey": None}, "ProductKey is absent, and was 'lock'"),
        ({"FirmwareSize": "1"}, "FirmwareSize is '1', and was '100'"),
        ({"DestVersion": "v" * 500}, "DestVersion is 'vvv"),
    ],
)
def test_a_request_without_a_match_is_told_the_nearest_and_where_it_differs(recorder, replay, changed, said):
    params = {"FirmwareName": "door", "DestVersion": "1", "ProductKey": "lock", "FirmwareSize": "100"}
    params |= {"SrcVersion": "2026-01-01", "Udi": "1700000000000"}
    recorder.get("CreateOTAFirmware", **params)
    text = refused(replay(recorder).get("CreateOTAFirmware", **{**params, **changed}))
    assert "The recording has no such CreateOTAFirmware. The nearest is in line 2: " in text
    assert said in text
    assert len(text) < 300


def test_a_refusal_shows_no_secret(recorder, replay):
    recorder.iotda("POST", "/products", PRODUCT)
    recorder.iotda("POST", "/devices", {"node_id": "n1", "product_id": "lock"})
    device = {"node_id": "n1", "product_id": "lock", "auth_info": {"secret": "a-secret-of-now"}}
    answered = replay(recorder).iotda("POST", "/devices", device)
    assert (answered.status_code, answered.json()["error_code"]) == (404, "Replay.NoMatch")
    assert "auth_info.secret is 'REDACTED', and was absent" in answered.json()["error_msg"]


def test_an_id_that_the_cloud_gave_is_not_mapped(recorder, replay):
    made = recorder.ok("CreateOTAFirmware", FirmwareName="door", DestVersion="1")["Data"]["FirmwareId"]
    recorder.ok("QueryOTAFirmware", FirmwareId=made)
    text = refused(replay(recorder).get("QueryOTAFirmware", FirmwareId="123456"))
    assert f"FirmwareId is '123456', and was '{made}'" in text


def test_a_recorded_name_stands_for_one_name_only(recorder, replay):
    recorder.ok("CreateOTAFirmware", FirmwareName="door-1", DestVersion="1")
    replayed = replay(recorder)
    assert replayed.ok("CreateOTAFirmware", FirmwareName="door-2", DestVersion="1")
    assert replayed.ok("CreateOTAFirmware", FirmwareName="door-2", DestVersion="1")  # the last one again
    assert "FirmwareName is 'door-3'" in refused(
        replayed.get("CreateOTAFirmware", FirmwareName="door-3", DestVersion="1")
    )


def test_a_name_of_the_recording_is_not_taken_for_another(recorder, replay):
    for name in ("door-1", "door-2"):
        recorder.ok("CreateOTAFirmware", FirmwareName=name, DestVersion=name[-1])
    replayed = replay(recorder)
    text = refused(replayed.get("CreateOTAFirmware", FirmwareName="door-2", DestVersion="1"))
    assert "The nearest is in line 2: FirmwareName is 'door-2', and was 'door-1'" in text


def test_an_operation_that_was_not_recorded_is_refused_by_its_name(recorder, replay):
    recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="5")
    replayed = replay(recorder)
    assert refused(replayed.get("DeleteOTAFirmware", FirmwareId="1")) == "The recording has no DeleteOTAFirmware."
    answered = replayed.iotda("GET", "/products")
    assert (answered.status_code, answered.json()["error_code"]) == (404, "Replay.NoMatch")
    assert answered.json()["error_msg"] == "The recording has no ListProducts."


def test_a_body_that_was_not_recorded_is_refused(recorder, replay):
    path = f"/v5/iot/{iotda_signer.PROJECT}/batchtask-files"
    signed = {**iotda_signer.headers(recorder.key, "POST", path, body=b"--x"), "Content-Type": "multipart/form-data"}
    answered = replay(recorder).send("POST", path, headers=signed, data=b"--x")
    assert (answered.status_code, answered.json()["error_code"]) == (400, "IOTDA.000008")


def test_xml_is_answered_as_xml(recorder, replay):
    params = {"Format": "XML", "FirmwareName": "a<b>", "DestVersion": "1"}
    before = recorder.get("CreateOTAFirmware", **params)
    again = replay(recorder).get("CreateOTAFirmware", **params)
    assert again.headers["Content-Type"] == before.headers["Content-Type"]
    kept = [text.text.replace("\n", "").partition("<RequestId>")[0] for text in (before, again)]
    assert kept[0] == kept[1]


def test_a_deletion_is_answered_without_a_body(recorder, replay):
    recorder.iotda("POST", "/products", PRODUCT)
    assert recorder.iotda("DELETE", "/products/lock").status_code == 204
    again = replay(recorder).iotda("DELETE", "/products/lock")
    assert (again.status_code, again.content) == (204, b"")


def test_a_login_is_answered_with_a_stand_in_for_the_token(recorder, replay):
    login = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": {}}}}
    login["auth"]["identity"]["hw_ak_sk"] = {"access": {"key": "a" * 20}, "secret": {"key": "b" * 20}}
    recorder.send("POST", "/v3/auth/tokens", json=login)
    login["auth"]["identity"]["hw_ak_sk"] = {"access": {"key": "c" * 20}, "secret": {"key": "d" * 20}}
    answered = replay(recorder).send("POST", "/v3/auth/tokens", json=login)
    assert (answered.status_code, answered.headers["X-Subject-Token"]) == (201, "REDACTED")


def test_a_page_in_a_browser_is_refused(recorder, replay):
    answered = replay(recorder).send("GET", "/?Action=ListOTAFirmware", headers={"Origin": "https://example.com"})
    assert (answered.status_code, answered.json()["Code"]) == (403, "Recording.Browser")


@sdks
def test_the_sdks_are_answered(recorder, replay):
    from alibabacloud_iot20180120 import models

    names = itertools.count()

    def script(program):
        client = program.sdk.tea()
        request = models.CreateOTAFirmwareRequest(firmware_name=f"door-{next(names)}", dest_version="2.0")
        made = client.create_otafirmware(request).body.data.firmware_id
        return client.query_otafirmware(models.QueryOTAFirmwareRequest(firmware_id=made)).body.firmware_info

    before, again = script(recorder), script(replay(recorder))
    assert (before.firmware_name, again.firmware_name) == ("door-0", "door-1")
    assert (before.firmware_id, before.utc_create) == (again.firmware_id, again.utc_create)


@pytest.mark.live
def test_the_command_answers_until_it_is_told_to_end(recorder, tmp_path):
    recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="5")
    port_file = tmp_path / "port"
    words = ["replay", str(recorder.file), "--port-file", str(port_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "otagw", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    eventually(lambda: port_file.exists() or process.poll() is not None)
    recorder.url = f"http://127.0.0.1:{port_file.read_text(encoding='ascii').strip()}"
    assert recorder.ok("ListOTAFirmware", CurrentPage="1", PageSize="5")
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=HANG_SECONDS)[1]
    assert (process.returncode, said) == (0, f"{recorder.url} replays 1 exchange\n")


def test_the_command_refuses_a_file_that_is_no_recording(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps({"format": "something"}) + "\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["replay", str(file)])
    assert (done.exit_code, "line 1: expected the header of a recording" in done.output) == (1, True)
