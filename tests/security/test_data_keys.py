"""The master key is rotated while all that is out stays good, and may be killed meanwhile."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.db import database
from otagw.security import data_keys, vault
from otagw.security.vault import VaultError
from tests.conftest import KEY, OTHER, ROOT, Client
from tests.engines import postgres
from tests.iotda.conftest import Iotda
from tests.oss.conftest import body_of, fields_of, link_of, post

NEW = base64.urlsafe_b64encode(bytes(32)).decode()
ROTATE = ("keys", "rotate-master")
REFUSED = "the master key is not the one that this database was begun with, nor one that took its place"


@pytest.fixture
def otagw(environment, monkeypatch):
    """Run a command in process; return what it prints."""

    def run(*words, status=0, **changes):
        database.disconnect()
        with monkeypatch.context() as patch:
            for name, value in {**environment, **{f"OTAGW_{k.upper()}": str(v) for k, v in changes.items()}}.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == status, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result.output

    return run


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def site(request, otagw, make_app, tmp_path):
    """A gateway of its own that begins with this version: its settings, what makes it, and a command for it."""

    class Site:
        folder = tmp_path / "site"

        def __init__(self, url):
            self.changes = {"data_dir": self.folder, "database_url": url}

        def app(self):
            return make_app(**self.changes)

        def otagw(self, *words, **options):
            return otagw(*words, **{**self.changes, **options})

        @property
        def key(self):
            return (self.folder / "master.key").read_text()

    def begin(url):
        made = Site(url)
        made.otagw("migrate")
        for key, secret in (KEY, OTHER):
            made.otagw("keys", "create", "--id", key, "--secret", secret)
        return made

    if request.param == "sqlite":
        yield begin("")
    else:
        with postgres() as url:
            yield begin(url)
            database.disconnect()


def out(app):
    """Return what a gateway has given out: a link, a form, a token and the secret of a device."""
    client = Client(app)
    device = client.ok("RegisterDevice", ProductKey="lock", DeviceName="lock-1")["Data"]
    link, form = link_of(client, b"content"), fields_of(client.ok("GenerateOTAUploadURL")["Data"])
    return {"link": link, "form": form, "token": token(app), "device": device["DeviceSecret"]}


def token(app):
    methods = {"methods": ["hw_ak_sk"], "hw_ak_sk": {"access": {"key": KEY[0]}, "secret": {"key": KEY[1]}}}
    body = json.dumps({"auth": {"identity": methods}})
    answer = Iotda(app).send("POST", "/v3/auth/tokens", {"Content-Type": "application/json"}, body=body.encode())
    return answer.headers["X-Subject-Token"]


def is_good(app, given):
    """Check that a gateway takes what one has given out."""
    client = Client(app)
    assert client.http.get(given["link"]).data == b"content"
    assert post(client, body_of(given["form"], b"more")).status_code == 204
    assert client.http.get("/v3/projects", headers={"X-Auth-Token": given["token"]}).status_code == 200
    shown = client.ok("QueryDeviceDetail", ProductKey="lock", DeviceName="lock-1")["Data"]
    assert shown["DeviceSecret"] == given["device"]


def test_what_is_out_stays_good_and_the_old_key_opens_nothing(site):
    running = site.app()
    given, old = out(running), site.key
    said = site.otagw(*ROTATE)
    assert f"The master key in {site.folder / 'master.key'} alone opens the database" in said
    assert site.key != old
    assert site.key.strip() not in said
    assert oct((site.folder / "master.key").stat().st_mode)[-3:] == "600"
    assert not (site.folder / "master.key.new").exists()
    is_good(running, given)
    again = site.app()
    is_good(again, {**given, "form": fields_of(Client(again).ok("GenerateOTAUploadURL")["Data"])})
    assert REFUSED in site.otagw("keys", "list", status=1, master_key=old.strip())
    assert KEY[0] in site.otagw("keys", "list")


def test_a_key_in_the_environment_is_replaced_by_its_operator(site):
    given, old = out(site.app()), site.key.strip()
    (site.folder / "master.key").unlink()
    assert "put the new one into OTAGW_NEW_MASTER_KEY" in site.otagw(*ROTATE, status=1, master_key=old)
    said = site.otagw(*ROTATE, status=1, master_key=old, new_master_key=old)
    assert "expected another key" in said
    said = site.otagw(*ROTATE, status=1, master_key=old, new_master_key="short-secret")
    assert "expected 32 bytes in Base64 (in OTAGW_NEW_MASTER_KEY)" in said
    assert "short-secret" not in said
    assert "Two keys open the database." in site.otagw(*ROTATE, master_key=old, new_master_key=NEW)
    for key in (old, NEW):
        assert KEY[0] in site.otagw("keys", "list", master_key=key)
    assert "--finish" in site.otagw(*ROTATE, status=1, master_key=old, new_master_key=NEW)
    site.otagw(*ROTATE, "--finish", master_key=NEW)
    assert REFUSED in site.otagw("keys", "list", status=1, master_key=old)
    assert KEY[0] in site.otagw("keys", "list", master_key=NEW)
    assert list(site.folder.glob("master.key.*")) == [site.folder / "master.key.lock"]
    (site.folder / "master.key").write_text(NEW)
    (site.folder / "master.key").chmod(0o600)
    is_good(site.app(), given)


def test_the_old_key_may_be_kept_until_every_node_has_the_new_one(site):
    old = site.key.strip()
    assert "Two keys open the database." in site.otagw(*ROTATE, "--keep-old")
    assert site.key.strip() != old
    assert KEY[0] in site.otagw("keys", "list", master_key=old)
    assert "two keys open the database already" in site.otagw(*ROTATE, "--keep-old", status=1)
    for words in (("--finish",), ()):  # at a node that has not got the new one yet
        (site.folder / "master.key").rename(site.folder / "aside")
        (site.folder / "master.key").write_text(old)
        (site.folder / "master.key").chmod(0o600)
        assert "the master key here is the old one" in site.otagw(*ROTATE, *words, status=1)
        (site.folder / "aside").replace(site.folder / "master.key")
    assert "the master key here is the new one" in site.otagw(*ROTATE, "--cancel", status=1)
    site.otagw(*ROTATE, "--finish")
    assert REFUSED in site.otagw("keys", "list", status=1, master_key=old)
    assert KEY[0] in site.otagw("keys", "list")
    assert "alone opens the database" in site.otagw(*ROTATE, "--finish")  # as often as one likes


def test_a_new_key_that_was_lost_is_cancelled(site):
    given, old = out(site.app()), site.key.strip()
    site.otagw(*ROTATE, master_key=old, new_master_key=NEW)
    assert "alone opens the database" in site.otagw(*ROTATE, "--cancel", master_key=old)
    assert REFUSED in site.otagw("keys", "list", status=1, master_key=NEW)
    is_good(site.app(), given)
    site.otagw(*ROTATE)
    assert site.key.strip() != old


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_backup_needs_the_key_that_it_was_made_under(site, tmp_path):
    link, old = link_of(Client(site.app()), b"content"), site.key
    site.otagw("backup", tmp_path / "b.tar")
    site.otagw(*ROTATE)
    for folder, key in ((tmp_path / "right", old), (tmp_path / "wrong", site.key)):
        folder.mkdir()
        (folder / "master.key").write_text(key)
        (folder / "master.key").chmod(0o600)
    assert "another master key" in site.otagw("restore", tmp_path / "b.tar", status=1, data_dir=tmp_path / "wrong")
    assert "Warning" not in site.otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "right")
    site.changes["data_dir"] = tmp_path / "right"
    assert Client(site.app()).http.get(link).data == b"content"
    site.otagw("backup", tmp_path / "c.tar", "--with-master-key")
    site.otagw("restore", tmp_path / "c.tar", data_dir=tmp_path / "third")


# Rotates the master keys of copies of a folder in processes that end before their first, second… step.
KILLED = """
import itertools, logging, os, pathlib, shutil, sys
from otagw.cli import main

def run(folder, steps, *words):
    def step():
        nonlocal steps
        steps -= 1
        if steps < 0:
            os._exit(9)

    class Statements(logging.Handler):
        def emit(self, record):
            step()

    def happens(event, arguments):
        if event in ("open", "os.link", "os.rename", "os.remove") and "master.key" in str(arguments[0]):
            step()

    if not (pid := os.fork()):
        os.environ["OTAGW_DATA_DIR"] = str(folder)
        if steps is not None:
            logging.getLogger("peewee").addHandler(Statements())
            logging.getLogger("peewee").setLevel(logging.DEBUG)
            sys.addaudithook(happens)
        main(words, standalone_mode=False)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

source = pathlib.Path(sys.argv[1])
old = (source / "master.key").read_text()
for number in itertools.count():
    folder = pathlib.Path(shutil.copytree(source, f"{source}-{number}"))
    ended = run(folder, number, "keys", "rotate-master")
    opens = run(folder, None, "keys", "list")
    new = (folder / "master.key").read_text()
    again = 0 if ended == 0 else run(folder, None, "keys", "rotate-master")
    key = (folder / "master.key").read_text()
    rows = run(folder, None, "keys", "list")
    (folder / "master.key").write_text(old)
    refused = run(folder, None, "keys", "list")
    print("\\\\n@", ended, opens, again, rows, refused, key != old, new in (old, key), flush=True)
    if ended == 0:
        break
"""


def test_a_rotation_that_is_killed_at_any_step_is_begun_again(otagw, tmp_path):
    otagw("migrate", data_dir=tmp_path / "d", database_url="")
    otagw("keys", "create", data_dir=tmp_path / "d", database_url="")
    command = [sys.executable, "-c", KILLED.replace("\\\\n", "\\n"), str(tmp_path / "d")]
    environ = {"OTAGW_CONFIG": "/dev/null", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("@")]
    assert [line[0] for line in lines] == ["9"] * (len(lines) - 1) + ["0"]
    assert len(lines) > 12
    assert {tuple(line[1:4]) for line in lines} == {("0", "0", "0")}
    assert {tuple(line[4:]) for line in lines} == {("1", "True", "True")}


def before_data_keys(environment):
    """Make the database at hand one of an earlier version, whose master key did everything; return that key."""
    key = base64.urlsafe_b64decode((Path(environment["OTAGW_DATA_DIR"]) / "master.key").read_text())
    mark = hmac.digest(key, b"mark", hashlib.sha256).hex()[:32]
    sealed = vault.Vault(key).seal(KEY[0], KEY[1])
    with database.write():
        database.execute("DELETE FROM fact WHERE name = 'data keys'")
        database.execute("UPDATE fact SET value = ? WHERE name = 'master key'", mark)
        database.execute("UPDATE access_key SET secret = ? WHERE id = ?", sealed, KEY[0])
        database.execute("DELETE FROM access_key WHERE id <> ?", KEY[0])
    return key


def test_a_database_of_before_goes_on_with_its_master_key_as_data_key(make_app, environment):
    make_app()
    key = before_data_keys(environment)
    app = make_app()
    Client(app).make("one")
    assert app.extensions["otagw"]["runtime"].vault.derive("links") == hmac.digest(key, b"links", "sha256")
    assert data_keys.opens(vault.Master(key))


@pytest.mark.parametrize("keeps_keys", [True, False])
def test_a_database_of_before_is_not_begun_with_another_master_key(make_app, monkeypatch, environment, keeps_keys):
    make_app()
    key = before_data_keys(environment)
    if not keeps_keys:
        with database.write():
            database.execute("DELETE FROM access_key")
    monkeypatch.setenv("OTAGW_MASTER_KEY", NEW)
    with pytest.raises(VaultError):
        make_app()
    assert database.fact("data keys") is None
    monkeypatch.setenv("OTAGW_MASTER_KEY", base64.urlsafe_b64encode(key).decode())
    make_app()


def test_a_new_database_has_data_keys_of_its_own(site):
    master = vault.unlock(site.folder, {})
    box = site.app().extensions["otagw"]["runtime"].vault
    assert box.derive("links") != hmac.digest(master.key, b"links", "sha256")
    with pytest.raises(VaultError):
        vault.Vault(master.key).open("x", box.seal("x", "secret"))
    # An earlier version, which knows nothing of data keys, sees that it cannot use the database.
    assert database.fact("master key") != vault.Vault(master.key).derive("mark").hex()[:32]
