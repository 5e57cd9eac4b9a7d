"""Access keys: what may be one, what it opens, and what is kept of it."""

import os
import stat
import subprocess
import sys

import pytest

from otagw import access, errors
from otagw.access import Caller
from otagw.ota.accounts import Account
from otagw.security import vault
from otagw.security.vault import Vault, VaultError
from tests.conftest import KEY, OTHER, Client

SEARCH = """
import pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file() and any(word.encode() in path.read_bytes() for word in sys.argv[2:]):
        print(path.name)
"""


def granted(grants, needs):
    try:
        access.authorize(Caller(Account(1, "main"), "id", grants), needs)
    except errors.NotGranted:
        return False
    return True


@pytest.mark.parametrize(
    ("grants", "needs", "may"),
    [
        (("*",), "ota:DeleteOTAFirmware", True),
        (("ota:*",), "ota:DeleteOTAFirmware", True),
        (("ota:List*",), "ota:ListOTAFirmware", True),
        (("ota:ListOTAFirmware",), "ota:ListOTAFirmware", True),
        (("ota:Query*", "ota:List*"), "ota:ListOTAFirmware", True),
        ((), "ota:ListOTAFirmware", False),
        (("ota:List*",), "ota:CreateOTAFirmware", False),
        (("ota:ListOTAFirmware",), "ota:ListOTAFirmwares", False),
        (("ota:ListOTAFirmwares",), "ota:ListOTAFirmware", False),
        (("ota:list*",), "ota:ListOTAFirmware", False),
        (("ota:",), "ota:ListOTAFirmware", False),
    ],
)
def test_a_grant_opens_what_it_names(grants, needs, may):
    assert granted(grants, needs) is may


def test_a_limited_key_may_do_what_it_was_granted_and_no_more(app):
    limited = ("limited", "secret")
    app.extensions["otagw"]["runtime"].keys.create(key_id=limited[0], secret=limited[1], grants=["ota:List*"])
    client = Client(app, limited)
    client.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")
    assert client.refused("CreateOTAFirmware", FirmwareName="n", DestVersion="1")[:2] == (403, "NoPermission")


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_id": "a b"},
        {"key_id": "a,b"},
        {"key_id": "x" * 129},
        {"key_id": "é"},
        {"secret": " s"},
        {"secret": "s\n"},
        {"secret": "s" * 257},
        {"account": "a/b"},
        {"grants": []},
        {"grants": ["ota"]},
        {"grants": ["ota:*OTA"]},
        {"grants": ["ota:List Query"]},
    ],
)
def test_what_cannot_be_used_is_no_key(app, wrong):
    keys = app.extensions["otagw"]["runtime"].keys
    with pytest.raises(errors.InvalidParameter):
        keys.create(**wrong)
    assert len(keys.list()) == 2


def test_a_generated_pair_works(app):
    key, secret = app.extensions["otagw"]["runtime"].keys.create()
    assert len(key.id) == 24
    Client(app, (key.id, secret)).make()


@pytest.mark.parametrize("pair", [("STS.testid", "s3cr&t+/="), ("LTAI5tAbC.1_2-3", "~!@#$%^&*()")])
def test_a_vendors_pair_can_be_imported(app, pair):
    app.extensions["otagw"]["runtime"].keys.create(key_id=pair[0], secret=pair[1])
    Client(app, pair).make()


def test_an_id_is_taken_once(app):
    with pytest.raises(errors.AlreadyExists):
        app.extensions["otagw"]["runtime"].keys.create(key_id=KEY[0])


def test_a_deleted_key_is_unknown_at_once(app, client):
    client.make()
    app.extensions["otagw"]["runtime"].keys.delete(KEY[0])
    assert client.refused("QueryOTAFirmware", FirmwareId="1")[1] == "InvalidAccessKeyId.NotFound"


def test_an_enabled_key_works_again(app, client):
    keys = app.extensions["otagw"]["runtime"].keys
    keys.enable(KEY[0], False)
    keys.enable(KEY[0], True)
    client.make()


@pytest.mark.parametrize("do", ["delete", "enable", "disable"])
def test_a_key_that_is_not_there_is_not_found(app, do):
    keys = app.extensions["otagw"]["runtime"].keys
    with pytest.raises(errors.NotFound):
        keys.delete("nobody") if do == "delete" else keys.enable("nobody", do == "enable")


def holding(folder, *words):
    """Return the names of the files that hold any of these words, as another process finds: see `Kept._look`."""
    found = subprocess.run([sys.executable, "-c", SEARCH, folder, *words], capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def test_no_file_of_the_gateway_holds_a_secret(client, environment):
    client.make()
    folder = environment["OTAGW_DATA_DIR"]
    assert "otagw.db" in {name.removesuffix("-wal") for name in holding(folder, KEY[0])}
    assert holding(folder, KEY[1], OTHER[1]) == []


def test_a_sealed_secret_opens_for_its_owner_alone():
    sealed = Vault(b"k" * 32).seal("one", "secret")
    assert Vault(b"k" * 32).open("one", sealed) == "secret"
    for box, owner in ((Vault(b"k" * 32), "two"), (Vault(b"x" * 32), "one")):
        with pytest.raises(VaultError):
            box.open(owner, sealed)


def test_the_master_key_is_made_once_and_for_the_owner_alone(tmp_path):
    wrapped = vault.unlock(tmp_path, {}).wrap(b"keys")
    assert stat.S_IMODE(os.stat(tmp_path / "master.key").st_mode) == 0o600
    assert vault.unlock(tmp_path, {}).unwrap(wrapped) == b"keys"
    assert os.listdir(tmp_path) == ["master.key"]


def test_a_master_key_that_others_can_read_is_refused(tmp_path):
    vault.unlock(tmp_path, {})
    (tmp_path / "master.key").chmod(0o644)
    with pytest.raises(VaultError, match="chmod 600"):
        vault.unlock(tmp_path, {})


@pytest.mark.parametrize("text", ["", "short", "A" * 43, "!" * 44, "é"])
def test_an_ill_formed_master_key_is_refused_without_being_shown(tmp_path, text):
    with pytest.raises(VaultError) as caught:
        vault.unlock(tmp_path, {"OTAGW_MASTER_KEY": text})
    assert not text or text not in str(caught.value).replace("bytes", "")


def test_the_environments_master_key_leaves_no_file(tmp_path):
    vault.unlock(tmp_path, {"OTAGW_MASTER_KEY": "A" * 43 + "="})
    assert not os.listdir(tmp_path)


def test_another_master_key_is_refused_at_start(make_app, monkeypatch):
    make_app()
    monkeypatch.setenv("OTAGW_MASTER_KEY", "A" * 43 + "=")
    with pytest.raises(VaultError):
        make_app()


def test_another_master_key_is_refused_though_no_key_is_kept_yet(make_app, monkeypatch):
    keys = make_app().extensions["otagw"]["runtime"].keys
    for key in keys.list():
        keys.delete(key.id)
    keys.check()
    monkeypatch.setenv("OTAGW_MASTER_KEY", "A" * 43 + "=")
    with pytest.raises(VaultError, match="not the one that this database was begun with"):
        make_app()
