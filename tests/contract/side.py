"""One account with a real object of every kind, made through the doors that clients and operators have."""

import re

from click.testing import CliRunner

from otagw import clock
from otagw.cli import main
from otagw.ota import accounts
from otagw.ota.devices import devices, groups
from tests.conftest import Client
from tests.device import signer as device_signer
from tests.iotda import signer
from tests.iotda.conftest import Iotda
from tests.oss.conftest import body_of, fields_of, post

BASE = "/v5/iot/{project}"
WEBHOOK = "http://127.0.0.1:9/{label}"  # nobody listens on the port of `discard`


class Side:
    """One account: its callers, and what it has, by kind; every name of its own begins with its label."""

    def __init__(self, app, environ, label, key, account):
        self.app, self.environ, self.label, self.key, self.account = app, environ, label, key, account
        self.has = {}  # ids, keys, names and secrets
        self.found = {}  # what the core has of some of them

    @property
    def actions(self):
        return Client(self.app, self.key)

    @property
    def iotda(self):
        return Iotda(self.app, self.key)

    def cli(self, *words):
        """Run a command on this gateway's data; return its exit code and what it printed."""
        done = CliRunner().invoke(main, [*map(str, words)], env=self.environ)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def command(self, *words):
        code, text = self.cli(*words, "--account", self.account)
        assert code == 0, text
        return text

    def ok(self, action, **params):
        found = self.actions.ok(action, **params)
        return found.get("Data", found)

    def iot(self, method, path, body=None, params=None, status=200):
        path, project = BASE.format(project=self.has["project"]) + path, self.has["project"]
        return self.iotda.ok(method, path, body, params, status=status, project=project)

    def name(self, what):
        return f"{self.label}{what}"

    def as_device(self, device, method, path, data=None):
        """Call the device API as one of the account's devices."""
        path = f"/device/v1/{self.has['product']}/{self.has[device]}{path}"
        headers, body = device_signer.request(self.has[f"{device}_secret"], method, path, data, clock.now() // 1000)
        return self.actions.http.open(path, method=method, data=body, headers=headers)

    def as_target(self, device, method="GET", path="", data=None):
        """Call hawkBit's API as one of the account's devices."""
        path = f"/{self.has['product']}/controller/v1/{self.has[device]}{path}"
        headers = {"Authorization": f"TargetToken {self.has[f'{device}_secret']}"}
        return self.actions.http.open(path, method=method, json=data, headers=headers)


def build(side, asker=None):
    """Make one object of every kind."""
    for part in (_begin, _products, _devices, _files, _packages, _spaced, _groups, _jobs, _updates):
        part(side)
    _more(side, asker)
    side.has |= {
        "key_id": side.key[0],
        "running": "default" if asker is None else side.has["module"],
        "client_token": side.name("token"),
        "next_token": side.has["package"],
        "marker": f"{int(side.has['package']):024x}",
        **{name: side.name(name) for name in ("package_name", "product_name", "group_name", "app_name")},
    }

    owner = accounts.get(side.account, accounts.Rules())
    side.found["device"] = devices.named(owner, side.has["product"], side.has["device"])
    side.found["group"] = groups.get(owner, side.has["group"])


def _begin(side):
    side.has["project"] = side.name("project")
    side.command("projects", "create", side.has["project"])
    made = side.command("webhooks", "create", WEBHOOK.format(label=side.label), "--secret", side.name("secret" * 4))
    side.has["webhook"] = re.search(r"WebhookId +([0-9]+)", made)[1]
    for name in ("signer", "spare_signer"):
        side.has[name] = side.name(name)
        side.command("keys", "signing", "create", side.has[name], *(["--auto"] if side.label == "owner" else []))
    side.command("keys", "signing", "disable", side.has["spare_signer"])
    side.has["app_id"] = side.iot("POST", "/apps", {"app_name": side.name("app_name")}, status=201)["app_id"]
    body = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": {}}}}
    access, secret = ({"key": half} for half in side.key)
    body["auth"]["identity"]["hw_ak_sk"] = {"access": access, "secret": secret}
    response = side.actions.http.post("/v3/auth/tokens", json=body)
    side.has["token"] = response.headers["X-Subject-Token"]


def _products(side):
    token = side.name("token")
    for name in ("product", "spare_product"):
        label = side.name("product_name" if name == "product" else name)
        given = {"NodeType": 0, "ClientToken": f"{token}{name}" if name != "product" else token}
        side.has[name] = side.ok("CreateProduct", ProductName=label, **given)["ProductKey"]
    for name in ("module", "spare_module"):
        side.has[name] = side.name(name)
        given = {"ClientToken": token} if name == "module" else {}
        side.ok("CreateOTAModule", ProductKey=side.has["product"], ModuleName=side.has[name], **given)
    found = side.iot("GET", "/ota-upgrades/modules", params={"app_id": side.has["app_id"]})["modules"]
    ids = {module["module_name"]: module["module_id"] for module in found}
    side.has |= {f"{name}_id": ids[side.has[name]] for name in ("module", "spare_module")}


def _devices(side):
    product = side.has["product"]
    for number, name in enumerate(
        ("device", "paused_device", "canceled_device", "target", "recalled", "worker", "failed")
    ):
        given = {"ClientToken": side.name("token")} if not number else {}
        data = side.ok("RegisterDevice", ProductKey=product, DeviceName=side.name(name), **given)
        side.has |= {name: data["DeviceName"], f"{name}_secret": data["DeviceSecret"], f"{name}_iot": data["IoTID"]}
    side.has["iot_id"] = side.has["device_iot"]
    for name, node in (("chosen", "node"), ("gateway", "gatenode"), ("spare_device", "sparenode")):
        side.has[name] = side.name(name)
        body = {"device_id": side.has[name], "node_id": side.name(node), "product_id": product}
        body |= {"app_id": side.has["app_id"]} | ({"gateway_id": side.has["chosen"]} if name == "gateway" else {})
        side.iot("POST", "/devices", body, status=201)
        side.has[node] = side.name(node)
    side.has |= {
        f"{name}_id": f"{product}_{side.has[device]}" for name, device in (("failed",) * 2, ("plain", "worker"))
    }
    names = {f"DeviceName.{number}": side.name(f"new{number}") for number in (1, 2)}
    side.has["apply_id"] = side.ok("BatchCheckDeviceNames", ProductKey=product, **names)["ApplyId"]
    made = side.ok("BatchRegisterDevice", ProductKey=product, Count=2, ClientToken=side.name("token"))
    side.has["registered"] = made["ApplyId"]
    for name in ("device", "target", "recalled", "worker", "failed"):
        assert side.as_device(name, "PUT", "/versions/default", {"version": "1.0"}).status_code == 200


def _files(side):
    for name in ("file", "used_file", "announced"):
        data = side.ok("GenerateOTAUploadURL")
        side.has |= {f"{name}_url": data["FirmwareUrl"], f"{name}_key": data["Key"], f"{name}_form": fields_of(data)}
        if name != "announced":
            body = body_of(side.has[f"{name}_form"], side.name("bytes").encode())
            assert post(side.actions, body).status_code == 204
    body, kind = signer.form({"file": ("kept.csv", f"device_id\n{side.has['chosen']}\n".encode())})
    path = f"/v5/iot/{side.has['project']}/batchtask-files"
    made = side.iotda.ok("POST", path, body, status=201, project=side.has["project"], Content_Type=kind)
    side.has["device_file"] = made["file_id"]
    data = side.ok("GenerateDeviceNameListURL")
    assert post(side.actions, body_of(fields_of(data), side.has["device"].encode())).status_code == 204
    side.has |= {"list_url": data["FileUrl"], "list_key": data["Key"]}


def _packages(side):
    product, token = side.has["product"], side.name("token")
    for name, more in (
        ("package", {"FirmwareName": side.name("package_name"), "FirmwareUrl": side.has["used_file_url"]}),
        ("spare_package", {"ClientToken": token}),
        ("unverified", {"NeedToVerify": "true"}),
        ("spare_unverified", {"NeedToVerify": "true"}),
        ("dynamic_package", {}),
        ("new_package", {"DestVersion": "3.0"}),
    ):
        given = {"FirmwareName": side.name(name), "DestVersion": "2.0", "ProductKey": product, "NeedToVerify": "false"}
        given |= {"FirmwareUrl": "https://files.test/x.bin"}
        side.has[name] = side.ok("CreateOTAFirmware", **given | more)["FirmwareID"]
    key = side.ok("QueryOTAFirmware", FirmwareId=side.has["package"])["FirmwareInfo"]["FirmwareUrl"]
    side.has["link"] = key[key.index("/oss/") :]


def _spaced(side):
    """Make what belongs to a resource space, which what Actions make does not."""
    space, product = {"app_id": side.has["app_id"]}, {"product_id": side.has["product"]}
    body = {"name": side.name("spaced"), "device_type": "lamp", "protocol_type": "MQTT", "data_format": "json"}
    side.iot("POST", "/products", space | body | {"service_capabilities": []}, status=201)
    side.iot("POST", "/ota-upgrades/modules", space | product | {"module_name": side.name("spaced")}, status=201)
    where = {"region_name": "r", "bucket_name": "mapped", "object_key": "a/upgrade.bin"}
    body = {"package_type": "firmwarePackage", "version": "4.0", "file_location": {"obs_location": where}}
    side.iot("POST", "/ota-upgrades/packages", space | product | body, status=201)


def _groups(side):
    token = side.name("token")
    made = side.ok("CreateDeviceGroup", GroupName=side.name("group_name"), ClientToken=token)
    side.has["parent_group"] = made["GroupId"]
    for name in ("group", "spare_group"):
        given = {"SuperGroupId": side.has["parent_group"]} if name == "group" else {}
        side.has[name] = side.ok("CreateDeviceGroup", GroupName=side.name(name), **given)["GroupId"]
    member = {"Device.1.ProductKey": side.has["product"], "Device.1.DeviceName": side.has["worker"]}
    side.ok("BatchAddDeviceGroupRelations", GroupId=side.has["group"], **member)


def _jobs(side):
    for number, (job, device, more) in enumerate(
        (
            ("job", "device", {"NeedConfirm": "true"}),
            ("paused_job", "paused_device", {}),
            ("canceled_job", "canceled_device", {}),
            ("open_job", "target", {}),
            ("recalled_job", "recalled", {}),
            ("worker_job", "worker", {}),
            ("failed_job", "failed", {}),
        )
    ):
        given = {"FirmwareId": side.has["package"], "ProductKey": side.has["product"], "TargetSelection": "SPECIFIC"}
        given |= {"TargetDeviceName.1": side.has[device]} | ({} if number else {"ClientToken": side.name("token")})
        side.has[job] = side.ok("CreateOTAStaticUpgradeJob", **given, **more)["JobID"]
        tasks = side.ok("ListOTATaskByJob", JobId=side.has[job])["SimpleOTATaskInfo"]
        side.has[job.removesuffix("job") + "task"] = tasks[0]["TaskID"]
    side.ok("PauseOTAJob", JobId=side.has["paused_job"])
    side.ok("CancelOTATaskByJob", JobId=side.has["canceled_job"], CancelQueuedTask="true")
    given = {"FirmwareId": side.has["dynamic_package"], "ProductKey": side.has["product"]}
    given |= {"SrcVersion.1": "0.1", "ClientToken": side.name("token")}
    side.has["dynamic_job"] = side.ok("CreateOTADynamicUpgradeJob", **given)["JobID"]
    verify = given | {"FirmwareId": side.has["unverified"], "TargetDeviceName.1": side.name("new1")}
    del verify["SrcVersion.1"]
    side.ok("BatchRegisterDeviceWithApplyId", ProductKey=side.has["product"], ApplyId=side.has["apply_id"])
    side.ok("CreateOTAVerifyJob", **verify)
    names = {"DeviceName.1": side.name("later")}
    side.has["apply_id"] = side.ok("BatchCheckDeviceNames", ProductKey=side.has["product"], **names)["ApplyId"]
    body = {"task_name": side.name("batch"), "task_type": "firmwareUpgrade", "need_confirm": True}
    body |= {"app_id": side.has["app_id"], "targets": [side.has["chosen"]]}
    body |= {"document": {"package_ids": [side.has["package"]]}}
    side.has["batch_task"] = side.iot("POST", "/batchtasks", body, status=201)["task_id"]
    deliveries = side.command("webhooks", "deliveries", side.has["webhook"])
    side.has["delivery"] = re.match(r"[0-9]+", deliveries)[0]


def _updates(side):
    """Let devices ask: one is shown an action, one is told of the end of its own."""
    for name in ("target", "recalled"):
        href = side.as_target(name).json["_links"]["deploymentBase"]["href"]
        found = side.as_target(name, path=href.partition(side.has[name])[2])
        assert found.status_code == 200
        side.has[f"{name}_file"] = found.json["deployment"]["chunks"][0]["artifacts"][0]["filename"]
        side.has[f"{name}_action"] = re.search(r"deploymentBase/([0-9]+)", href)[1]
    flags = dict.fromkeys(("CancelQueuedTask", "CancelNotifiedTask", "CancelInProgressTask"), "true")
    side.ok("CancelOTATaskByJob", JobId=side.has["recalled_job"], **flags)
    for name in ("worker", "failed"):
        assert side.as_device(name, "GET", "/update").status_code == 200
    assert side.as_device("failed", "POST", "/update/progress", {"percent": -1}).status_code == 200
    side.has["gateway_token"] = side.name("gatewaytoken")
    side.command("products", "gateway-token", "set", side.has["product"], side.has["gateway_token"])
    side.command("products", "minimum", side.has["product"], side.has["module"], "0.5")


def _more(side, asker):
    """Give the owner more of each kind: where totals and counters are mixed up, they differ."""
    if side.label == "owner":
        # An id that is chosen may be what another account's device is called without a choice.
        body = {"device_id": asker["plain_id"], "node_id": side.name("shadow"), "product_id": side.has["product"]}
        side.iot("POST", "/devices", body, status=201)
        for number in range(3):
            made = side.ok("CreateProduct", ProductName=side.name(f"more{number}"), NodeType=0)
            side.ok("RegisterDevice", ProductKey=made["ProductKey"], DeviceName=side.name(f"more{number}"))
            given = {"FirmwareName": side.name(f"more{number}"), "DestVersion": "2.0"}
            side.ok("CreateOTAFirmware", **given, FirmwareUrl="https://files.test/x.bin")
            side.ok("CreateDeviceGroup", GroupName=side.name(f"more{number}"))
