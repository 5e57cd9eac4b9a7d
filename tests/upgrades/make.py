"""Write what a version of otagw keeps, with at least one of everything, and what it answers of it: a fixture.

Run it in a checkout of that version, whose `otagw` and `tests` it imports, once for each engine:

    git worktree add ../old 709e9f6 && cd ../old
    PYTHONPATH=. python HERE/tests/upgrades/make.py HERE/tests/upgrades/709e9f6/sqlite
    PYTHONPATH=. python HERE/tests/upgrades/make.py HERE/tests/upgrades/709e9f6/postgresql --database URL

URL is an empty PostgreSQL database; pg_dump has to be installed. The clock is held and chance has a seed, so that
another run differs in little: the pairs of signing keys, and the times at which migrations were applied.
"""

import argparse
import base64
import gzip
import itertools
import json
import os
import random
import re
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from click.testing import CliRunner

NOW = 1_795_000_000_000
MINUTE = 60_000
# The URL of the webhook; a test puts the address of its own receiver in its place.
HOOK = "http://127.0.0.1:48686/hook?token=hidden"
FIRMWARE, APPLICATION, UNCLAIMED, OBJECT = (
    b"firmware " * 40,
    b"application " * 30,
    b"unclaimed " * 10,
    b"firmware" * 100,
)
MASTER_KEY = bytes(range(32))
KEYS = {"main": ("testid", "testsecret"), "other": ("otherid", "othersecret")}
chance = random.Random(709)


def hold_chance():
    """Let everything random come from a seed."""
    os.urandom = secrets.token_bytes = lambda size=32: chance.randbytes(size)
    secrets.randbits = chance.getrandbits
    secrets.choice = chance.choice
    secrets.randbelow = chance.randrange
    secrets.token_hex = lambda size=32: chance.randbytes(size).hex()
    secrets.token_urlsafe = lambda size=32: chance.randbytes(size).hex()


hold_chance()
from otagw import clock, parts, settings  # noqa: E402 - after chance is held
from otagw.app import create_app  # noqa: E402
from otagw.cli import main as command_line  # noqa: E402
from otagw.db import schema  # noqa: E402
from tests import door, signer  # noqa: E402
from tests.conftest import Client  # noqa: E402
from tests.ddi.conftest import Device as DdiDevice  # noqa: E402
from tests.device.conftest import Device  # noqa: E402
from tests.iotda.conftest import APPS, DEVICES, MODULES, PACKAGES, PRODUCTS, TASKS, Iotda, package  # noqa: E402
from tests.oss.conftest import body_of, fields_of, post  # noqa: E402

_nonces = itertools.count()
signer.nonce = lambda: f"nonce-{next(_nonces)}"


class Time:
    """A clock on which a millisecond passes whenever it is read, so that what is made later sorts later."""

    ms = NOW

    def read(self):
        self.ms += 1
        return self.ms


class Maker:
    """A gateway of that version, and what is noted of it for the tests."""

    def __init__(self, data, bucket, url):
        self.environ = {
            "OTAGW_CONFIG": "/dev/null",
            "OTAGW_DATA_DIR": str(data),
            "OTAGW_LOG_FORMAT": "json",
            "OTAGW_LOG_LEVEL": "ERROR",
            "OTAGW_OBS_BUCKETS": json.dumps({"firmware": str(bucket)}),
            "OTAGW_DATABASE_URL": url,
        }
        data.mkdir(mode=0o700)
        (data / "master.key").write_bytes(base64.b64encode(MASTER_KEY) + b"\n")
        (data / "master.key").chmod(0o600)
        (bucket / "a").mkdir(parents=True)
        (bucket / "a/upgrade.bin").write_bytes(OBJECT)
        chosen = settings.load(self.environ)
        with parts.opened(chosen):
            schema.migrate(chosen)
        for account, (key_id, secret) in KEYS.items():
            self.cli("keys", "create", "--id", key_id, "--secret", secret, "--account", account)
        self.app = create_app(chosen)
        self.gateway = door.enter(self.app.extensions["otagw"]["runtime"])
        self.main, self.other = Client(self.app, KEYS["main"]), Client(self.app, KEYS["other"])
        self.iotda, self.devices, self.noted = Iotda(self.app, KEYS["main"]), {}, {}

    def cli(self, *words):
        """Run a command; return what it prints."""
        done = CliRunner().invoke(command_line, words, env=self.environ)
        assert done.exit_code == 0, (words, done.output, done.exception)
        return done.output

    def upload(self, content, suffix="bin"):
        """Upload bytes by a form; return the FirmwareUrl they have."""
        data = self.main.ok("GenerateOTAUploadURL", FileSuffix=suffix)["Data"]
        assert post(self.main, body_of(fields_of(data), content)).status_code == 204
        return data["FirmwareUrl"]

    def device(self, name, version=None, module="default", client=None):
        """Register a device of the product p; it reports a version if one is given."""
        made = (client or self.main).ok("RegisterDevice", ProductKey="p", DeviceName=name)["Data"]
        found = self.devices[name] = Device(self.main, name, made["DeviceSecret"])
        if version:
            found.report(version, module)
        return found

    def roll_out(self, firmware, *names, **rules):
        """Make a static job for devices, or for all; return its id."""
        chosen = {f"TargetDeviceName.{number}": name for number, name in enumerate(names, 1)}
        params = {"TargetSelection": "SPECIFIC" if names else "ALL", **chosen, **rules}
        made = self.main.ok("CreateOTAStaticUpgradeJob", FirmwareId=firmware, ProductKey="p", **params)
        return made["Data"]["JobID"]


def make_accounts(make):
    """Make keys, a project, webhooks, signing keys."""
    make.cli("keys", "create", "--id", "readerid", "--secret", "readersecret", "--grant", "ota:ListOTAFirmware")
    make.cli("keys", "create", "--id", "disabledid", "--secret", "disabledsecret")
    make.cli("keys", "disable", "disabledid")
    make.cli("projects", "create", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "--account", "main")
    said = make.cli("webhooks", "create", HOOK, "--secret", "0123456789abcdefghij")
    make.noted["webhook"] = re.search(r"WebhookId +(\d+)", said)[1]
    said = make.cli("webhooks", "create", "http://127.0.0.1:48687/jobs", "--event", "job.*")
    make.cli("webhooks", "disable", re.search(r"WebhookId +(\d+)", said)[1])


def make_fleet(make):
    """Make products, modules, devices with versions, groups and batches."""
    ok = make.main.ok
    make.cli("products", "create", "Lock_p", "--key", "p", "--description", "locks")
    make.cli("products", "create", "Other_p", "--key", "q", "--account", "other")
    make.cli("products", "gateway-token", "set", "p", "gatewaytoken-0123456789")
    make.cli("products", "poll-interval", "p", "00:05:00")
    make.noted["made product"] = ok("CreateProduct", ProductName="made_one", NodeType=0)["ProductKey"]
    ok("CreateOTAModule", ProductKey="p", ModuleName="mcu", AliasName="Mcu", Desc="the small one")
    for number in range(12):
        make.device(f"dev{number}", "1.0")
    make.device("silent")
    make.device("dev-ddi", "1.0")
    make.cli("devices", "token", "set", "p", "dev-ddi", "targettoken-0123456789")
    ddi = DdiDevice(make.main.http, "dev-ddi", "TargetToken targettoken-0123456789")
    assert ddi.identify(version="1.0", hw="7").status_code == 200
    make.devices["dev0"].report("3.1", "mcu")
    make.devices["dev7"].report("1.5")
    make.device("disabled", "1.0")
    ok("DisableThing", ProductKey="p", DeviceName="disabled")
    top = ok("CreateDeviceGroup", GroupName="top_group", GroupDesc="all")["Data"]["GroupId"]
    inner = ok("CreateDeviceGroup", GroupName="inner_group", SuperGroupId=top)["Data"]["GroupId"]
    members = {}
    for number, name in enumerate(("dev1", "dev2"), 1):
        members |= {f"Device.{number}.ProductKey": "p", f"Device.{number}.DeviceName": name}
    ok("BatchAddDeviceGroupRelations", GroupId=inner, **members)
    made = ok("BatchRegisterDevice", ProductKey="p", Count=2)["Data"]["ApplyId"]
    names = {"DeviceName.1": "batch1", "DeviceName.2": "batch2"}
    checked = ok("BatchCheckDeviceNames", ProductKey="p", **names)["Data"]["ApplyId"]
    ok("BatchRegisterDeviceWithApplyId", ProductKey="p", ApplyId=checked)
    open_check = ok("BatchCheckDeviceNames", ProductKey="p", **{"DeviceName.1": "batch3"})["Data"]["ApplyId"]
    make.noted |= {"groups": [top, inner], "batches": [made, checked, open_check]}


def make_packages(make):
    """Make packages of every kind; return their ids."""
    make.cli("keys", "signing", "create", "team", "--product", "p", "--auto")
    make.cli("keys", "signing", "create", "old-team")
    make.cli("keys", "signing", "disable", "old-team")
    plain = {"ProductKey": "p", "NeedToVerify": "false"}
    files = {}
    for number, url in enumerate((make.upload(APPLICATION, "apk"), "https://files.test/b.bin"), 1):
        files |= {f"MultiFiles.{number}.Name": f"part{number}", f"MultiFiles.{number}.Url": url}
    external = {"FirmwareUrl": "https://files.test/x.bin", "SignMethod": "SHA256", "FirmwareSign": "ab" * 32}
    found = {
        "stored": make.main.make("stored", "2.0", FirmwareUrl=make.upload(FIRMWARE), FirmwareDesc="夜", **plain),
        "url": make.main.make("by-url", "2.1", FirmwareSize=77, Udi='{"k": 1}', **external, **plain),
        "several": make.main.make("several", "2.2", **files, **plain),
        "module": make.main.make("module", "3.2", ModuleName="mcu", FirmwareUrl=make.upload(b"mcu"), **plain),
        "differential": make.main.make(
            "delta", "2.3", Type=1, SrcVersion="1.0", FirmwareUrl=make.upload(b"d"), **plain
        ),
        "unverified": make.main.make("unverified", "2.4", ProductKey="p", FirmwareUrl=make.upload(b"u")),
        "bare": make.main.make("bare", "9.9"),
        "used up": make.main.make("gone", "0.1"),
        "theirs": make.other.make("stored", "2.0", ProductKey="q", FirmwareUrl="https://files.test/q.bin"),
    }
    make.main.ok("DeleteOTAFirmware", FirmwareId=found.pop("used up"))
    make.cli("products", "minimum", "p", "1.0")
    make.noted["packages"] = found
    return found


def make_jobs(make, packages):
    """Make jobs of every kind, with tasks in every state."""
    ok, dev, stored = make.main.ok, make.devices, packages["stored"]
    jobs = make.noted["jobs"] = {}
    # Tasks: succeeded, failed, in_progress, notified; queued, which poll in the tests; canceled.
    jobs["mixed"] = make.roll_out(
        stored, *(f"dev{n}" for n in range(6)), "dev-ddi", **{"Tag.1.Key": "k", "Tag.1.Value": "v"}
    )
    for name in ("dev0", "dev1", "dev2", "dev3"):
        assert dev[name].poll()["version"] == "2.0"
    dev["dev0"].progress(100)
    dev["dev0"].report("2.0")
    dev["dev1"].result("failed", message="no space")
    dev["dev2"].progress(40)
    ok("CancelOTATaskByDevice", FirmwareId=stored, ProductKey="p", JobId=jobs["mixed"], **{"DeviceName.1": "dev5"})
    jobs["confirm"] = make.roll_out(packages["url"], "dev6", NeedConfirm="true")
    jobs["retry"] = make.roll_out(
        packages["several"], RetryInterval=10, RetryCount=2, FailureThresholdCount=5, **{"SrcVersion.1": "1.5"}
    )
    dev["dev7"].poll()
    dev["dev7"].result("failed", message="try again")
    at = NOW + 24 * 60 * MINUTE
    jobs["planned"] = make.roll_out(stored, "dev8", ScheduleTime=at, ScheduleFinishTime=at + 60 * MINUTE)
    jobs["paused"] = make.roll_out(stored, "dev9", TimeoutInMinutes=30)
    ok("PauseOTAJob", JobId=jobs["paused"])
    jobs["module"] = make.roll_out(packages["module"], "dev0", MultiModuleMode="true")
    jobs["verify"] = ok(
        "CreateOTAVerifyJob", FirmwareId=packages["unverified"], ProductKey="p", **{"TargetDeviceName.1": "dev10"}
    )["Data"]["JobID"]
    jobs["completed"] = make.roll_out(packages["differential"], "dev11")
    dev["dev11"].poll()
    dev["dev11"].report("2.3")
    dynamic = {"ProductKey": "p", "MaximumPerMinute": 10, "SrcVersion.1": "0.9"}
    jobs["dynamic"] = ok("CreateOTADynamicUpgradeJob", FirmwareId=stored, **dynamic)["Data"]["JobID"]
    jobs["stopped"] = ok("CreateOTADynamicUpgradeJob", FirmwareId=packages["url"], **dynamic)["Data"]["JobID"]
    ok("CancelOTAStrategyByJob", JobId=jobs["stopped"])
    make.device("late", "0.9")


def make_iotda(make):
    """Make what the other vendor's front has of its own."""
    ok = make.iotda.ok
    space = ok("POST", APPS, {"app_name": "Doors"}, status=201)["app_id"]
    body = {
        **{"product_id": "door", "name": "Door", "device_type": "door", "protocol_type": "MQTT", "data_format": "json"},
        **{"app_id": space, "service_capabilities": [{"service_id": "s", "service_type": "t"}]},
    }
    ok("POST", PRODUCTS, body, status=201)
    ids = []
    for name in ("door1", "door2", "door3"):
        secret = f"{name}-secret"
        body = {"node_id": name, "product_id": "door", "app_id": space, "auth_info": {"secret": secret}}
        ids.append(ok("POST", DEVICES, {**body, "extension_info": {"k": "v"}}, status=201)["device_id"])
        device = make.devices[name] = Device(make.main, name, secret)
        device.path = f"/device/v1/door/{name}"
        device.report("1.0")
    module = ok("POST", MODULES, {"app_id": space, "product_id": "door", "module_name": "radio"}, status=201)
    module = module["module_id"]
    firmware = ok("POST", PACKAGES, package(product_id="door", app_id=space), status=201)["package_id"]
    software = package(product_id="door", app_id=space, package_type="softwarePackage", version="S1")
    software = ok("POST", PACKAGES, software, status=201)["package_id"]
    policy = {"schedule_time": "20261122T110640Z", "retry_count": 3, "retry_interval": 10}
    tasks = []
    for kind, document, targets, more in (
        ("firmwareUpgrade", firmware, ids[:2], {"task_ext_info": {"k": "值"}}),
        ("softwareUpgrade", software, ids[2:], {"task_policy": policy}),
    ):
        body = {"app_id": space, "task_name": "night", "task_type": kind, "targets": targets, **more}
        body["document"] = {"package_ids": [document]}
        tasks.append(ok("POST", TASKS, body, status=201)["task_id"])
    make.devices["door1"].poll()
    make.noted["iotda"] = {
        "space": space,
        "devices": ids,
        "packages": [firmware, software],
        "tasks": tasks,
        "module": module,
    }


def make_promises(make):
    """Make what a later request must find: a used nonce, a ClientToken, an upload that nobody has claimed."""
    params = {"FirmwareName": "once", "DestVersion": "1.0", "ClientToken": "token-1"}
    make.noted["token"] = {"params": params, "data": make.main.ok("CreateOTAFirmware", **params)["Data"]}
    make.noted["unclaimed"] = make.upload(UNCLAIMED)
    make.noted["announced"] = make.main.ok("GenerateOTAUploadURL")["Data"]


def requests_of(make):
    """Return every listing and showing, as what is sent."""
    noted = make.noted
    pages = {"CurrentPage": 1, "PageSize": 50}

    def act(action, account="main", **params):
        return {"front": "actions", "account": account, "call": action, "params": params}

    def get(path, **params):
        return {"front": "iotda", "account": "main", "call": path, "params": params}

    def run(*words):
        return {"front": "cli", "account": "main", "call": list(words), "params": {}}

    found = [act("ListOTAFirmware", account, **pages) for account in KEYS]
    found += [act("QueryProductList", account, **pages) for account in KEYS]
    found += [act("ListOTAModuleByProduct", ProductKey="p"), act("ListAuditEvents", PageSize=100)]
    found += [act("QueryProduct", ProductKey=key) for key in ("p", "door", noted["made product"])]
    found += [act("QueryDevice", ProductKey=key, **pages) for key in ("p", "door")]
    for name, device in sorted(make.devices.items()):
        which = {"ProductKey": device.path.split("/")[3], "DeviceName": name}
        found += [act("QueryDeviceDetail", **which), act("QueryOTADeviceTimeline", **which)]
        found += [act("ListOTAModuleVersionsByDevice", **which, **pages)]
        found += [act("ListOTAUnfinishedTaskByDevice", **which), run("devices", "show", *which.values())]
        found += [run("devices", "secret", *which.values())]
    found += [act("QueryDeviceGroupList", **pages)]
    for group in noted["groups"]:
        found += [
            act("QueryDeviceGroupInfo", GroupId=group),
            act("QueryDeviceListByDeviceGroup", GroupId=group, **pages),
        ]
    found += [act("QueryBatchRegisterDeviceStatus", ProductKey="p", ApplyId=batch) for batch in noted["batches"]]
    found += [act("QueryPageByApplyId", ApplyId=batch, **pages) for batch in noted["batches"][:2]]
    for name, identity in noted["packages"].items():
        account = "other" if name == "theirs" else "main"
        found += [act("QueryOTAFirmware", account, FirmwareId=identity)]
        found += [act("ListOTAJobByFirmware", account, FirmwareId=identity, **pages)]
    for job in noted["jobs"].values():
        found += [act("QueryOTAJob", JobId=job), act("ListOTATaskByJob", JobId=job, PageSize=100)]
    found += [get(path, **more) for path, more in ((APPS, {}), (PRODUCTS, {}), (DEVICES, {}), (TASKS, {}))]
    found += [get(MODULES, product_id="door")]
    found += [get(PACKAGES, package_type=f"{kind}Package") for kind in ("firmware", "software", "module")]
    iotda = noted["iotda"]
    found += [get(f"{APPS}/{iotda['space']}"), get(f"{PRODUCTS}/door"), get(f"{MODULES}/{iotda['module']}")]
    found += [get(f"{DEVICES}/{identity}") for identity in iotda["devices"]]
    found += [get(f"{PACKAGES}/{identity}") for identity in iotda["packages"]]
    found += [get(f"{TASKS}/{identity}") for identity in iotda["tasks"]]
    words = ("keys list", "projects list", "products list", "products show p", "keys signing list", "webhooks list")
    found += [run(*line.split()) for line in words] + [run("keys", "signing", "public", "team")]
    found += [run("packages", "show", noted["packages"][name]) for name in ("stored", "url")]
    return [*found, run("webhooks", "deliveries", noted["webhook"])]


def ask(make, request):
    """Send one of `requests_of`; return the answer."""
    if request["front"] == "cli":
        return make.cli(*request["call"])
    if request["front"] == "actions":
        return make.main.by(KEYS[request["account"]])(request["call"], **request["params"]).json
    return make.iotda("GET", request["call"], params=request["params"] or None).json


def note_answers(make, held):
    """Hold the clock where the tests hold it, and note all answers, a request that was sent, and what devices get."""
    clock.hold(lambda: held)
    make.noted["now"] = held
    params = signer.v1(KEYS["main"], "ListOTAFirmware", "GET", held // 1000, CurrentPage="1", PageSize="1")
    assert make.main.send(params).status_code == 200
    make.noted["sent"] = params
    make.noted["devices"] = {
        name: {"secret": device.secret, "path": device.path} for name, device in make.devices.items()
    }
    found = requests_of(make)
    make.noted["answers"] = [{**request, "answer": ask(make, request)} for request in found]


def dump_sqlite(source, target):
    """Write a database of SQLite as SQL."""
    with sqlite3.connect(source) as opened:
        target.write_text("\n".join(opened.iterdump()) + "\n", encoding="utf-8")
    opened.close()


def dump_postgres(url, target):
    """Write a database of PostgreSQL as SQL that any version reads: without settings, owners and commands of psql."""
    options = ("--inserts", "--no-owner", "--no-privileges", "--no-comments")
    text = subprocess.run(["pg_dump", *options, url], check=True, capture_output=True, text=True).stdout
    lines = [
        line for line in text.splitlines() if line and not re.match(r"--|SET |\\|SELECT pg_catalog.set_config", line)
    ]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def save(make, data, target, url):
    """Write the fixture."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    if url:
        dump_postgres(url, target / "otagw.sql")
    for path in sorted(data.glob("*.db")):
        dump_sqlite(path, target / f"{path.stem}.sql")
    shutil.copytree(data / "files", target / "files")
    (target / "master.key").write_bytes((data / "master.key").read_bytes())
    text = json.dumps(make.noted, ensure_ascii=False, indent=1)
    (target / "answers.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def main():
    """Make the fixture of one engine."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--database", default="", help="an empty PostgreSQL database; SQLite when left out")
    options = parser.parse_args()
    time = Time()
    with door.of_a_test({"OTAGW_CONFIG": "/dev/null"}), tempfile.TemporaryDirectory() as folder:
        clock.hold(time.read)
        data = Path(folder) / "data"
        make = Maker(data, Path(folder) / "bucket", options.database)
        make_accounts(make)
        make_fleet(make)
        packages = make_packages(make)
        make_jobs(make, packages)
        make_iotda(make)
        time.ms += 5 * MINUTE
        make_promises(make)
        make.gateway.presence.flush()
        note_answers(make, time.read())
        make.gateway.close()
        save(make, data, options.target, options.database)


if __name__ == "__main__":
    main()
