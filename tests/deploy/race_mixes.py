"""Different operations at once that want the same name, or the same thing while another deletes it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.deploy import race_cases
from tests.deploy.crowd import ALIYUN, CLIENTS, IOTDA, ROUNDS, Ask
from tests.deploy.race_cases import related


@dataclass(frozen=True)
class Mix:
    """Calls of several operations; so many succeed, where that is certain, and ``left`` objects are there then.

    An operation that is refused says so with one of its own codes.
    """

    name: str
    prepare: Callable
    successes: int | None
    left: int | None


MIXES: dict[str, Mix] = {}
_NO_SPACE = "AddApplication of an account that has no space by default"
# Each round of these has an account of its own, which has nothing.
OF_A_STRANGER = ("CreateToken", _NO_SPACE)


def mix(name, *, successes=None, left=None):
    def add(prepare):
        MIXES[name] = Mix(name, prepare, successes, left)
        return prepare

    return add


@mix("UpdateProduct and CreateProduct of one name", successes=1, left=1)
def _(api, word):
    renames, count = race_cases.MAKERS[ALIYUN, "UpdateProduct"].prepare(api, word)
    create = Ask(ALIYUN, "CreateProduct", {"ProductName": word, "NodeType": 0})
    return [*(Ask(ALIYUN, "UpdateProduct", each) for each in renames[:2]), create, create], count


@mix("ModifyOTAFirmware and CreateOTAFirmware of one name", successes=1, left=1)
def _(api, word):
    renames, _ = race_cases.MAKERS[ALIYUN, "ModifyOTAFirmware"].prepare(api, word)
    create = Ask(ALIYUN, "CreateOTAFirmware", {"FirmwareName": word, "DestVersion": word})
    asks = [*(Ask(ALIYUN, "ModifyOTAFirmware", each) for each in renames[:2]), create, create]
    return asks, race_cases.packages(api, word, "renamed", word)


@mix("CreateProduct of both fronts of one name", successes=1, left=1)
def _(api, word):
    body, count = race_cases.MAKERS[IOTDA, "CreateProduct"].prepare(api, word)
    create = Ask(ALIYUN, "CreateProduct", {"ProductName": word, "NodeType": 0})
    return [Ask(IOTDA, "CreateProduct", body), create] * 2, count


@mix("CreateOTAModule and CreateOtaModule of one name", successes=1, left=1)
def _(api, word):
    create, count = race_cases.MAKERS[ALIYUN, "CreateOTAModule"].prepare(api, word)
    body, _ = race_cases.MAKERS[IOTDA, "CreateOtaModule"].prepare(api, word)
    return [Ask(ALIYUN, "CreateOTAModule", create), Ask(IOTDA, "CreateOtaModule", body)] * 2, count


@mix("RegisterDevice and AddDevice of one name", successes=1, left=1)
def _(api, word):
    body, count = race_cases.MAKERS[IOTDA, "AddDevice"].prepare(api, word)
    register = Ask(ALIYUN, "RegisterDevice", {"ProductKey": word, "DeviceName": word})
    return [Ask(IOTDA, "AddDevice", body), register] * 2, count


@mix("AddDevice of several names with one id", successes=1, left=1)
def _(api, word):
    asks = [{"node_id": f"{word}-{n}", "product_id": word, "device_id": word} for n in range(CLIENTS)]
    return [Ask(IOTDA, "AddDevice", ask) for ask in asks], race_cases.devices(api, word)


@mix("BatchRegisterDeviceWithApplyId of several applications with one name", successes=CLIENTS, left=1)
def _(api, word):
    asks = [{"ProductKey": word, "ApplyId": race_cases.make_apply(api, word)} for _ in range(CLIENTS)]
    return [Ask(ALIYUN, "BatchRegisterDeviceWithApplyId", ask) for ask in asks], race_cases.devices(api, word)


@mix("CreateOTAFirmware of several names for a product and a module that nobody has made", successes=CLIENTS, left=1)
def _(api, word):
    asked = {"DestVersion": "1", "ProductKey": word, "ModuleName": word}
    asks = [Ask(ALIYUN, "CreateOTAFirmware", {**asked, "FirmwareName": f"{word}-{n}"}) for n in range(CLIENTS)]
    return asks, race_cases.modules(api, word)


@mix("AddApplication in a project that nobody has", successes=CLIENTS, left=1)
def _(api, word):
    asks = [Ask(IOTDA, "AddApplication", {"app_name": f"{word}-{n}"}, project=word) for n in range(CLIENTS)]
    return asks, lambda: [each["id"] for each in api.iotda("ListProjects")["projects"]].count(word)


@mix(_NO_SPACE, successes=CLIENTS, left=1)
def _(api, word):
    key = (f"key-{word}", "secret")
    asks = [Ask(IOTDA, "AddApplication", {"app_name": f"{word}-{n}"}, key, word) for n in range(CLIENTS)]
    found = lambda: api(IOTDA, "ShowApplications", {}, key=key, project=word)["applications"]  # noqa: E731
    return asks, lambda: sum(each["default_app"] for each in found())


@mix("BatchAddDeviceGroupRelations beside DeleteDeviceGroup")
def _(api, word):
    group = race_cases.make_group(api, word)
    race_cases.make_device(api, "p", word)
    add, remove = Ask(ALIYUN, "BatchAddDeviceGroupRelations", related(group, word)), {"GroupId": group}
    return [add, Ask(ALIYUN, "DeleteDeviceGroup", remove)] * 2, None


@mix("BatchAddDeviceGroupRelations and BatchDeleteDeviceGroupRelations beside DeleteDevice", left=0)
def _(api, word):
    group = race_cases.make_group(api, word)
    race_cases.make_device(api, "p", word)
    relation = related(group, word)
    gone = Ask(ALIYUN, "DeleteDevice", {"ProductKey": "p", "DeviceName": word})
    add, remove = (Ask(ALIYUN, f"Batch{do}DeviceGroupRelations", relation) for do in ("Add", "Delete"))
    return [add, gone, add, remove], lambda: api.aliyun("QueryDeviceListByDeviceGroup", GroupId=group)["Total"]


def make_crowded(api):
    """Make devices that are in as many groups as they may be but one, and groups for each to be added to."""
    made = api.aliyun("BatchRegisterDevice", ProductKey="crowded", Count=ROUNDS)["Data"]["ApplyId"]
    found = api.aliyun("QueryPageByApplyId", ApplyId=made, PageSize=50)["ApplyDeviceList"]["ApplyDeviceInfo"]
    rest = api.aliyun("QueryPageByApplyId", ApplyId=made, PageSize=50, CurrentPage=2)["ApplyDeviceList"]
    names = [device["DeviceName"] for device in [*found, *rest["ApplyDeviceInfo"]]]
    groups = [race_cases.make_group(api, f"crowded_{n}") for n in range(9 + CLIENTS)]
    for group in groups[CLIENTS:]:
        api.aliyun("BatchAddDeviceGroupRelations", **related(group, *names, product="crowded"))
    return groups[:CLIENTS], iter(names)


@mix("BatchAddDeviceGroupRelations of one device to more groups than it may be in", successes=CLIENTS, left=1)
def _(api, word):
    groups, names = api.once(make_crowded)
    name = next(names)

    def count():
        pages = [api.aliyun("QueryDeviceListByDeviceGroup", GroupId=each, PageSize=100) for each in groups]
        return sum(device["DeviceName"] == name for page in pages for device in page["Data"]["SimpleDeviceInfo"])

    return [
        Ask(ALIYUN, "BatchAddDeviceGroupRelations", related(each, name, product="crowded")) for each in groups
    ], count


@mix("CreateDeviceGroup within a group beside its DeleteDeviceGroup")
def _(api, word):
    group = race_cases.make_group(api, word)
    asks = [
        Ask(ALIYUN, "CreateDeviceGroup", {"GroupName": f"{word}_{n}", "SuperGroupId": group})
        if n % 2
        else Ask(ALIYUN, "DeleteDeviceGroup", {"GroupId": group})
        for n in range(CLIENTS)
    ]
    return asks, None


@mix("CreateOTAModule and CreateOTAFirmware beside DeleteProduct")
def _(api, word):
    key = api.aliyun("CreateProduct", ProductName=word, NodeType=0)["ProductKey"]
    gone = Ask(ALIYUN, "DeleteProduct", {"ProductKey": key})
    module = Ask(ALIYUN, "CreateOTAModule", {"ProductKey": key, "ModuleName": word})
    package = Ask(ALIYUN, "CreateOTAFirmware", {"FirmwareName": word, "DestVersion": "1", "ProductKey": key})
    return [module, gone, package, gone], None


@mix("CreateOTADynamicUpgradeJob and CreateOTAStaticUpgradeJob beside DeleteOTAFirmware")
def _(api, word):
    package = race_cases.make_unverified(api, word)
    api.once(race_cases.make_device, "rolled", "target")
    given = {"FirmwareId": package, "ProductKey": "rolled"}
    gone = Ask(ALIYUN, "DeleteOTAFirmware", {"FirmwareId": package})
    static = Ask(ALIYUN, "CreateOTAStaticUpgradeJob", {**given, "TargetSelection": "ALL"})
    return [static, gone, Ask(ALIYUN, "CreateOTADynamicUpgradeJob", {**given, "SrcVersion.1": "1"}), gone], None
