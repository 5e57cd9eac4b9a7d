"""The log: one line a request, of known fields, that no client can forge and no secret reaches."""

import json
import logging

import pytest

from otagw.ops import log
from tests import signer
from tests.conftest import KEY

FIELDS = ["time", "level", "logger", "message", "request_id", "action", "account", "key_id", "code", "status", "ms"]


def test_a_request_is_one_line(client, log_lines):
    response = client("CreateOTAFirmware", FirmwareName="n", DestVersion="1")
    (line,) = log_lines()
    assert list(line) == [*FIELDS, "client"]
    assert line["request_id"] == response.json["RequestID"]
    assert (line["action"], line["account"], line["key_id"]) == ("CreateOTAFirmware", "main", KEY[0])
    assert (line["code"], line["status"], line["client"]) == ("", 200, "127.0.0.1")
    assert line["ms"] > 0


def test_a_refusal_is_one_line_with_its_code(client, log_lines):
    client.http.get("/nowhere")
    client("QueryOTAFirmware")
    assert [line["code"] for line in log_lines()] == ["InvalidApi.NotFound", "MissingFirmwareId"]


def test_an_id_that_is_no_key_is_cut_short_since_it_may_be_a_secret(client, log_lines):
    client.by((KEY[1], KEY[0]))("QueryOTAFirmware", FirmwareId="1")
    (line,) = log_lines()
    assert line["key_id"] == KEY[1][:4] + "…"


def test_what_a_stranger_sends_is_cut_short(client, log_lines):
    client.http.get("/?Action=" + "x" * 10_000)
    assert len(log_lines()[0]["action"]) == 64


@pytest.mark.parametrize("spoof", ["1.2.3.4", "1.2.3.4, 5.6.7.8"])
def test_forwarded_addresses_are_believed_from_nobody(client, log_lines, spoof):
    client.http.get("/", headers={"X-Forwarded-For": spoof})
    assert log_lines()[0]["client"] == "127.0.0.1"


def record(**extra):
    made = logging.makeLogRecord(
        {"msg": "request", "levelno": logging.INFO, "levelname": "INFO", "name": "otagw", **extra}
    )
    made.created = 0
    return made


@pytest.mark.parametrize("formatter", [log.Json(), log.Text()])
def test_no_value_can_forge_a_line(formatter):
    line = formatter.format(record(action='x"\n12:00:00 info    forged\r\x1b[31m'))
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line


def test_json_lines_can_be_read_back():
    line = json.loads(log.Json().format(record(action="a\nb")))
    assert line["action"] == "a\nb"
    assert line["time"] == "1970-01-01T00:00:00.000+00:00"


def test_the_hint_of_a_wrong_signature_is_in_the_log(client, log_lines):
    params = signer.v1(KEY, "QueryOTAFirmware", FirmwareId="1")
    unsigned = {name: value for name, value in params.items() if name != "Signature"}
    wrong = signer.v1_signature(KEY[1], "POST", unsigned)
    client.send({**params, "Signature": wrong})
    (line,) = log_lines()
    assert line["hint"]
    assert wrong not in json.dumps(line)


@pytest.mark.parametrize(
    "value", ["half \ud800 a character", 2**70, -(2**70), {1: 2}, float("inf"), object(), "字\x00"]
)
def test_any_value_leaves_a_line_of_json_that_can_be_written(value):
    line = json.loads(log.Json().format(record(value=value)).encode())
    assert line["message"] == "request"
    assert "value" in line
