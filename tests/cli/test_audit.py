"""`otagw audit`, and what the command line leaves in it."""

import json
import re

import pytest

from otagw.ota import audit


def test_the_command_line_is_somebody_too(otagw):
    secret = "a-secret-of-mine"
    otagw("keys", "create", "--id", "mine", "--secret", secret, "--account", "other")
    otagw("keys", "disable", "mine")
    otagw("keys", "delete", "mine")
    otagw("products", "create", "Door lock", "--key", "lock1")
    otagw("devices", "import", "-", "--product", "lock1", input="DeviceName\na\nb\n")
    otagw("keys", "delete", "mine", status=1)
    otagw("keys", "list")
    said = otagw("audit", "--json", "--key", "cli")
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{")][::-1]
    assert [(e["operation"], e["kind"], e["object"], e["account"]) for e in found] == [
        ("keys create", "access key", "mine", "other"),
        ("keys disable", "access key", "mine", "other"),
        ("keys delete", "access key", "mine", "other"),
        ("products create", "product", "lock1", "main"),
        ("devices import", "device", "lock1/a and 1 more", "main"),
    ]
    assert all("@" in e["address"] for e in found)
    assert secret not in said


def test_it_is_read_by_people_and_filtered(otagw):
    otagw("products", "create", "One", "--key", "one")
    otagw("webhooks", "create", "https://ci.example.com/?token=hidden")
    lines = otagw("audit").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  main  cli +webhooks create +webhook \d+  \S+@\S+", lines[0])
    assert lines[-1] == "Page 1 of 1, 2 in all."
    assert "hidden" not in str(lines)
    assert otagw("audit", "--operation", "products create").count("\n") == 2
    assert otagw("audit", "--since", "1h").count("\n") == 3
    assert otagw("audit", "--until", "1h") == "Page 1 of 1, 0 in all.\n"
    assert otagw("audit", "--until", "2020-01-01T12:00") == "Page 1 of 1, 0 in all.\n"
    assert otagw("audit", "--account", "other") == "Page 1 of 1, 0 in all.\n"


def test_more_events_than_a_listing_looks_at(otagw, monkeypatch):
    monkeypatch.setattr(audit, "LOOKED_AT", 2)
    for key in ("one", "two", "three"):
        otagw("products", "create", key, "--key", key)
    said = otagw("audit")
    assert re.search(r"Page 1 of 1, 2 in all\.\nThere are more: go on with --before (\d+)\.\n$", said)
    rest = otagw("audit", "--before", said.split()[-1].rstrip("."))
    assert ("product one" in rest, "product two" in rest, "There are more" in rest) == (True, False, False)
    assert "product one" in otagw("audit", "--oldest-first").splitlines()[0]
    otagw("audit", "--before", "0", status=2)


@pytest.mark.parametrize("since", ["yesterday", "7", "7y", "-1d", "2026-13-01", ""])
def test_a_time_that_cannot_be_read_is_said(otagw, since):
    assert "expected" in otagw("audit", "--since", since, status=2)


def test_an_account_that_is_not_there_is_said(otagw):
    assert otagw("audit", "--account", "nobody", status=1) == "Error: there is no account nobody\n"
