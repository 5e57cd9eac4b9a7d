"""What an older version wrote is served by this one: every migration from now on runs on it, on both engines."""

import contextlib
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from otagw import settings, worker
from otagw.app import create_app
from otagw.cli import main as command_line
from otagw.db import database, other_sessions, schema
from otagw.ota.webhooks import outbox
from tests import door
from tests.ddi.conftest import Device as DdiDevice
from tests.device.conftest import Device
from tests.iotda.conftest import DEVICES, PACKAGES, PRODUCTS, Iotda
from tests.oss.conftest import body_of, fields_of, post
from tests.upgrades import large
from tests.upgrades.conftest import HOOK, KEYS, OBJECT, Upgraded, assert_shows
from tests.web import answer

FIRMWARE, UNCLAIMED = b"firmware " * 40, b"unclaimed " * 10
APPLIED = 13
# Fails after it has changed tables that have rows, and made one.
BREAKS = """
from peewee import IntegerField

def up(migrator, db):
    db.execute_sql("CREATE TABLE half (id INTEGER PRIMARY KEY)")
    migrator.migrate(migrator.add_column("device", "half", IntegerField(default=0)))
    db.execute_sql("UPDATE device SET half = 1, nickname = 'half'")
    db.execute_sql("CREATE INDEX half_index ON device (half)")
    raise RuntimeError("stopped in the middle")
"""
ADDS = """
from peewee import IntegerField

def up(migrator, db):
    migrator.migrate(migrator.add_column("device", "later", IntegerField(default=7)))
"""


@pytest.fixture
def serve(monkeypatch):
    """Serve the restored files of an older version; what is opened is closed at the end."""
    with contextlib.ExitStack() as stack:

        def run(*words):
            done = CliRunner().invoke(command_line, words)
            assert done.exit_code == 0, (words, done.output, done.exception)
            return done.output

        def begin(old, chosen):
            for name, value in old.environ.items():
                monkeypatch.setenv(name, value)
            app = create_app(chosen)
            stack.enter_context(contextlib.closing(door.enter(app.extensions["otagw"]["runtime"])))
            return Upgraded(old, app, run)

        yield begin


@pytest.fixture
def upgrade(old, serve):
    """Bring what an older version wrote to this one, and serve it."""

    def upgrade(hook=HOOK):
        chosen = old.restore(hook)
        schema.migrate(chosen)
        return serve(old, chosen)

    return upgrade


@pytest.fixture
def upgraded(upgrade):
    return upgrade()


@pytest.fixture
def folder_with(tmp_path):
    """Make a folder with this version's migrations, up to one of a name, and others."""

    def make(up_to="~", **others):
        folder = tmp_path / f"migrations{len(list(tmp_path.glob('migrations*')))}"
        folder.mkdir()
        for file in schema.MIGRATIONS.glob("[0-9]*.py"):
            if file.stem < up_to:
                shutil.copy(file, folder)
        for name, text in others.items():
            (folder / f"{name.removeprefix('_')}.py").write_text(text, encoding="utf-8")
        return folder

    return make


def shape():
    """Return what the engine says of tables, columns, indexes and constraints, apart from nonces and huey's."""
    if database.is_sqlite():
        rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        return sorted((*row[:3], " ".join((row[3] or "").split())) for row in rows)
    statements = (
        "SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, is_nullable, "
        "column_default FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
    )
    rows = [row for sql in statements for row in database.execute(sql).fetchall()]
    kept = (row for row in rows if not re.match("nonce_|huey_", row[0]))
    # An expression that was dumped has other casts and brackets, and means the same.
    return sorted(re.sub(r"::(text|character varying)(\[\])?|[()]", "", str(row)) for row in kept)


def applied():
    return [m.name for m in schema.migrator().status() if m.applied]


def test_every_migration_since_is_applied(old):
    chosen = old.restore()
    before = applied()
    every = sorted(file.stem for file in schema.MIGRATIONS.glob("[0-9]*.py"))
    assert before == every[:APPLIED]
    assert schema.migrate(chosen) == every[APPLIED:]
    schema.check_version()


def test_the_schema_is_that_of_a_new_database(old, make_url, tmp_path, environment):
    schema.migrate(old.restore())
    upgraded = shape()
    changes = {"OTAGW_DATA_DIR": str(tmp_path / "new"), "OTAGW_DATABASE_URL": make_url()}
    new = settings.load({**environment, **changes})
    door.enter(new)
    schema.migrate(new)
    assert upgraded == shape()


def test_everything_is_shown_as_it_was(upgraded):
    for noted in upgraded.noted["answers"]:
        where = f"{noted['front']} {noted['call']} {noted['params']}"
        assert_shows(upgraded.ask(noted), noted["answer"], where)


def test_a_used_nonce_stays_used(upgraded):
    response = upgraded.main.send(upgraded.noted["sent"])
    assert (response.status_code, response.json["Code"]) == (400, "SignatureNonceUsed")


def test_a_client_token_has_its_first_answer(upgraded):
    noted = upgraded.noted["token"]
    assert upgraded.main.ok("CreateOTAFirmware", **noted["params"])["Data"] == noted["data"]
    refused = upgraded.main.refused("CreateOTAFirmware", **{**noted["params"], "DestVersion": "2"})
    assert refused[1] == "IdempotentParameterMismatch"


def test_a_link_that_was_given_leads_to_the_bytes(upgraded):
    info = upgraded.answer_of("QueryOTAFirmware", FirmwareId=upgraded.noted["packages"]["stored"])["FirmwareInfo"]
    response = upgraded.main.http.get(info["FirmwareUrl"].removeprefix("http://localhost"))
    assert (response.status_code, response.data) == (200, FIRMWARE)
    assert hashlib.md5(response.data, usedforsecurity=False).hexdigest() == info["FirmwareSign"]


def test_an_upload_that_nobody_claimed_can_be_claimed(upgraded):
    identity = upgraded.main.make("claims", "1", FirmwareUrl=upgraded.noted["unclaimed"])
    info = upgraded.main.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]
    assert (info["FirmwareSize"], info["Verified"]) == (len(UNCLAIMED), True)


def test_a_form_of_an_older_version_is_refused_since_it_was_good_for_any_key(upgraded):
    old = upgraded.noted["announced"]
    assert post(upgraded.main, body_of(fields_of(old), b"late")).status_code == 403
    data = upgraded.main.ok("GenerateOTAUploadURL")["Data"]
    assert post(upgraded.main, body_of(fields_of(data), b"late")).status_code == 204
    upgraded.main.make("late", "1", FirmwareUrl=data["FirmwareUrl"])


def device(upgraded, name):
    """Return a device that the older version registered."""
    noted = upgraded.noted["devices"][name]
    found = Device(upgraded.main, name, noted["secret"])
    found.path = noted["path"]
    return found


def test_devices_get_their_offers_and_report(upgraded):
    queued, at_work = device(upgraded, "dev4"), device(upgraded, "dev2")
    offer = queued.poll()
    assert offer["version"] == "2.0"
    assert upgraded.main.http.get(offer["url"].removeprefix("http://localhost")).data == FIRMWARE
    queued.progress(50)
    queued.report("2.0")
    at_work.report("2.0")
    job = upgraded.noted["jobs"]["mixed"]
    found = upgraded.main.ok("ListOTATaskByJob", JobId=job, PageSize=100)["Data"]["SimpleOTATaskInfo"]
    states = {task["DeviceName"]: task["TaskStatus"] for task in found}
    assert (states["dev4"], states["dev2"]) == ("SUCCEEDED", "SUCCEEDED")
    assert device(upgraded, "dev0").poll(module="mcu")["version"] == "3.2"
    assert device(upgraded, "disabled").send("GET", "/update").status_code == 403


def test_a_device_gets_its_offer_by_ddi(upgraded):
    ddi = DdiDevice(upgraded.main.http, "dev-ddi", "TargetToken targettoken-0123456789")
    (chunk,) = ddi.deployment()["deployment"]["chunks"]
    (artifact,) = chunk["artifacts"]
    link = next(link["href"] for name, link in artifact["_links"].items() if name.startswith("download"))
    assert ddi.send("GET", link).data == FIRMWARE
    assert ddi.tell(ddi.action(), "closed", "success").status_code == 200
    gateway = DdiDevice(upgraded.main.http, "silent", "GatewayToken gatewaytoken-0123456789")
    assert "00:04:30" <= gateway.poll()["config"]["polling"]["sleep"] <= "00:05:30"


def test_devices_of_the_other_vendor_get_their_offers(upgraded):
    offer = device(upgraded, "door2").poll()
    assert offer["version"] == "V2.0"
    assert upgraded.main.http.get(offer["url"].removeprefix("http://localhost")).data == OBJECT


def test_waiting_deliveries_are_sent_and_signed(upgrade, web, monkeypatch):
    monkeypatch.setattr(outbox, "STEP_SECONDS", 60)
    web.pages["/hook"] = answer(status="204 No Content")
    upgraded = upgrade(hook=f"127.0.0.1:{web.port}")
    waiting = upgraded.cli("webhooks", "deliveries", upgraded.noted["webhook"]).count("pending")
    worker.Worker().sweep()
    assert len(web.posted) == waiting > 30
    assert "pending" not in upgraded.cli("webhooks", "deliveries", upgraded.noted["webhook"])
    for path, headers, body in web.posted:
        assert path == "/hook?token=hidden"
        assert _is_signed(headers, body)
    told = {json.loads(body)["event"] for _, _, body in web.posted}
    assert {"job.created", "task.succeeded", "task.failed", "task.canceled"} <= told


def _is_signed(headers, body):
    signed = headers["X-Otagw-Timestamp"].encode() + b"." + body
    mac = hmac.new(b"0123456789abcdefghij", signed, hashlib.sha256).hexdigest()
    return headers["X-Otagw-Signature"] == f"sha256={mac}"


def test_a_job_whose_time_comes_begins(upgraded, held_clock):
    job = upgraded.noted["jobs"]["planned"]
    held_clock.seconds += 24 * 3600
    worker.Worker().sweep()
    assert upgraded.main.ok("QueryOTAJob", JobId=job)["Data"]["JobStatus"] == "IN_PROGRESS"
    assert device(upgraded, "dev8").poll()["version"] == "2.0"


def test_the_signing_key_opens_and_signs(upgraded):
    made = upgraded.main.make("signed", "4.0", ProductKey="p", FirmwareUrl=upgraded.noted["unclaimed"])
    assert "team" in upgraded.cli("packages", "show", made)


def test_numbers_that_json_cannot_hold_become_null(old, serve):
    chosen = old.restore()
    broken = (
        '{"space": null, "model": {"service_capabilities": [{"service_id": "NaN", "x": [Infinity, -Infinity, NaN]}]}}'
    )
    whole = '{"space": null, "model": {"service_capabilities": [{"service_id": "Infinity", "x": 1}]}}'
    database.execute("UPDATE product SET traits = ?", broken)
    database.execute("UPDATE device_origin SET facts = ?", '{"extension_info": {"k": Infinity}}')
    database.execute("UPDATE package SET origin = ? WHERE origin IS NOT NULL", '{"app_id": Infinity}')
    (kept,) = database.execute("SELECT MIN(id) FROM product").fetchone()
    database.execute("UPDATE product SET traits = ? WHERE id = ?", whole, kept)
    schema.migrate(chosen)
    (text,) = database.execute("SELECT traits FROM product WHERE id = ?", kept).fetchone()
    assert text == whole
    upgraded = serve(old, chosen)
    shown = upgraded.iotda.ok("GET", PRODUCTS, params={"app_id": "any"})["products"]
    detail = upgraded.iotda.ok("GET", f"{PRODUCTS}/door")
    assert "door" in {each["product_id"] for each in shown}
    assert detail["service_capabilities"] == [{"service_id": "NaN", "x": [None, None, None]}]
    (device, *_) = upgraded.iotda.ok("GET", DEVICES)["devices"]
    assert upgraded.iotda.ok("GET", f"{DEVICES}/{device['device_id']}")["extension_info"] == {"k": None}
    assert upgraded.iotda.ok("GET", PACKAGES, params={"package_type": "firmwarePackage", "app_id": "any"})["packages"]


def test_the_bytes_of_files_that_are_there_are_counted(upgraded):
    counted = database.execute("SELECT account_id, total FROM counter WHERE scope = 'file/bytes'").fetchall()
    assert counted == [(1, 2425)]
    there = database.execute("SELECT SUM(size) FROM stored_file WHERE account_id = 1 AND path IS NOT NULL").fetchone()
    assert there == (2425,)


def test_digests_in_capitals_become_lower_case(old, serve):
    chosen = old.restore()
    digest, parts = "AB" * 32, [{"name": "f", "url": "u", "size": 1, "file_md5": "CD" * 16, "sign_value": "EF" * 16}]
    location = {"bucket_name": "B", "sign": digest}
    database.execute("UPDATE package SET sign = ? WHERE files IS NULL AND origin IS NULL", digest)
    database.execute("UPDATE package SET files = ? WHERE files IS NOT NULL", json.dumps(parts))
    database.execute(
        "UPDATE package SET sign = ?, origin = ? WHERE origin IS NOT NULL",
        *(digest, json.dumps({"app_id": "A", "bucket": "B", "location": location, "sent": []})),
    )
    schema.migrate(chosen)
    rows = database.execute("SELECT sign, files, origin FROM package").fetchall()
    for sign, files, origin in rows:
        assert sign in (None, digest.lower())
        if files:
            assert json.loads(files) == [{**parts[0], "file_md5": "cd" * 16, "sign_value": "ef" * 16}]
        if origin:
            assert json.loads(origin)["location"] == {**location, "sign": digest.lower()}
            assert json.loads(origin)["app_id"] == "A"
    assert all(any(row[place] for row in rows) for place in range(3))
    serve(old, chosen)


def test_cancellations_that_wait_for_an_answer_end_a_day_after_they_were_made(old, serve):
    chosen = old.restore()
    (chosen_id, modified) = database.execute("SELECT id, modified FROM task WHERE due IS NULL ORDER BY id").fetchone()
    database.execute("UPDATE task SET state = 'canceled', action = 5, recall = 'pending' WHERE id = ?", chosen_id)
    before = database.execute("SELECT id, due FROM task WHERE id <> ? ORDER BY id", chosen_id).fetchall()
    schema.migrate(chosen)
    assert database.execute("SELECT due FROM task WHERE id = ?", chosen_id).fetchone() == (modified + 86_400_000,)
    assert database.execute("SELECT id, due FROM task WHERE id <> ? ORDER BY id", chosen_id).fetchall() == before
    serve(old, chosen)


def test_accounts_without_a_project_or_a_space_are_given_them_and_others_keep_theirs(old, serve):
    chosen = old.restore()
    (main,) = database.execute("SELECT id FROM account WHERE name = 'main'").fetchone()
    database.execute("DELETE FROM project WHERE account_id <> ?", main)
    database.execute("DELETE FROM space WHERE account_id <> ?", main)
    kept = database.execute("SELECT id FROM project UNION SELECT id FROM space ORDER BY 1").fetchall()
    schema.migrate(chosen)
    upgraded = serve(old, chosen)
    query = "SELECT id FROM project WHERE account_id = ? UNION SELECT id FROM space WHERE account_id = ? ORDER BY 1"
    assert database.execute(query, main, main).fetchall() == kept
    other = Iotda(upgraded.app, KEYS["other"])
    (project,) = other.ok("GET", "/v3/projects", project=None)["projects"]
    (space,) = other.ok("GET", f"/v5/iot/{project['id']}/apps", project=project["id"])["applications"]
    assert (space["app_name"], space["default_app"]) == ("DefaultApp", True)


def test_a_migration_that_fails_in_the_middle_leaves_the_version_before_it(old, serve, folder_with):
    chosen = old.restore()
    schema.migrate(chosen)
    before = shape()
    with pytest.raises(RuntimeError):
        schema.migrate(chosen, folder_with(_9999_breaks=BREAKS))
    database.disconnect()
    assert shape() == before
    upgraded = serve(old, chosen)
    shown = upgraded.main.ok("QueryDeviceDetail", ProductKey="p", DeviceName="dev4")
    assert_shows(shown, upgraded.answer_of("QueryDeviceDetail", ProductKey="p", DeviceName="dev4"))


@pytest.fixture
def other_process(old):
    """Let another process keep the database open, as one that serves does, until the test ends it."""
    held = textwrap.dedent("""
        import sys
        from otagw import parts, settings
        from otagw.db import schema
        with parts.opened(settings.load()):
            schema.check_version()
            print("open", flush=True)
            sys.stdin.read()
    """)
    with contextlib.ExitStack() as stack:

        def begin():
            found = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", held],
                    env={**os.environ, **old.environ},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            assert found.stdout.readline() == "open\n"
            return found

        yield begin


def test_a_database_that_others_use_is_not_migrated(old, folder_with, other_process):
    chosen = old.restore()
    schema.migrate(chosen)
    before, folder = shape(), folder_with(_9999_adds=ADDS)
    other = other_process()
    assert schema.migrate(chosen) == []  # nothing is pending
    with pytest.raises(other_sessions.StillUsed, match="other processes use the database"):
        schema.migrate(chosen, folder)
    assert shape() == before
    other.communicate()
    assert schema.migrate(chosen, folder) == ["9999_adds"]


def test_a_database_that_others_use_is_migrated_where_that_is_forced(old, folder_with, other_process):
    chosen = old.restore()
    schema.migrate(chosen)
    other = other_process()
    assert schema.migrate(chosen, folder_with(_9999_adds=ADDS), force=True)[-1] == "9999_adds"
    other.communicate()


def test_a_version_does_not_start_on_the_schema_of_a_later_one(old, folder_with):
    chosen = old.restore()
    schema.migrate(chosen, folder_with(_9999_adds=ADDS))
    with pytest.raises(schema.WrongVersion, match=r"of a later version .*9999_adds.*: upgrade otagw"):
        create_app(chosen)


def test_a_version_does_not_start_on_the_schema_of_an_earlier_one(old, folder_with):
    chosen = old.restore()
    later = folder_with(_9999_adds=ADDS)
    with pytest.raises(schema.WrongVersion, match=r"lacks .*9999_adds: run `otagw migrate`"):
        schema.check_version(later)
    schema.migrate(chosen, later)
    schema.check_version(later)


def test_the_time_and_the_locks_of_each_migration_are_told(old, folder_with):
    old.restore()
    large.grow(100)
    told = {name: locks for name, _, locks in large.measure(folder_with(_9999_adds=ADDS))}
    assert list(told)[-1] == "9999_adds"
    expected = "AccessExclusiveLock of device" if old.url else "every other write waits; reads go on"
    assert expected in told["9999_adds"]
    assert database.execute("SELECT count(*) FROM device WHERE later = 7 AND name LIKE 'big%'").fetchone() == (100,)


def test_each_migration_is_undone_where_it_fails_at_its_end(tmp_path, environment, make_url, folder_with):
    chosen = settings.load({**environment, "OTAGW_DATABASE_URL": make_url()})
    door.enter(chosen)
    for file in sorted(schema.MIGRATIONS.glob("[0-9]*.py")):
        schema.migrate(chosen, folder_with(file.stem))
        before = shape()
        text = file.read_text(encoding="utf-8")
        text += "\n\n_up = up\n\n\ndef up(migrator, db):\n    _up(migrator, db)\n    raise RuntimeError\n"
        with pytest.raises(RuntimeError):
            schema.migrate(chosen, folder_with(file.stem, **{f"_{file.stem}": text}))
        assert [row for row in shape() if "schema_migration" not in str(row)] == [
            row for row in before if "schema_migration" not in str(row)
        ]
    schema.migrate(chosen)
    schema.check_version()
