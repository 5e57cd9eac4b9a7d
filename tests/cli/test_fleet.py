"""`otagw products` and `otagw devices`: fleets come from files, once, and what is skipped is said."""

import csv
import os
import re
import signal
import subprocess
import sys

import pytest

from otagw import clock
from otagw.db import database
from otagw.ota import projects
from otagw.ota.devices import devices
from otagw.ota.updates import updates
from tests.conftest import KEY, NOW, OTHER, Client
from tests.patience import HANG_SECONDS, eventually

HEADER = "DeviceName,DeviceSecret,ProductKey,Nickname,FirmwareVersion"


@pytest.fixture
def fleet(otagw, tmp_path):
    """Import the lines of a file."""

    def run(*lines, product=None, status=0, encoding="utf-8", options=()):
        file = tmp_path / "fleet.csv"
        file.write_bytes("\n".join(lines).encode(encoding))
        return otagw(
            "devices", "import", str(file), *(["--product", product] if product else []), *options, status=status
        )

    return run


@pytest.fixture
def client(otagw, make_app):
    def ask(action, key=KEY, **params):
        return Client(make_app(), key).ok(action, **params)

    return ask


def names(client, product="p"):
    found = client("QueryDevice", ProductKey=product, PageSize=50)["Data"]["DeviceInfo"]
    return sorted(device["DeviceName"] for device in found)


def test_a_fleet_brings_its_secrets_nicknames_and_versions(fleet, client):
    said = fleet(HEADER, f"dev1,{'0' * 32},p,前门 1,1.0.3", "dev2,,q,,")
    assert "2 registered, 0 skipped." in said
    device = client("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]
    assert (device["DeviceSecret"], device["Nickname"], device["FirmwareVersion"]) == ("0" * 32, "前门 1", "1.0.3")
    (version,) = client("ListOTAModuleVersionsByDevice", ProductKey="p", DeviceName="dev1", CurrentPage=1, PageSize=1)[
        "Data"
    ]["SimpleOTAModuleInfo"]
    assert (version["ModuleName"], version["ModuleVersion"]) == ("default", "1.0.3")
    other = client("QueryDeviceDetail", ProductKey="q", DeviceName="dev2")["Data"]
    assert len(other["DeviceSecret"]) == 32
    assert "FirmwareVersion" not in other


def test_a_secret_is_sealed_in_the_database(fleet, otagw):
    fleet(HEADER, "dev1,verysecretindeed,p,,")
    (kept,) = database.execute("SELECT secret FROM device").fetchone()
    assert "verysecretindeed" not in kept
    assert otagw("devices", "secret", "p", "dev1") == "verysecretindeed\n"
    assert "verysecretindeed" not in otagw("devices", "show", "p", "dev1")


@pytest.mark.parametrize(
    "header",
    ["devicename", "DEVICE NAME", "device_name", '"Device-Name"', "\ufeffDeviceName", "Note;Device Name", "name\tx"],
)
def test_a_header_may_be_written_in_many_ways(fleet, client, header):
    rows = ["x;dev1"] if ";" in header else ["dev1\ty"] if "\t" in header else ["dev1"]
    fleet(header, *rows, product="p")
    assert names(client) == ["dev1"]


def test_columns_that_mean_nothing_are_named(fleet):
    assert "Ignored columns: Note, Sn" in fleet("Note,DeviceName,Sn", "a,dev1,b", product="p")


def test_the_same_file_again_registers_what_is_missing(fleet, client):
    fleet("DeviceName", "dev1", "dev2", product="p")
    said = fleet("DeviceName", "dev1", "dev3", "dev2", product="p")
    assert "1 registered, 2 skipped." in said
    assert "2 because the product has a device of this name: line 2 dev1, line 4 dev2" in said
    assert names(client) == ["dev1", "dev2", "dev3"]


def test_a_name_that_comes_twice_is_registered_once(fleet, client):
    said = fleet("DeviceName,DeviceSecret", "dev1,first", "dev1,second", product="p")
    assert "line 3 dev1" in said
    assert client("QueryDeviceDetail", ProductKey="p", DeviceName="dev1")["Data"]["DeviceSecret"] == "first"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",s,p,,", "the name is not made of 1"),
        ("a b,s,p,,", "the name is not made of 1"),
        ("../x,s,p,,", "the name is not made of 1"),
        (f"{'d' * 257},s,p,,", "the name is not made of 1"),
        ("dev9,s,oss,,", "the product is no key"),
        ("dev9,s,p/q,,", "the product is no key"),
        ("dev9,s,,,", "the product is no key"),
        ("dev9,s t,p,,", "the secret is not"),
        (f"dev9,{'s' * 129},p,,", "the secret is not"),
        (f"dev9,s,p,{'n' * 65},", "the nickname has"),
        ("dev9,s,p,,1 2", "the version is not"),
        ("dev9,s,p,,1,extra", "the row has 6 values, the header 5"),
        ("dev9,s,p", "the row has 3 values, the header 5"),
        ("dev9,s,theirs,,", "there is no product theirs"),
    ],
)
def test_a_bad_row_is_skipped_with_its_line_and_reason(fleet, client, row, why):
    client("RegisterDevice", OTHER, ProductKey="theirs", DeviceName="dev1")
    said = fleet(HEADER, "dev1,s,p,,", row, "", "dev2,s,p,,")
    assert "2 registered, 1 skipped." in said
    assert f"1 because {why}" in said
    assert ": line 3" in said
    assert names(client) == ["dev1", "dev2"]


def test_what_is_skipped_goes_to_a_file(fleet, tmp_path):
    fleet("DeviceName", *["a b"] * 7, product="p", options=("--skipped", str(tmp_path / "skipped.csv")))
    rows = list(csv.reader((tmp_path / "skipped.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["line", "name", "why"]
    assert [row[0] for row in rows[1:]] == [str(line) for line in range(2, 9)]


def test_few_of_many_reasons_are_shown(fleet):
    said = fleet("DeviceName", *["a b"] * 7, product="p")
    assert said.count("a b") == 5
    assert ", …" in said


def test_a_value_may_be_quoted_over_two_lines(fleet, client):
    said = fleet("DeviceName,Note", 'dev1,"one\ntwo"', "a b,x", product="p")
    assert "line 4 a b" in said
    assert names(client) == ["dev1"]


@pytest.mark.parametrize(
    ("lines", "product", "problem"),
    [
        ([], "p", "the first line is no header"),
        (["dev1", "dev2"], "p", "the first line is no header"),
        (["DeviceName,device_name"], "p", "the first line is no header"),
        (["DeviceName"], None, "there is no column ProductKey"),
        (["DeviceName", "dev1", '"dev2'], "p", "line 3: unexpected end of data"),
    ],
)
def test_a_file_that_is_no_fleet_is_refused(fleet, lines, product, problem):
    said = fleet(*lines, product=product, status=1)
    assert problem in said
    assert "Error: " in said


def test_a_file_in_another_encoding_says_where(fleet, client):
    said = fleet(
        "DeviceName,Nickname", *(f"dev{n},x" for n in range(1500)), "last,门", encoding="gb18030", product="p", status=1
    )
    assert "Stopped after line 1001. 1000 registered, 0 skipped." in said
    assert "line 1502: it is not UTF-8" in said


def test_an_account_that_is_not_there_is_not_made(fleet):
    assert "there is no account nobody" in fleet(
        "DeviceName", "dev1", product="p", options=("--account", "nobody"), status=1
    )


def test_an_import_is_the_accounts_own(fleet, client):
    fleet("DeviceName", "dev1", product="q", options=("--account", "other"))
    assert client("QueryDevice", OTHER, ProductKey="q")["Total"] == 1


def test_products_that_must_be_known_are_not_registered(fleet, monkeypatch):
    monkeypatch.setenv("OTAGW_UNKNOWN_PRODUCTS", "refuse")
    assert "1 because there is no product p: line 2 dev1" in fleet("DeviceName", "dev1", product="p")


def test_it_reads_standard_input(otagw, client):
    otagw("devices", "import", "-", "--product", "p", input="DeviceName\ndev1\n")
    assert names(client) == ["dev1"]


def test_a_product_keeps_the_key_that_devices_have(otagw, client):
    said = otagw("products", "create", "门锁", "--key", "a1lock", "--description", "d", "--gateway")
    product = client("QueryProduct", ProductKey="a1lock")["Data"]
    assert (product["ProductName"], product["Description"], product["NodeType"]) == ("门锁", "d", 1)
    assert f"ProductSecret  {product['ProductSecret']}" in said
    assert "there is a product other already" in otagw("products", "create", "other", "--key", "a1lock", status=1)
    assert "--key: expected" in otagw("products", "create", "other", "--key", "oss", status=1)


def test_products_and_devices_are_listed_page_by_page(otagw, fleet):
    clock.hold(lambda: NOW * 1000)
    fleet("DeviceName,Version", *(f"dev{n:02},1.{n}" for n in range(60)), product="p")
    clock.hold(None)
    said = otagw("devices", "list", "p", "--page", "2")
    assert "dev00                             unactivated  2026-11-18 11:06  1.0" in said
    assert "Page 2 of 2, 60 in all." in said
    said = otagw("products", "list")
    assert "p                                60 devices  2026-11-18 11:06  p" in said
    assert "Page 1 of 1, 1 in all." in said


def test_a_product_with_devices_is_not_deleted(otagw, fleet):
    fleet("DeviceName", "dev1", product="p")
    assert "the product p has devices" in otagw("products", "delete", "p", status=1)
    otagw("products", "create", "empty", "--key", "empty")
    assert "empty is deleted" in otagw("products", "delete", "empty")
    assert "there is no product empty" in otagw("products", "delete", "empty", status=1)


def test_why_a_device_does_not_update_is_said(otagw, fleet):
    fleet("DeviceName", "dev1", product="p")
    assert otagw("devices", "why", "p", "dev1") == "The device has never been heard of.\n"
    clock.hold(lambda: NOW * 1000)
    device = devices.find("p", "dev1")
    updates.reported_version(device, "1.0")
    updates.reported_version(device, "1.1\x1b[2J\nforged")
    clock.hold(None)
    first = "2026-11-18 11:06:40  reported  default 1.0"
    last = "2026-11-18 11:06:40  reported  default 1.1 [2J forged"
    reason = "No job has selected the device."
    assert otagw("devices", "why", "p", "dev1").splitlines() == [reason, first, last]
    assert otagw("devices", "why", "p", "dev1", "--events", "1").splitlines() == [reason, last]
    assert otagw("devices", "why", "p", "dev1", "--events", "0").splitlines() == [reason]
    assert "there is no device dev2" in otagw("devices", "why", "p", "dev2", status=1)
    assert "there is no product p" in otagw("devices", "why", "p", "dev1", "--account", "other", status=1)


@pytest.mark.parametrize("words", [("devices", "list", "none"), ("devices", "show", "none", "dev1")])
def test_a_product_that_is_not_there_is_said(otagw, words):
    assert "there is no product none" in otagw(*words, status=1)


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_was_ended_goes_on(make_app, environment, tmp_path, number):
    make_app()
    file = tmp_path / "fleet.csv"
    file.write_text("DeviceName\n" + "\n".join(f"device-{n:06}" for n in range(40_000)))
    command = [sys.executable, "-m", "otagw", "devices", "import", str(file), "--product", "p"]
    environ = {**os.environ, **environment}

    def registered():
        row = database.execute("SELECT total FROM counter WHERE scope = 'device/product_key=1:p'").fetchone()
        return row[0] if row else 0

    running = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    eventually(lambda: registered() > 2000)
    running.send_signal(number)
    said = running.communicate(timeout=HANG_SECONDS)[1]
    half = registered()
    assert half < 40_000
    assert half == database.execute("SELECT COUNT(*) FROM device").fetchone()[0]
    if number == signal.SIGINT:
        assert f"Stopped after line {half + 1}; the same command goes on from there. {half} registered" in said
        assert "Traceback" not in said
        assert running.returncode == 1
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=HANG_SECONDS)
    assert f"{40_000 - half} registered, {half} skipped." in done.stderr
    assert registered() == 40_000


def test_a_project_is_given_to_one_account(otagw):
    otagw("projects", "create", "p-1", "--account", "other")
    assert "already" in otagw("projects", "create", "p-1", status=1)
    assert "PROJECT_ID" in otagw("projects", "create", "a b", status=1)
    first, *others = otagw("projects", "list", "--account", "other").splitlines()
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert others == ["p-1"]


def test_an_account_is_given_no_more_projects_than_it_may_have(otagw, monkeypatch):
    monkeypatch.setattr(projects, "LIMIT", 2)
    otagw("projects", "create", "p-1")
    assert "there are 2 projects, as many as there may be" in otagw("projects", "create", "p-2", status=1)
    assert len(otagw("projects", "list").splitlines()) == 2
