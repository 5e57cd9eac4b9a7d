"""The Actions on groups: named once in an account, within one another, of devices of any product."""

import pytest

from tests.conftest import OTHER, Client

GROUP_ACTIONS = (
    "DeleteDeviceGroup", "QueryDeviceGroupInfo", "BatchAddDeviceGroupRelations", "BatchDeleteDeviceGroupRelations",
    "QueryDeviceListByDeviceGroup",
)  # fmt: skip


def create(client, name="group1", **params):
    return client.ok("CreateDeviceGroup", GroupName=name, **params)["Data"]["GroupId"]


def register(client, *names, product="p"):
    for name in names:
        client.ok("RegisterDevice", ProductKey=product, DeviceName=name)


def devices(*pairs):
    given = {}
    for number, (product, name) in enumerate(pairs, 1):
        given |= {f"Device.{number}.ProductKey": product, f"Device.{number}.DeviceName": name}
    return given


def add(client, group, *pairs):
    body = client.ok("BatchAddDeviceGroupRelations", GroupId=group, **devices(*pairs))
    names = ("Valid", "SuccessAdded", "AlreadyRelatedGroup", "ExceedTenGroup")
    return tuple(body[f"{name}DeviceCount"] for name in names)


def members(client, group, **params):
    body = client.ok("QueryDeviceListByDeviceGroup", GroupId=group, **params)
    return [device["DeviceName"] for device in body["Data"]["SimpleDeviceInfo"]], body["Total"]


def test_a_group_comes_back_as_it_was_made(client, held_clock):
    made = client.ok("CreateDeviceGroup", GroupName="华东_1", GroupDesc="描" * 100)["Data"]
    assert made == {
        "GroupId": made["GroupId"],
        "GroupName": "华东_1",
        "GroupDesc": "描" * 100,
        "UtcCreate": "2026-11-18T11:06:40.000Z",
    }
    counts = {"DeviceCount": 0, "DeviceActive": 0, "DeviceOnline": 0}
    assert client.ok("QueryDeviceGroupInfo", GroupId=made["GroupId"])["Data"] == {**made, **counts}
    body = client.ok("QueryDeviceGroupList")
    assert body["Data"]["GroupInfo"] == [{**made, "GroupType": "LINK_PLATFORM"}]
    assert (body["CurrentPage"], body["PageSize"], body["PageCount"], body["Total"]) == (1, 10, 1, 1)


def test_a_name_is_unique_in_the_account(app, client):
    create(client)
    found = client.refused("CreateDeviceGroup", GroupName="group1")
    assert found[:2] == (409, "iot.group.AlreadyExistedGroupName")
    create(Client(app, OTHER))


def test_a_token_makes_one_group(client):
    assert create(client, ClientToken="t") == create(client, ClientToken="t")


def test_groups_are_within_groups(client):
    outer = create(client, "outer")
    inner = create(client, "inner", SuperGroupId=outer)
    found = client.ok("QueryDeviceGroupList", SuperGroupId=outer)["Data"]["GroupInfo"]
    assert [group["GroupId"] for group in found] == [inner]
    assert client.refused("DeleteDeviceGroup", GroupId=outer)[:2] == (409, "iot.group.GroupInUse")
    client.ok("DeleteDeviceGroup", GroupId=inner)
    client.ok("DeleteDeviceGroup", GroupId=outer)
    assert client.ok("QueryDeviceGroupList")["Total"] == 0


@pytest.mark.parametrize("parent", ["17", "x"])
def test_a_group_is_within_one_that_is_there(client, parent):
    assert (
        client.refused("CreateDeviceGroup", GroupName="group1", SuperGroupId=parent)[1] == "iot.group.NotExistedGroup"
    )
    assert client.refused("QueryDeviceGroupList", SuperGroupId=parent)[1] == "iot.group.NotExistedGroup"


@pytest.mark.parametrize(
    ("text", "found"),
    [("ast", ["east", "past"]), ("EAST", ["east"]), ("_", ["we_st"]), ("%", []), ("东", ["华东"]), ("!", [])],
)
def test_names_are_found_by_a_part_of_them(client, text, found):
    for name in ("east", "past", "we_st", "华东"):
        create(client, name)
    listed = client.ok("QueryDeviceGroupList", GroupName=text)["Data"]["GroupInfo"]
    assert sorted(group["GroupName"] for group in listed) == found


def test_pages_are_newest_first(client, held_clock):
    for number in range(5):
        held_clock.seconds += 1
        create(client, f"group{number}")
    pages = [
        [g["GroupName"] for g in client.ok("QueryDeviceGroupList", CurrentPage=n, PageSize=2)["Data"]["GroupInfo"]]
        for n in (1, 2, 3, 4)
    ]
    assert pages == [["group4", "group3"], ["group2", "group1"], ["group0"], []]


def test_devices_go_in_and_out(client):
    group = create(client)
    register(client, "dev1", "dev2")
    register(client, "dev3", product="q")
    assert add(client, group, ("p", "dev1"), ("q", "dev3"), ("p", "nobody"), ("none", "dev1")) == (2, 2, 0, 0)
    assert add(client, group, ("p", "dev1"), ("p", "dev2"), ("p", "dev2")) == (2, 1, 1, 0)
    assert members(client, group)[1] == 3
    assert client.ok("QueryDeviceGroupInfo", GroupId=group)["Data"]["DeviceCount"] == 3
    body = client.ok("BatchDeleteDeviceGroupRelations", GroupId=group, **devices(("p", "dev1"), ("p", "dev4")))
    assert (body["ValidDeviceCount"], body["SuccessDeviceCount"], body["AlreadyRelatedGroupDeviceCount"]) == (1, 1, 1)
    assert sorted(members(client, group)[0]) == ["dev2", "dev3"]
    client.ok("BatchDeleteDeviceGroupRelations", GroupId=group, **devices(("p", "dev1")))
    assert members(client, group)[1] == 2


def test_no_devices_change_nothing(client):
    group = create(client)
    assert add(client, group) == (0, 0, 0, 0)
    client.ok("BatchDeleteDeviceGroupRelations", GroupId=group)


def test_a_device_is_in_ten_groups_at_most(client):
    register(client, "dev1")
    for number in range(10):
        assert add(client, create(client, f"group{number}"), ("p", "dev1")) == (1, 1, 0, 0)
    assert add(client, create(client, "eleventh"), ("p", "dev1")) == (1, 0, 0, 1)


def test_the_pages_of_a_group_hold_all_of_its_devices(client):
    group, other = create(client), create(client, "other")
    names = [f"dev{n:02}" for n in range(11)]
    register(client, *names)
    add(client, group, *(("p", name) for name in names))
    add(client, other, ("p", "dev00"))
    found = [members(client, group, CurrentPage=page, PageSize=4)[0] for page in (1, 2, 3, 4)]
    assert [len(page) for page in found] == [4, 4, 3, 0]
    assert sorted(name for page in found for name in page) == names
    assert members(client, group)[1] == 11


def test_a_deleted_device_is_in_no_group_and_a_deleted_group_leaves_its_devices(client):
    group = create(client)
    register(client, "dev1", "dev2")
    add(client, group, ("p", "dev1"), ("p", "dev2"))
    client.ok("DeleteDevice", ProductKey="p", DeviceName="dev1")
    assert members(client, group) == (["dev2"], 1)
    client.ok("DeleteDeviceGroup", GroupId=group)
    assert client.ok("QueryDevice", ProductKey="p")["Total"] == 1
    assert client.ok("DeleteDevice", ProductKey="p", DeviceName="dev2")


@pytest.mark.parametrize("action", GROUP_ACTIONS)
def test_another_accounts_group_is_not_there(app, client, action):
    group = create(client)
    for caller, key in ((Client(app, OTHER), group), (client, "17"), (client, "x")):
        assert caller.refused(action, GroupId=key)[:2] == (404, "iot.group.NotExistedGroup")


def test_another_accounts_device_does_not_go_in(app, client):
    register(Client(app, OTHER), "dev1", product="theirs")
    assert add(client, create(client), ("theirs", "dev1")) == (0, 0, 0, 0)


@pytest.mark.parametrize("missing", ["ProductKey", "DeviceName"])
def test_a_device_must_be_named(client, missing):
    given = {**devices(("p", "dev1")), f"Device.1.{missing}": ""}
    found = client.refused("BatchAddDeviceGroupRelations", GroupId=create(client), **given)
    assert found[1] == f"MissingDevice.1.{missing}"


def test_two_hundred_devices_go_in_at_once_and_no_more(client):
    group = create(client)
    assert add(client, group, *(("p", f"dev{n}") for n in range(200))) == (0, 0, 0, 0)
    given = devices(*(("p", f"dev{n}") for n in range(201)))
    assert client.refused("BatchAddDeviceGroupRelations", GroupId=group, **given)[1] == "InvalidParameter"


@pytest.mark.parametrize("name", ["abc", "a" * 31, "with-dash", "with blank"])
def test_ill_formed_names_are_refused(client, name):
    assert client.refused("CreateDeviceGroup", GroupName=name)[1] == "InvalidParameter"
