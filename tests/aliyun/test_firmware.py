"""CreateOTAFirmware and its four companions: fields, limits, rules."""

import pytest

from tests.conftest import OTHER, Client

URL = "https://ota.example.com/ota/firmware/x.bin"


def info(client, identity):
    return client.ok("QueryOTAFirmware", FirmwareID=identity)["FirmwareInfo"]


def listed(client, **params):
    body = client.ok("ListOTAFirmware", **{"CurrentPage": "1", "PageSize": "100", **params})
    return [item["FirmwareName"] for item in body["FirmwareInfo"]["SimpleFirmwareInfo"]]


def test_every_field_comes_back(client, held_clock):
    identity = client.make(
        "固件-ファーム_(1)",
        "1.2.3-rc_1",
        FirmwareUrl=URL,
        FirmwareSign="0123456789abcdefABCDEF0123456789",
        SignMethod="md5",
        FirmwareSize="9007199254740991",
        ProductKey="a1uctKe0001",
        FirmwareDesc="描" * 100,
        Type="1",
        SrcVersion="1.2.2",
        ModuleName="MCU",
        NeedToVerify="False",
        Udi="字" * 4096,
    )
    assert info(client, identity) == {
        "FirmwareID": identity,
        "FirmwareName": "固件-ファーム_(1)",
        "DestVersion": "1.2.3-rc_1",
        "SrcVersion": "1.2.2",
        "FirmwareUrl": URL,
        "FirmwareSign": "0123456789abcdefabcdef0123456789",
        "SignMethod": "MD5",
        "FirmwareSize": 9007199254740991,
        "ProductKey": "a1uctKe0001",
        "ProductName": "a1uctKe0001",
        "FirmwareDesc": "描" * 100,
        "Type": 1,
        "ModuleName": "MCU",
        "Status": -1,
        "Verified": False,
        "VerifyProgress": 0,
        "Udi": "字" * 4096,
        "UtcCreate": "2026-11-18T11:06:40.000Z",
        "UtcModified": "2026-11-18T11:06:40.000Z",
    }


def test_a_package_needs_verification_unless_it_says_otherwise(client):
    assert info(client, client.make())["Status"] == 0


ACCEPTED = [
    ("FirmwareName", "A"),
    ("FirmwareName", "x" * 40),
    ("FirmwareName", "ファームウェアー"),
    ("FirmwareName", "々固件"),
    ("FirmwareName", "𠀀-1"),
    ("FirmwareName", "ﾌｧｰﾑ"),
    ("FirmwareName", "9(1)_-"),
    ("DestVersion", "v" * 64),
    ("DestVersion", "-_."),
    ("FirmwareUrl", "Https://h/x"),
    ("FirmwareUrl", "http://[::1]:8080/x?y=z"),
    ("FirmwareUrl", "http://h/" + "x" * 2039),
    ("FirmwareSize", "1"),
    ("FirmwareSize", "0000000000000012"),
    ("NeedToVerify", "TRUE"),
    ("Type", "0"),
    ("SignMethod", "sha256"),
    ("Udi", "\n\t\u2028😀"),
    ("FirmwareSign", "f" * 32),
    ("ProductKey", "A-_1"),
    ("ClientToken", "~" * 64),
]
REFUSED = [
    ("FirmwareName", "x" * 41),
    ("FirmwareName", "(x)"),
    ("FirmwareName", "-x"),
    ("FirmwareName", "a b"),
    ("FirmwareName", "a.b"),
    ("FirmwareName", "name\n"),
    ("FirmwareName", "é"),
    ("FirmwareName", "한국"),
    ("FirmwareName", "a１"),
    ("FirmwareName", "a\0"),
    ("DestVersion", "v" * 65),
    ("DestVersion", "1.0\n"),
    ("DestVersion", "1 0"),
    ("DestVersion", "版本"),
    ("FirmwareUrl", "ftp://h/x"),
    ("FirmwareUrl", "//h/x"),
    ("FirmwareUrl", "https:///x"),
    ("FirmwareUrl", "https://h/a b"),
    ("FirmwareUrl", "https://h/x\n"),
    ("FirmwareUrl", "http://[::1"),
    ("FirmwareUrl", "http://h:99999/"),
    ("FirmwareUrl", "http://h/" + "x" * 2040),
    ("FirmwareSize", "0"),
    ("FirmwareSize", "-1"),
    ("FirmwareSize", "+1"),
    ("FirmwareSize", "1_000"),
    ("FirmwareSize", " 1"),
    ("FirmwareSize", "1.0"),
    ("FirmwareSize", "１"),
    ("FirmwareSize", "9007199254740992"),
    ("FirmwareSize", "00000000000000001"),
    ("NeedToVerify", "1"),
    ("NeedToVerify", "yes"),
    ("NeedToVerify", "true\n"),
    ("Type", "2"),
    ("SignMethod", "SHA1"),
    ("FirmwareSign", "f" * 31),
    ("FirmwareSign", "g" * 32),
    ("FirmwareSign", "f" * 64),
    ("FirmwareSign", "f" * 32 + "\n"),
    ("FirmwareDesc", "x" * 101),
    ("FirmwareDesc", "x\0"),
    ("Udi", "字" * 4097),
    ("SrcVersion", "a/b"),
    ("ModuleName", "M U"),
    ("ProductKey", "a b"),
    ("ProductKey", "healthz"),
    ("ProductKey", "V5"),
    ("ClientToken", "x" * 65),
    ("ClientToken", "a b"),
]


def create(**params):
    return {"FirmwareName": "name", "DestVersion": "1.0.0", **params}


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_create_takes(client, name, value):
    client.ok("CreateOTAFirmware", **create(**{name: value}))


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_create_refuses(client, name, value):
    status, code, text = client.refused("CreateOTAFirmware", **create(**{name: value}))
    assert (status, code) == (400, "InvalidParameter")
    assert text.startswith(f"The specified parameter {name} is not valid: expected ")
    assert listed(client) == []


def test_a_sha256_has_64_digits(client):
    client.make("right", SignMethod="SHA256", FirmwareSign="a" * 64)
    assert client.refused("CreateOTAFirmware", **create(SignMethod="SHA256", FirmwareSign="a" * 32))[0] == 400


def test_a_differential_package_says_what_it_starts_from(client):
    assert client.refused("CreateOTAFirmware", **create(Type="1"))[1] == "MissingSrcVersion"


def test_a_differential_package_starts_from_another_version(client):
    _, code, text = client.refused("CreateOTAFirmware", **create(Type="1", SrcVersion="1.0.0"))
    assert code == "InvalidParameter"
    assert "SrcVersion" in text


def test_optional_parameters_may_be_empty(client):
    optional = ["FirmwareUrl", "FirmwareSign", "SignMethod", "FirmwareSize", "ProductKey", "FirmwareDesc", "Type"]
    optional += ["SrcVersion", "ModuleName", "NeedToVerify", "Udi", "ClientToken", "MultiFiles.1.Name"]
    client.ok("CreateOTAFirmware", **create(**dict.fromkeys(optional, "")))


def files(*numbers, **more):
    found = {}
    for number in numbers:
        found |= {f"MultiFiles.{number}.Name": f"f{number}", f"MultiFiles.{number}.Url": f"{URL}?{number}"}
    return create(**found | more)


def test_several_files_come_back_in_numeric_order(client):
    more = {"MultiFiles.10.Size": "5", "MultiFiles.10.FileMd5": "A" * 32, "MultiFiles.10.SignValue": "B" * 32}
    body = client.ok("CreateOTAFirmware", **files(10, 2, 1, **more))
    found = info(client, body["Data"]["FirmwareID"])
    assert [file["Name"] for file in found["MultiFiles"]] == ["f1", "f2", "f10"]
    assert found["MultiFiles"][2] == {
        "Name": "f10", "Url": f"{URL}?10", "Size": 5, "FileMd5": "a" * 32, "SignValue": "b" * 32,
    }  # fmt: skip
    assert "FirmwareUrl" not in found


def test_twenty_files_are_accepted_and_twenty_one_are_not(client):
    client.ok("CreateOTAFirmware", **files(*range(1, 21)))
    _, code, text = client.refused("CreateOTAFirmware", **files(*range(1, 22)))
    assert code == "InvalidParameter"
    assert "MultiFiles" in text


@pytest.mark.parametrize(
    ("params", "code", "name"),
    [
        ({"MultiFiles.1.Name": "a"}, "MissingMultiFiles.1.Url", "MultiFiles.1.Url"),
        ({"MultiFiles.3.Url": URL}, "MissingMultiFiles.3.Name", "MultiFiles.3.Name"),
        (files(1, **{"MultiFiles.1.Size": "x"}), "InvalidParameter", "MultiFiles.1.Size"),
        (files(1, 4, **{"MultiFiles.4.Url": "x"}), "InvalidParameter", "MultiFiles.4.Url"),
        (files(1, **{"MultiFiles.1.SignValue": "x"}), "InvalidParameter", "MultiFiles.1.SignValue"),
        (files(1, **{"MultiFiles.1.SignValue": "a" * 64}), "InvalidParameter", "MultiFiles.1.SignValue"),
        (files(1, 7, **{"MultiFiles.7.SignValue": "a" * 64}), "InvalidParameter", "MultiFiles.7.SignValue"),
        (files(1, 9, **{"MultiFiles.9.Name": "f1"}), "InvalidParameter", "MultiFiles.9.Name"),
        (files(1, FirmwareUrl=URL), "InvalidParameter", "FirmwareUrl"),
        (files(1, FirmwareSign="a" * 32), "InvalidParameter", "FirmwareSign"),
        (files(1, FirmwareSize="1"), "InvalidParameter", "FirmwareSize"),
        ({"MultiFiles.0.Name": "a"}, "InvalidParameter", "MultiFiles.0.Name"),
        ({"MultiFiles.01.Name": "a"}, "InvalidParameter", "MultiFiles.01.Name"),
        ({"MultiFiles.x.Name": "a"}, "InvalidParameter", "MultiFiles.x.Name"),
        ({"MultiFiles.1": "a"}, "InvalidParameter", "MultiFiles.1"),
        ({"MultiFiles": "a"}, "InvalidParameter", "MultiFiles"),
    ],
)
def test_files_are_refused_by_their_own_name(client, params, code, name):
    _, found, text = client.refused("CreateOTAFirmware", **create(**params))
    assert found == code
    assert f" {name} " in f" {text} "


def test_a_name_is_taken_once_in_an_account(app, client):
    client.make("same")
    assert client.refused("CreateOTAFirmware", **create(FirmwareName="same"))[:2] == (409, "iot.ota.FirmwareNameExists")
    client.make("Same")
    Client(app, OTHER).make("same")


def test_product_module_and_version_may_repeat(client):
    client.make("one", "1", ProductKey="p", ModuleName="m")
    client.make("two", "1", ProductKey="p", ModuleName="m")


def test_a_refused_create_leaves_nothing(client):
    client.make("same", ProductKey="p")
    client.refused("CreateOTAFirmware", **create(FirmwareName="same", ProductKey="new", ModuleName="m"))
    body = client.ok("ListOTAFirmware", CurrentPage="1", PageSize="10")
    assert body["Total"] == 1


def test_a_product_of_another_account_does_not_exist(app, client):
    Client(app, OTHER).make(ProductKey="theirs")
    status, code, _ = client.refused("CreateOTAFirmware", **create(ProductKey="theirs"))
    assert (status, code) == (404, "iot.prod.NotExistedProduct")


def test_an_unknown_product_is_refused_where_the_setting_says_so(make_app):
    client = Client(make_app(unknown_products="refuse"))
    assert client.refused("CreateOTAFirmware", **create(ProductKey="p"))[1] == "iot.prod.NotExistedProduct"
    assert (
        client.refused("ListOTAFirmware", CurrentPage="1", PageSize="1", ProductKey="p")[1]
        == "iot.prod.NotExistedProduct"
    )
    client.make()


def test_ten_modules_are_registered_and_the_eleventh_is_not(client):
    for number in range(10):
        client.make(f"m{number}", ProductKey="p", ModuleName=f"Module{number}")
    client.make("again", ProductKey="p", ModuleName="MODULE3")
    client.make("whole", ProductKey="p", ModuleName="Default")
    client.make("elsewhere", ProductKey="q", ModuleName="Module10")
    status, code, _ = client.refused("CreateOTAFirmware", **create(ProductKey="p", ModuleName="Module10"))
    assert (status, code) == (403, "iot.ota.ModuleCountExceeded")


def test_the_quota_of_packages_is_a_setting(make_app):
    client = Client(make_app(package_quota=2))
    client.make("one")
    identity = client.make("two")
    assert client.refused("CreateOTAFirmware", **create())[:2] == (403, "iot.ota.FirmwareCountExceeded")
    client.ok("DeleteOTAFirmware", FirmwareId=identity)
    client.make("three")


def test_a_client_token_gives_the_first_answer_again(client):
    first = client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    again = client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    assert again["Data"] == first["Data"]
    assert again["RequestID"] != first["RequestID"]
    assert listed(client) == ["name"]


def test_a_client_token_answers_in_the_spelling_of_the_repetition(client):
    first = client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    again = client.ok("CreateOTAFirmware", Version="2018-01-20", **create(ClientToken="t"))
    assert again["Data"]["FirmwareId"] == first["Data"]["FirmwareID"]


def test_a_client_token_with_other_parameters_is_refused(client):
    client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    found = client.refused("CreateOTAFirmware", **create(ClientToken="t", DestVersion="2"))
    assert found[:2] == (400, "IdempotentParameterMismatch")


def test_a_client_token_belongs_to_its_account(app, client):
    client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    Client(app, OTHER).ok("CreateOTAFirmware", **create(ClientToken="t", DestVersion="2"))


def test_a_client_token_of_a_refused_call_may_be_used_again(client):
    client.make("name")
    client.refused("CreateOTAFirmware", **create(ClientToken="t"))
    client.ok("CreateOTAFirmware", **create(ClientToken="t", FirmwareName="other"))


def test_a_client_token_is_forgotten_after_24_hours(client, held_clock):
    client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    held_clock.seconds += 24 * 3600 - 1
    client.ok("CreateOTAFirmware", **create(ClientToken="t"))
    held_clock.seconds += 1
    assert client.refused("CreateOTAFirmware", **create(ClientToken="t"))[1] == "iot.ota.FirmwareNameExists"


@pytest.mark.parametrize("identity", ["0", "1", "01", "-1", "x", "１", "9" * 30, "9223372036854775808", " 1", "1\n"])
@pytest.mark.parametrize("action", ["QueryOTAFirmware", "DeleteOTAFirmware", "ModifyOTAFirmware"])
def test_an_id_that_is_not_ours_is_not_found(client, action, identity):
    assert client.refused(action, FirmwareId=identity)[:2] == (404, "iot.ota.FirmwareNotFound")


def test_list_is_newest_first_and_shows_no_url(client, held_clock):
    for name in ("one", "two", "three"):
        held_clock.seconds += 1
        client.make(name, FirmwareUrl=URL, Udi="u")
    body = client.ok("ListOTAFirmware", CurrentPage="1", PageSize="2")
    items = body["FirmwareInfo"]["SimpleFirmwareInfo"]
    assert [item["FirmwareName"] for item in items] == ["three", "two"]
    assert not {"FirmwareUrl", "Udi"} & set(items[0])
    assert {k: body[k] for k in ("CurrentPage", "PageSize", "PageCount", "Total")} == {
        "CurrentPage": 1, "PageSize": 2, "PageCount": 2, "Total": 3,
    }  # fmt: skip


def test_list_beyond_the_end_is_empty(client):
    client.make()
    assert listed(client, CurrentPage="2") == []
    assert listed(client, CurrentPage="2147483647") == []


def test_list_of_nothing(client):
    body = client.ok("ListOTAFirmware", CurrentPage="1", PageSize="10")
    assert (body["Total"], body["PageCount"]) == (0, 0)
    assert body["FirmwareInfo"] == {"SimpleFirmwareInfo": []}


def test_list_filters_by_product_and_version(client):
    client.make("a", "1", ProductKey="p")
    client.make("b", "2", ProductKey="p")
    client.make("c", "1", ProductKey="q")
    client.make("d", "1")
    assert sorted(listed(client, ProductKey="p")) == ["a", "b"]
    assert sorted(listed(client, DestVersion="1")) == ["a", "c", "d"]
    assert listed(client, ProductKey="p", DestVersion="1") == ["a"]
    assert listed(client, ProductKey="unknown") == []


@pytest.mark.parametrize(
    ("name", "value"), [("CurrentPage", "0"), ("PageSize", "0"), ("PageSize", "101"), ("CurrentPage", "x")]
)
def test_list_refuses_a_page_that_cannot_be(client, name, value):
    params = {"CurrentPage": "1", "PageSize": "10", name: value}
    assert client.refused("ListOTAFirmware", **params)[1] == "InvalidParameter"


def test_accounts_do_not_see_each_other(app, client):
    client.make("mine")
    assert listed(Client(app, OTHER)) == []


def test_modify_changes_what_is_given(client, held_clock):
    identity = client.make("before", FirmwareDesc="d", Udi="u", ProductKey="p")
    held_clock.seconds += 5
    client.ok("ModifyOTAFirmware", FirmwareId=identity, FirmwareName="after", ProductKey="p")
    found = info(client, identity)
    assert (found["FirmwareName"], found["FirmwareDesc"], found["Udi"]) == ("after", "d", "u")
    assert found["UtcModified"] > found["UtcCreate"]


@pytest.mark.parametrize("name", ["Udi", "FirmwareUdi"])
def test_modify_takes_the_udi_under_either_name(client, name):
    identity = client.make()
    client.ok("ModifyOTAFirmware", **{"FirmwareId": identity, name: "new"})
    assert info(client, identity)["Udi"] == "new"


def test_modify_refuses_both_names_at_once(client):
    identity = client.make()
    found = client.refused("ModifyOTAFirmware", FirmwareId=identity, Udi="a", FirmwareUdi="b")
    assert found[1] == "InvalidParameter"


def test_modify_refuses_a_name_that_is_taken(client):
    client.make("taken")
    identity = client.make("mine")
    assert client.refused("ModifyOTAFirmware", FirmwareId=identity, FirmwareName="taken")[0] == 409
    client.ok("ModifyOTAFirmware", FirmwareId=identity, FirmwareName="mine")


def test_modify_is_for_the_product_that_is_named(client):
    identity = client.make(ProductKey="p")
    assert client.refused("ModifyOTAFirmware", FirmwareId=identity, ProductKey="q", FirmwareDesc="x")[0] == 404


def test_delete_forgets_a_package_and_frees_its_name(client):
    identity = client.make("name", ProductKey="p")
    body = client.ok("DeleteOTAFirmware", FirmwareId=identity)
    assert list(body) == ["Code", "RequestID", "Success"]
    assert client.refused("QueryOTAFirmware", FirmwareId=identity)[0] == 404
    assert client.refused("DeleteOTAFirmware", FirmwareId=identity)[0] == 404
    assert listed(client, ProductKey="p") == []
    client.make("name")


def test_a_package_of_another_account_is_untouched(app, client):
    identity = client.make("mine")
    stranger = Client(app, OTHER)
    assert stranger.refused("DeleteOTAFirmware", FirmwareId=identity)[0] == 404
    assert stranger.refused("ModifyOTAFirmware", FirmwareId=identity, FirmwareName="theirs")[0] == 404
    assert info(client, identity)["FirmwareName"] == "mine"
