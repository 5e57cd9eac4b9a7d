"""What several requests at once may make, for every operation that makes or names something; and mixed cases.

Each function takes an API to prepare with and a fresh word. It returns what to ask, one set of parameters or one for
each client, and what counts the objects that are there afterwards.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import otagw.dialects.aliyun.actions
import otagw.dialects.iotda.routes  # noqa: F401 - these fill the tables
from otagw import errors
from otagw.dialects.aliyun import codes as aliyun_codes
from otagw.dialects.aliyun.action import actions
from otagw.dialects.iotda import codes as iotda_codes
from otagw.dialects.iotda.route import routes
from tests.deploy.crowd import ALIYUN, CLIENTS, IOTDA, Ask

TABLES = {ALIYUN: actions, IOTDA: routes}
CODES = {ALIYUN: aliyun_codes.CODES, IOTDA: iotda_codes.CODES}
# The verbs of operations that change something: those that make or name it, and the others.
MAKES = {"Add", "Check", "Create", "Generate", "Modify", "Register", "Update", "Upload"}
OTHERS = {"Cancel", "Confirm", "Delete", "Disable", "Enable", "Pause", "Resume", "Retry", "Reupgrade", "Stop"}
URL = "https://files.test/x.bin"
PAGE = {"CurrentPage": 1, "PageSize": 100}


def verb(operation):
    """Return what an operation does, by its name."""
    return re.match(r"(?:Batch(?!Task))?([A-Z][a-z]+)", operation.name)[1]


def takes_token(operation):
    return "client_token" in operation.schema.fields


def makers():
    """Return every operation that makes or names something or takes a token, with its front."""
    every = [(front, operation) for front, table in TABLES.items() for operation in table]
    return {(front, o.name) for front, o in every if takes_token(o) or (o.changes and verb(o) in MAKES)}


@dataclass(frozen=True)
class Maker:
    """How an operation is tried: ``taken`` is what all but one are refused with, where names or states collide.

    Where nothing collides all succeed, and leave ``each`` objects.
    """

    front: str
    name: str
    prepare: Callable
    taken: str | None
    each: int


MAKERS: dict[tuple[str, str], Maker] = {}


def taken(front, operation):
    """Return the code with which an operation says that something exists already, if it has one."""
    kinds = [rule.code for (fault, _), rule in CODES[front].items() if fault is errors.AlreadyExists]
    found = [code for code in operation.codes if code in kinds]
    return found[0] if found else None


def maker(front, name, *, each=1, refused=None):
    def add(prepare):
        MAKERS[front, name] = Maker(front, name, prepare, refused or taken(front, TABLES[front].find(name)), each)
        return prepare

    return add


def devices(api, product):
    return lambda: api.aliyun("QueryDevice", ProductKey=product)["Total"]


def products(api, name):
    return lambda: api.iotda("ListProducts", product_name=name)["page"]["count"]


def packages(api, name, *versions):
    """Count the packages of a name among those of some versions."""

    def count():
        found = [api.aliyun("ListOTAFirmware", DestVersion=version, **PAGE) for version in versions]
        return sum(
            each["FirmwareName"] == name for page in found for each in page["FirmwareInfo"]["SimpleFirmwareInfo"]
        )

    return count


def modules(api, product):
    return lambda: len(api.iotda("ListOtaModules", app_id="a", product_id=product)["modules"])


def jobs(api, package):
    return lambda: api.aliyun("ListOTAJobByFirmware", FirmwareId=package, **PAGE)["Total"]


def groups(api, name):
    return lambda: api.aliyun("QueryDeviceGroupList", GroupName=name)["Total"]


def make_package(api, word, **params):
    params = {"FirmwareName": word, "DestVersion": "2", "FirmwareUrl": URL, **params}
    return api.aliyun("CreateOTAFirmware", **params)["Data"]["FirmwareID"]


def make_unverified(api, word):
    return make_package(api, word, NeedToVerify="false")


def make_group(api, word):
    return api.aliyun("CreateDeviceGroup", GroupName=word)["Data"]["GroupId"]


def make_device(api, product, name):
    return api.aliyun("RegisterDevice", ProductKey=product, DeviceName=name)["Data"]


def make_dynamic(api, word):
    asked = {"FirmwareId": make_unverified(api, word), "ProductKey": word, "SrcVersion.1": "1"}
    make_device(api, word, word)
    return asked["FirmwareId"], api.aliyun("CreateOTADynamicUpgradeJob", **asked)["Data"]["JobID"]


def make_module(api, product, name):
    return api.iotda("CreateOtaModule", app_id="a", product_id=product, module_name=name)["module_id"]


def make_apply(api, word):
    return api.aliyun("BatchCheckDeviceNames", **{"ProductKey": word, "DeviceName.1": word})["Data"]["ApplyId"]


def make_renamed(api, word):
    """Make packages that are renamed in each round; those that are refused keep their names."""
    return [make_package(api, f"{word}_{n}", DestVersion=word) for n in range(CLIENTS)]


def make_renamed_products(api, word):
    names = [f"{word}_{n}" for n in range(CLIENTS)]
    return [api.aliyun("CreateProduct", ProductName=name, NodeType=0)["ProductKey"] for name in names]


def related(group, *names, product="p"):
    """Return the parameters that name a group and devices."""
    pairs = {f"Device.{n}.DeviceName": name for n, name in enumerate(names, 1)}
    return {"GroupId": group, **pairs, **{f"Device.{n}.ProductKey": product for n in range(1, len(names) + 1)}}


@maker(ALIYUN, "RegisterDevice")
def _(api, word):
    return {"ProductKey": word, "DeviceName": word}, devices(api, word)


@maker(ALIYUN, "BatchRegisterDevice", each=CLIENTS)
def _(api, word):
    count = devices(api, word)
    return {"ProductKey": word, "Count": 3}, lambda: count() / 3


@maker(ALIYUN, "BatchCheckDeviceNames", each=0)
def _(api, word):
    return {"ProductKey": word, "DeviceName.1": word}, devices(api, word)


@maker(ALIYUN, "BatchRegisterDeviceWithApplyId")
def _(api, word):
    return {"ProductKey": word, "ApplyId": make_apply(api, word)}, devices(api, word)


@maker(ALIYUN, "CreateOTAFirmware")
def _(api, word):
    return {"FirmwareName": word, "DestVersion": word}, packages(api, word, word)


@maker(ALIYUN, "ModifyOTAFirmware")
def _(api, word):
    made = api.once(make_renamed, "renamed")
    return [{"FirmwareId": key, "FirmwareName": word} for key in made], packages(api, word, "renamed")


@maker(ALIYUN, "CreateDeviceGroup")
def _(api, word):
    return {"GroupName": word}, groups(api, word)


@maker(ALIYUN, "BatchAddDeviceGroupRelations")
def _(api, word):
    group = make_group(api, word)
    make_device(api, "p", word)
    return related(group, word), lambda: api.aliyun("QueryDeviceListByDeviceGroup", GroupId=group)["Total"]


@maker(ALIYUN, "GenerateOTAUploadURL", each=0)
def _(api, word):
    return {}, lambda: 0


@maker(ALIYUN, "GenerateDeviceNameListURL", each=0)
def _(api, word):
    return {}, lambda: 0


@maker(ALIYUN, "CreateOTAVerifyJob", refused="iot.ota.InvalidFirmwareStatus")
def _(api, word):
    package = make_package(api, word)
    make_device(api, "p", word)  # one with another update under way would end the job at once
    return {"FirmwareId": package, "ProductKey": "p", "TargetDeviceName.1": word}, jobs(api, package)


@maker(ALIYUN, "CreateOTAStaticUpgradeJob", each=CLIENTS)
def _(api, word):
    package = make_unverified(api, word)
    api.once(make_device, "rolled", "target")
    return {"FirmwareId": package, "ProductKey": "rolled", "TargetSelection": "ALL"}, jobs(api, package)


@maker(ALIYUN, "CreateOTADynamicUpgradeJob")
def _(api, word):
    package = make_unverified(api, word)
    api.once(make_device, "rolled", "target")
    return {"FirmwareId": package, "ProductKey": "rolled", "SrcVersion.1": "1"}, jobs(api, package)


@maker(ALIYUN, "UpdateOTAJob")
def _(api, word):
    package, job = api.once(make_dynamic, "updated")
    return {"JobId": job, "MaximumPerMinute": 10}, jobs(api, package)


@maker(ALIYUN, "CreateOTAModule")
def _(api, word):
    asked = {"ProductKey": word, "ModuleName": word}
    return asked, modules(api, word)


@maker(ALIYUN, "UpdateOTAModule")
def _(api, word):
    api.once(make_module, "modular", "named")
    return {"ProductKey": "modular", "ModuleName": "named", "AliasName": word}, modules(api, "modular")


@maker(ALIYUN, "CreateProduct")
def _(api, word):
    return {"ProductName": word, "NodeType": 0}, products(api, word)


@maker(ALIYUN, "UpdateProduct")
def _(api, word):
    made = api.once(make_renamed_products, "renamed")
    return [{"ProductKey": key, "ProductName": word} for key in made], products(api, word)


@maker(IOTDA, "AddApplication")
def _(api, word):
    names = lambda: [space["app_name"] for space in api.iotda("ShowApplications")["applications"]]  # noqa: E731
    return {"app_name": word}, lambda: names().count(word)


@maker(IOTDA, "CreateOtaModule")
def _(api, word):
    asked = {"app_id": "a", "product_id": word, "module_name": word}
    return asked, modules(api, word)


@maker(IOTDA, "UpdateOtaModule")
def _(api, word):
    made = api.once(make_module, "modular2", "named")
    return {"module_id": made, "alias_name": word}, modules(api, "modular2")


@maker(IOTDA, "CreateOtaPackage", each=CLIENTS)
def _(api, word):
    where = {"region_name": "r", "bucket_name": "unmapped", "object_key": "x.bin"}
    kind = {"app_id": "a", "package_type": "firmwarePackage", "product_id": word}
    asked = {**kind, "version": "1", "file_location": {"obs_location": where}}
    return asked, lambda: len(api.iotda("ListOtaPackageInfo", **kind)["packages"])


@maker(IOTDA, "CreateBatchTask", each=CLIENTS)
def _(api, word):
    package = make_unverified(api, word)
    api.once(make_device, "rolled", "target")
    asked = {"task_name": word, "task_type": "firmwareUpgrade", "document": {"package_ids": [package]}}
    return {**asked, "targets": ["rolled_target"]}, jobs(api, package)


@maker(IOTDA, "UploadBatchTaskFile")
def _(api, word):
    def count():
        """Count the files of this name, and make room for those of the next round: an account has ten."""
        files = api.iotda("ListBatchTaskFiles")["files"]
        for file in files:
            api.iotda("DeleteBatchTaskFile", file_id=file["file_id"])
        return sum(file["file_name"] == word for file in files)

    return {"file": (word, b"device_id\na\n")}, count


@maker(IOTDA, "AddDevice")
def _(api, word):
    return {"node_id": word, "product_id": word}, devices(api, word)


@maker(IOTDA, "CreateToken")
def _(api, word):
    key = (f"key-{word}", "secret")  # of an account of its own, which has no project
    asks = [Ask(IOTDA, "CreateToken", {}, key), Ask(IOTDA, "ListProjects", {}, key, "")] * (CLIENTS // 2)
    return asks, lambda: len(api(IOTDA, "ListProjects", {}, key=key, project="")["projects"])


@maker(IOTDA, "CreateProduct")
def _(api, word):
    kind = {"device_type": "t", "protocol_type": "MQTT", "data_format": "json", "service_capabilities": []}
    return {"name": word, **kind}, products(api, word)
