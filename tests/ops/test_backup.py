"""`otagw backup` and `otagw restore`: everything answers as before, and what is not whole is not restored."""

import base64
import hashlib
import hmac
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from otagw.cli import main
from otagw.db import database
from otagw.ops import backup as core
from tests.conftest import KEY, Client
from tests.engines import postgres
from tests.oss.conftest import link_of

CONTENT = os.urandom(300_000)


@pytest.fixture
def otagw(environment, monkeypatch):
    """Run a command in process with other settings; what it prints."""

    def run(*words, status=0, **changes):
        database.disconnect()
        for name, value in {**environment, **{f"OTAGW_{k.upper()}": str(v) for k, v in changes.items()}}.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == status, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result.output

    return run


@pytest.fixture
def filled(client):
    """A gateway with a file and a package."""
    client.link = link_of(client, CONTENT)
    client.ok("RegisterDevice", ProductKey="lock", DeviceName="lock-1")
    return client


@pytest.fixture
def saved(filled, otagw, tmp_path):
    """Its backup, master key and all."""
    otagw("backup", tmp_path / "b.tar", "--with-master-key")
    return tmp_path / "b.tar"


def entries(path):
    with tarfile.open(path) as tar:
        return [(info.name, tar.extractfile(info).read()) for info in tar]


def rewrite(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def shown(client):
    listed = client.ok("ListOTAFirmware", CurrentPage=1, PageSize=10)
    device = client.ok("QueryDeviceDetail", ProductKey="lock", DeviceName="lock-1")
    return listed["FirmwareInfo"], device["Data"], listed["Total"]


def test_everything_answers_as_before_elsewhere(filled, otagw, make_app, tmp_path):
    before = shown(filled)
    said = otagw("backup", tmp_path / "b.tar", "--with-master-key")
    assert "1 file." in said
    assert "HOLDS THE MASTER KEY" in said
    assert stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    said = otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")
    assert "with 1 file. " in said
    assert "no master key" not in said
    otagw("migrate")
    restored = Client(make_app(data_dir=tmp_path / "new"))
    assert shown(restored) == before
    assert restored.http.get(filled.link).data == CONTENT
    restored.make("later")
    assert sorted(path.name for path in (tmp_path / "new").glob(".*")) == []


def test_a_request_that_was_used_cannot_be_sent_again_at_the_restored(filled, otagw, make_app, tmp_path):
    from tests import signer

    params = signer.v1(KEY, "CreateOTAFirmware", FirmwareName="again", DestVersion="1")
    assert filled.send(params).json["Success"]
    otagw("backup", tmp_path / "b.tar", "--with-master-key")
    otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")
    assert Client(make_app(data_dir=tmp_path / "new")).send(params).json["Code"] == "SignatureNonceUsed"


def test_the_master_key_is_left_out_unless_asked_for(filled, otagw, tmp_path, environment):
    said = otagw("backup", tmp_path / "b.tar")
    assert "does not hold the master key" in said
    assert "master.key" not in dict(entries(tmp_path / "b.tar"))
    key = (Path(environment["OTAGW_DATA_DIR"]) / "master.key").read_bytes().strip()
    assert key not in (tmp_path / "b.tar").read_bytes()
    said = otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")
    assert "It has no master key" in said
    (tmp_path / "other").mkdir()
    (tmp_path / "other/master.key").write_bytes(key)
    (tmp_path / "other/master.key").chmod(0o600)
    otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "other")
    assert KEY[0] in otagw("keys", "list")


def test_files_may_be_listed_instead(filled, otagw, tmp_path, environment):
    otagw("backup", tmp_path / "b.tar", "--files", "list", "--with-master-key")
    manifest = json.loads(dict(entries(tmp_path / "b.tar"))["manifest.json"])
    assert [fact["sha256"] for fact in manifest["left"].values()] == [hashlib.sha256(CONTENT).hexdigest()]
    assert "1 file is listed and not in the storage" in otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")
    kept = Path(environment["OTAGW_DATA_DIR"]) / "files"
    assert "not in the storage" not in otagw(
        "restore", tmp_path / "b.tar", data_dir=tmp_path / "third", storage_url=kept
    )


def test_a_backup_replaces_nothing(filled, otagw, tmp_path):
    (tmp_path / "b.tar").write_text("dear")
    assert "is there already" in otagw("backup", tmp_path / "b.tar", status=1)
    assert (tmp_path / "b.tar").read_text() == "dear"


def test_a_file_that_is_damaged_or_gone_is_said(filled, otagw, tmp_path, environment):
    (path,) = (p for p in (Path(environment["OTAGW_DATA_DIR"]) / "files").rglob("*") if p.is_file())
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    assert "is not what was uploaded" in otagw("backup", tmp_path / "b.tar", status=1)
    path.unlink()
    assert "cannot be read from the storage" in otagw("backup", tmp_path / "b.tar", status=1)
    assert list(tmp_path.iterdir()) == []


def refused(otagw, folder, file, expected=""):
    """Check that a backup is not restored, and that nothing is left of the try."""
    said = otagw("restore", file, status=1, data_dir=folder)
    assert said.startswith("Error: ")
    assert said.count("\n") == 1
    assert expected in said
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.97])
def test_a_cut_file_is_refused(saved, otagw, tmp_path, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data.rstrip(b"\0")) * share)])
    refused(otagw, tmp_path / "new", saved)


def test_an_altered_byte_is_refused_wherever_it_is(saved, otagw, tmp_path):
    good = saved.read_bytes()
    with tarfile.open(saved) as tar:
        places = [info.offset_data + info.size // 2 for info in tar] + [info.offset + 3 for info in tar]
    for place in places:
        saved.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        refused(otagw, tmp_path / "new", saved)


def test_members_that_are_missing_added_or_twice_are_refused(saved, otagw, tmp_path):
    good = entries(saved)
    for number in range(len(good)):
        rewrite(saved, [*good[:number], *good[number + 1 :]])
        refused(otagw, tmp_path / "new", saved)
        rewrite(saved, [*good[: number + 1], good[number], *good[number + 1 :]])
        refused(otagw, tmp_path / "new", saved)
    for name in ("../evil", "/tmp/evil", "files/../../evil", "evil"):
        rewrite(saved, [*good[:1], (name, b"x"), *good[1:]])
        refused(otagw, tmp_path / "new", saved)
    assert not (tmp_path / "evil").exists()


def resealed(good, key=None, **changes):
    """Change the manifest, and seal it anew: by the first format, or with a master key."""
    manifest = {**json.loads(good[0][1]), **changes}
    text = json.dumps(manifest).encode()
    seal = ("manifest.sha256", hashlib.sha256(text).hexdigest().encode())
    if key is not None:
        derived = hmac.digest(base64.urlsafe_b64decode(key), b"backup", "sha256")
        seal = ("manifest.hmac", hmac.digest(derived, text, "sha256").hex().encode())
    return [("manifest.json", text), *good[1:-1], seal]


def put_key(folder, key):
    folder.mkdir(exist_ok=True)
    (folder / "master.key").write_bytes(key)
    (folder / "master.key").chmod(0o600)


WARNING = "Warning: nothing proves that this gateway wrote the backup: "


def test_the_seal_is_checked_with_the_master_key_at_hand(filled, otagw, tmp_path, environment):
    key = (Path(environment["OTAGW_DATA_DIR"]) / "master.key").read_bytes()
    otagw("backup", tmp_path / "b.tar")
    put_key(tmp_path / "right", key)
    assert "Warning" not in otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "right")
    put_key(tmp_path / "wrong", base64.urlsafe_b64encode(bytes(32)))
    said = otagw("restore", tmp_path / "b.tar", status=1, data_dir=tmp_path / "wrong")
    assert "made under another master key" in said
    assert [path.name for path in (tmp_path / "wrong").iterdir()] == ["master.key"]


def test_a_backup_that_was_altered_is_refused_however_it_is_sealed(filled, otagw, tmp_path, environment):
    key = (Path(environment["OTAGW_DATA_DIR"]) / "master.key").read_bytes()
    otagw("backup", tmp_path / "b.tar")
    good = entries(tmp_path / "b.tar")
    put_key(tmp_path / "new", key)
    other = base64.urlsafe_b64encode(bytes(32))
    for members in (
        resealed(good, created="another"),
        resealed(good, other, created="another"),
        [*resealed(good, created="another")[:-1], good[-1]],
        [*good[:-1], ("manifest.hmac", b"")],
        [*good[:-1], ("manifest.hmac", "\u00e9".encode())],
        resealed(good, key, format=1),
    ):
        rewrite(tmp_path / "b.tar", members)
        assert "is not restored" in otagw("restore", tmp_path / "b.tar", status=1, data_dir=tmp_path / "new")
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["master.key"]
    rewrite(tmp_path / "b.tar", resealed(good, key, created="another"))
    otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")


def test_a_key_in_the_backup_does_not_vouch_for_it_where_another_is_at_hand(saved, otagw, tmp_path, monkeypatch):
    monkeypatch.setenv("OTAGW_MASTER_KEY", base64.urlsafe_b64encode(bytes(32)).decode())
    refused(otagw, tmp_path / "new", saved, "made under another master key")


def test_without_a_master_key_a_backup_is_restored_with_a_warning(filled, otagw, tmp_path):
    otagw("backup", tmp_path / "b.tar")
    said = otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new")
    assert f"{WARNING}there is no master key to check its seal with." in said
    assert not (tmp_path / "new/master.key").exists()


def test_a_backup_of_before_is_restored_with_a_warning(saved, otagw, make_app, tmp_path):
    rewrite(saved, resealed(entries(saved), format=1))
    assert f"{WARNING}it is sealed without a key" in otagw("restore", saved, data_dir=tmp_path / "new")
    assert shown(Client(make_app(data_dir=tmp_path / "new")))[2] == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"format": 3}, "upgrade otagw"),
        ({"format": 0}, "upgrade otagw"),
        ({"format": "2"}, "upgrade otagw"),
        ({"format": []}, "upgrade otagw"),
        ({"schema": ["9999_later"]}, "upgrade otagw"),
        ({"engine": "postgresql"}, "database_url is of sqlite"),
        ({"members": {"files/../../evil": {"size": 1, "sha256": ""}}}, "no path of a file"),
        ({"members": {"files//tmp/evil": {"size": 1, "sha256": ""}}}, "no path of a file"),
        ({"members": []}, "cut short"),
        ({"other": 1}, "cut short"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(saved, otagw, tmp_path, changes, expected):
    rewrite(saved, resealed(entries(saved), **changes))
    refused(otagw, tmp_path / "new", saved, expected)


def test_a_link_in_the_tar_is_refused(saved, otagw, tmp_path):
    good = entries(saved)
    with tarfile.open(saved, "w") as tar:
        info = tarfile.TarInfo("manifest.json")
        info.size = len(good[0][1])
        tar.addfile(info, io.BytesIO(good[0][1]))
        link = tarfile.TarInfo("otagw.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    refused(otagw, tmp_path / "new", saved, "not a regular file")


@pytest.mark.parametrize("content", [b"", b"no tar at all", b"\0" * 10240])
def test_what_is_no_backup_is_refused(otagw, tmp_path, content):
    (tmp_path / "b.tar").write_bytes(content)
    refused(otagw, tmp_path / "new", tmp_path / "b.tar")


def test_a_folder_with_something_in_it_is_left_alone(saved, otagw, tmp_path, environment):
    assert "is not empty" in otagw("restore", saved, status=1)
    (tmp_path / "new").mkdir()
    (tmp_path / "new/notes").write_text("dear")
    assert "is not empty" in otagw("restore", saved, status=1, data_dir=tmp_path / "new")
    assert (tmp_path / "new/notes").read_text() == "dear"


def test_a_second_master_key_is_refused_and_the_first_stays(saved, otagw, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new/master.key").write_text("first")
    assert "move one of them away" in otagw("restore", saved, status=1, data_dir=tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["master.key"]
    assert (tmp_path / "new/master.key").read_text() == "first"


def test_files_of_a_storage_that_was_not_lost_survive_a_refused_restore(saved, otagw, tmp_path, environment):
    kept = Path(environment["OTAGW_DATA_DIR"]) / "files"
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    good = entries(saved)
    rewrite(saved, good[:-1])
    said = otagw("restore", saved, status=1, data_dir=tmp_path / "new", storage_url=kept)
    assert "cut short" in said
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


@pytest.mark.postgres
def test_postgresql_by_its_own_programs(otagw, make_app, tmp_path, environment):
    with postgres() as url, postgres() as other:
        otagw("migrate", database_url=url)
        otagw("keys", "create", "--id", KEY[0], "--secret", KEY[1])
        client = Client(make_app(database_url=url))
        link = link_of(client, CONTENT)
        client.ok("RegisterDevice", ProductKey="lock", DeviceName="lock-1")
        before = shown(client)
        otagw("backup", tmp_path / "b.tar", "--with-master-key")
        assert "not empty" in otagw("restore", tmp_path / "b.tar", status=1, data_dir=tmp_path / "new")
        good = entries(tmp_path / "b.tar")
        rewrite(tmp_path / "cut.tar", good[:-1])
        said = otagw("restore", tmp_path / "cut.tar", status=1, data_dir=tmp_path / "new", database_url=other)
        assert "cut short" in said
        otagw("restore", tmp_path / "b.tar", data_dir=tmp_path / "new", database_url=other)
        restored = Client(make_app(data_dir=tmp_path / "new", database_url=other))
        assert shown(restored) == before
        assert restored.http.get(link).data == CONTENT
        database.disconnect()


@pytest.mark.postgres
def test_without_pg_dump_it_says_what_to_install(otagw, tmp_path, monkeypatch):
    with postgres() as url:
        otagw("migrate", database_url=url)
        monkeypatch.setenv("PATH", str(tmp_path))
        said = otagw("backup", tmp_path / "b.tar", status=1)
        assert said == "Error: pg_dump is not installed: it comes with the PostgreSQL client, e.g. postgresql-client\n"
        database.disconnect()


def test_a_password_is_on_no_command_line_and_in_no_error(otagw, tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(core.shutil, "which", lambda name: f"/bin/{name}")

    def run(command, env, **options):
        found.append((command, env["PGPASSWORD"]))
        return core.subprocess.CompletedProcess(command, 1, "", "refused")

    monkeypatch.setattr(core.subprocess, "run", run)
    from otagw import settings

    chosen = settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_DATABASE_URL": "postgresql://me:s%40cret@db:1/x"})
    with pytest.raises(core.BackupError, match=r"^pg_dump failed: refused$"):
        core.run_postgres("pg_dump", chosen)
    assert found == [(["/bin/pg_dump", "--dbname=postgresql://me@db:1/x"], "s@cret")]
