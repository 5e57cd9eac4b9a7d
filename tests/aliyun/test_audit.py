"""ListAuditEvents, and what each Action leaves in it."""

import re

from otagw.ota import audit
from tests.conftest import KEY, OTHER, Client


def events(client, **params):
    return client.ok("ListAuditEvents", PageSize=100, **params)["Data"]["AuditEvent"]


def test_every_kind_of_change_names_its_thing(client):
    firmware = client.make("one", ProductKey="p1")
    client.ok("ModifyOTAFirmware", FirmwareId=firmware, FirmwareDesc="d")
    client.ok("CreateOTAModule", ProductKey="p1", ModuleName="radio")
    client.ok("DeleteOTAModule", ProductKey="p1", ModuleName="RADIO")
    client.ok("RegisterDevice", ProductKey="p1", DeviceName="lock-1")
    client.ok("DisableThing", ProductKey="p1", DeviceName="lock-1")
    client.ok("DeleteDevice", ProductKey="p1", DeviceName="lock-1")
    group = client.ok("CreateDeviceGroup", GroupName="group")["Data"]["GroupId"]
    client.ok("DeleteDeviceGroup", GroupId=group)
    client.ok("QueryOTAFirmware", FirmwareId=firmware)
    client.ok("DeleteOTAFirmware", FirmwareId=firmware)
    found = [(e["Operation"], e["ObjectKind"], e["ObjectId"]) for e in events(client)][::-1]
    assert found == [
        ("CreateOTAFirmware", "package", firmware),
        ("ModifyOTAFirmware", "package", firmware),
        ("CreateOTAModule", "module", "p1/radio"),
        ("DeleteOTAModule", "module", "p1/RADIO"),
        ("RegisterDevice", "device", "p1/lock-1"),
        ("DisableThing", "device", "p1/lock-1"),
        ("DeleteDevice", "device", "p1/lock-1"),
        ("CreateDeviceGroup", "device group", group),
        ("DeleteDeviceGroup", "device group", group),
        ("DeleteOTAFirmware", "package", firmware),
    ]


def test_an_event_says_who_from_where_when_and_in_which_request(client):
    response = client("CreateOTAFirmware", FirmwareName="one", DestVersion="1")
    (event,) = events(client)
    assert event["KeyId"] == KEY[0]
    assert event["Address"] == "127.0.0.1"
    assert event["RequestID"] == response.json["RequestID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["UtcCreate"])
    assert "ResultCode" not in event


def test_nothing_of_the_parameters_is_kept(client):
    client.ok("CreateOTAFirmware", FirmwareName="one", DestVersion="1", FirmwareUdi="top-secret-words")
    assert "top-secret-words" not in str(events(client))


def test_another_account_sees_nothing_of_it(app, client):
    client.make("mine")
    assert events(Client(app, OTHER)) == []


def test_pages_filters_and_refusals(app, client):
    app.extensions["otagw"]["runtime"].keys.create(key_id="limited", secret="limitedsecret", grants=["ota:List*"])
    limited = client.by(("limited", "limitedsecret"))
    for name in "abc":
        client.make(name)
    assert limited.refused("DeleteOTAFirmware", FirmwareId="1")[1] == "NoPermission"
    said = limited.ok("ListAuditEvents", CurrentPage=2, PageSize=3)
    assert (said["Total"], said["PageCount"], said["CurrentPage"], said["PageSize"]) == (4, 2, 2, 3)
    assert len(said["Data"]["AuditEvent"]) == 1
    (event,) = events(client, KeyId="limited")
    assert (event["Operation"], event["ResultCode"]) == ("DeleteOTAFirmware", "NoPermission")
    assert "ObjectId" not in event
    assert len(events(client, Operation="CreateOTAFirmware")) == 3
    assert events(client, Since=9 * 10**12) == []
    assert len(events(client, Until=9 * 10**12)) == 4
    assert client.refused("ListAuditEvents", Since="yesterday")[1] == "InvalidParameter"


def test_more_events_than_a_listing_looks_at(client, monkeypatch):
    monkeypatch.setattr(audit, "LOOKED_AT", 2)
    made = [client.make(name) for name in "abc"]
    said = client.ok("ListAuditEvents")
    assert (said["Total"], [event["ObjectId"] for event in said["Data"]["AuditEvent"]]) == (2, made[:0:-1])
    rest = client.ok("ListAuditEvents", Before=said["NextBefore"])
    assert ([event["ObjectId"] for event in rest["Data"]["AuditEvent"]], "NextBefore" in rest) == (made[:1], False)
    oldest = client.ok("ListAuditEvents", OldestFirst="true", PageSize=1)
    assert [event["ObjectId"] for event in oldest["Data"]["AuditEvent"]] == made[:1]
    for before in ("0", "x", "-1", "9" * 19):
        assert client.refused("ListAuditEvents", Before=before)[1] == "InvalidParameter"


def test_a_replayed_or_forged_request_leaves_no_trace(client):
    client.by((KEY[0], "wrong"))("CreateOTAFirmware", FirmwareName="x", DestVersion="1")
    client("CreateOTAFirmware", FirmwareName="x", DestVersion="1", seconds=1)
    assert events(client) == []
