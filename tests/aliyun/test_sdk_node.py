"""The vendor's Node SDKs, unmodified: pop-core, iot20180120 in both signature schemes, and rpc-client.

One process (tests/node/run.js) makes all calls of a session, one a line; what it needs is installed by npm if need be.
"""

import fcntl
import itertools
import json
import os
import re
import subprocess

import pytest

from tests.aliyun import sdk_page
from tests.conftest import KEY, OTHER, REQUIRED, need
from tests.patience import HANG_SECONDS

pytestmark = pytest.mark.live
FOLDER = sdk_page.NODE
UUID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
_numbers = itertools.count(1)


class Failed(Exception):
    """What the SDK threw: its name, code, message, data and status."""

    def __init__(self, name=None, code=None, message=None, data=None, status=None):
        super().__init__(message)
        self.name, self.code, self.message, self.data, self.status = name, code, message, data, status


def is_installed():
    """Tell whether npm finished, and with the lock file as it is now."""
    done = FOLDER / "node_modules" / ".package-lock.json"
    return done.exists() and done.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime


@pytest.fixture(scope="session")
def node():
    """The path of node, with the SDKs installed beside the runner; the first of several test processes does it."""
    path, npm = need("node"), need("npm")
    with open(FOLDER / "package.json", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_installed():
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, check=False, cwd=FOLDER, capture_output=True, text=True, timeout=HANG_SECONDS
            )
            if done.returncode:
                message = f"needs the packages of tests/node, which npm could not install: {done.stderr[-500:]}"
                pytest.fail(message) if REQUIRED == "all" else pytest.skip(message)
            os.utime(FOLDER / "node_modules" / ".package-lock.json")
    return path


@pytest.fixture(scope="session")
def runner(node):
    with subprocess.Popen(
        [node, "run.js"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield process
        process.stdin.close()
        process.wait(HANG_SECONDS)


class Node:
    """Make calls with one of the SDKs, in its own way of doing so."""

    def __init__(self, runner, host, client="pop", **rules):
        self.runner, self.host, self.client, self.rules = runner, host, client, rules

    def send(self, action, params, key=KEY, **rules):
        """Make a call; return status, headers and body, or raise what the SDK threw."""
        call = {"host": self.host, "client": self.client, "action": action, "params": params, "key": key}
        self.runner.stdin.write(json.dumps({**call, **self.rules, **rules}) + "\n")
        self.runner.stdin.flush()
        line = self.runner.stdout.readline()
        assert line, "the runner ended"
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(**answer["error"])
        return answer

    def __call__(self, action, key=KEY, **params):
        return self.send(action, params, key)["body"]

    def create(self, name, **params):
        answer = self("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0", **params)
        return self.pick(answer, "Data", "FirmwareId")

    def query(self, identity):
        return self.pick(self("QueryOTAFirmware", FirmwareId=identity), "FirmwareInfo")

    def refused(self, action, *, key=KEY, rules=None, **params):
        """Make a call that must throw; return status, code and text as the error has them."""
        with pytest.raises(Failed) as caught:
            self.send(action, params, key, **(rules or {}))
        error = caught.value
        assert UUID.fullmatch(error.data["RequestId"])
        assert error.data["Code"] == error.code.removesuffix("Error" if self.client == "rpc" else "")
        return error.status, error.data["Code"], error.data["Message"]

    def pick(self, answer, *names):
        """Go down an answer by the API's names; the models of ``tea`` begin theirs with a small letter."""
        for name in names:
            answer = answer[name[0].lower() + name[1:] if self.client == "tea" else name]
        return answer


WAYS = {
    "pop-get": {"client": "pop"},
    "pop-post": {"client": "pop", "method": "POST"},
    "tea-v3": {"client": "tea"},
    "tea-v1": {"client": "tea", "algorithm": "v2"},
    "rpc-get": {"client": "rpc", "method": "GET"},
    "rpc-post": {"client": "rpc", "method": "POST"},
}
POP = [way for way in WAYS if way.startswith("pop")]
TEA = [way for way in WAYS if way.startswith("tea")]
RPC = [way for way in WAYS if way.startswith("rpc")]


@pytest.fixture(params=WAYS)
def way(request):
    return request.param


@pytest.fixture
def sdk(runner, live, way):
    return Node(runner, live.host, **WAYS[way])


@pytest.fixture(scope="session")
def sts_node(live):
    """A key as temporary credentials have it: id, secret and the token that comes with them."""
    key = ("STS.node", "s3cr&t+/=", "CAIS+/tok==")
    live.cli("keys", "create", "--id", key[0], "--secret", key[1])
    return key


@pytest.fixture
def name():
    return f"node-{next(_numbers)}"


def test_create_and_query(sdk, name):
    found = sdk.query(sdk.create(name, FirmwareDesc="说明 *~+'()!", FirmwareSize=1024, ProductKey=name))
    assert sdk.pick(found, "FirmwareName") == name
    assert sdk.pick(found, "FirmwareDesc") == "说明 *~+'()!"
    assert sdk.pick(found, "FirmwareSize") == 1024
    assert sdk.pick(found, "ProductKey") == name


def test_list_has_its_entries_in_the_inner_wrapper(sdk, name):
    wanted = [sdk.create(f"{name}-{number}", ProductKey=name) for number in (1, 2, 3)]
    answer = sdk("ListOTAFirmware", CurrentPage=1, PageSize=2, ProductKey=name)
    entries = sdk.pick(answer, "FirmwareInfo", "SimpleFirmwareInfo")
    assert [sdk.pick(entry, "FirmwareId") for entry in entries] == wanted[:0:-1]
    assert sdk.pick(answer, "Total") == 3


def test_modify_changes_a_description(sdk, name):
    identity = sdk.create(name)
    # Version 3.0.11 of the tea package has no model of this Action.
    client = "teaAny" if sdk.client == "tea" else sdk.client
    params = {"FirmwareId": identity, "FirmwareDesc": "new"}
    assert sdk.send("ModifyOTAFirmware", params, client=client)["body"]["Success"] is True
    assert sdk.pick(sdk.query(identity), "FirmwareDesc") == "new"


def test_delete_makes_the_name_free_again(sdk, name):
    identity = sdk.create(name)
    assert sdk.pick(sdk("DeleteOTAFirmware", FirmwareId=identity), "Success") is True
    assert sdk.create(name) != identity


@pytest.mark.parametrize("way", POP + TEA)
def test_several_files_come_back_as_a_bare_array(sdk, name):
    members = ("name", "url", "size") if sdk.client == "tea" else ("Name", "Url", "Size")
    files = [dict(zip(members, (f"{n}.bin", f"https://files.test/{n}.bin", n), strict=True)) for n in range(1, 12)]
    found = sdk.pick(sdk.query(sdk.create(name, MultiFiles=files)), "MultiFiles")
    assert [sdk.pick(file, "Name") for file in found] == [f"{n}.bin" for n in range(1, 12)]


def test_booleans_are_read_as_node_writes_them(sdk, name):
    assert sdk.pick(sdk.query(sdk.create(name, NeedToVerify=False)), "Status") == -1
    assert sdk.pick(sdk.query(sdk.create(f"{name}-to-verify", NeedToVerify=True)), "Status") == 0


def test_a_udi_of_4096_chinese_characters_survives(sdk, name):
    udi = "固件" * 2048
    assert sdk.pick(sdk.query(sdk.create(name, Udi=udi)), "Udi") == udi


def test_every_printable_character_survives(sdk, name):
    udi = "".join(map(chr, range(0x20, 0x7F))) + "%20%2B\n\t说ファ😀"
    assert sdk.pick(sdk.query(sdk.create(name, Udi=udi)), "Udi") == udi


@pytest.mark.parametrize("way", POP)
def test_undefined_is_the_text_undefined_as_pop_core_sends_it(sdk, name):
    params = {"FirmwareName": name, "DestVersion": "1.0.0"}
    answer = sdk.send("CreateOTAFirmware", params, undefined=["FirmwareDesc"])["body"]
    assert sdk.query(answer["Data"]["FirmwareId"])["FirmwareDesc"] == "undefined"


@pytest.mark.parametrize("way", POP)
def test_undefined_for_a_number_is_refused_by_its_name(sdk, name):
    rules = {"undefined": ["FirmwareSize"]}
    status, code, text = sdk.refused("CreateOTAFirmware", rules=rules, FirmwareName=name, DestVersion="1.0.0")
    assert (status, code) == (400, "InvalidParameter")
    assert "FirmwareSize" in text


@pytest.mark.parametrize("way", TEA + RPC)
def test_undefined_is_not_sent_by_the_others(sdk, name):
    params = {"FirmwareName": name, "DestVersion": "1.0.0"}
    body = sdk.send("CreateOTAFirmware", params, undefined=["FirmwareDesc", "FirmwareSize"])["body"]
    assert "FirmwareDesc" not in sdk.query(sdk.pick(body, "Data", "FirmwareId"))


@pytest.mark.parametrize("way", POP)
def test_small_first_letters_are_made_capital_by_pop_core(sdk, name):
    answer = sdk("createOTAFirmware", firmwareName=name, destVersion="1.0.0")
    assert sdk.query(answer["Data"]["FirmwareId"])["FirmwareName"] == name


def test_a_client_token_given_twice_creates_once(sdk, name):
    def create():
        params, token = {"FirmwareName": name, "DestVersion": "1.0.0"}, {"ClientToken": name}
        if sdk.client == "tea":
            return sdk.send("CreateOTAFirmware", params, queries=token)["body"]["data"]
        return sdk("CreateOTAFirmware", **params, **token)["Data"]

    assert create() == create()


def test_a_wrong_secret_does_not_match(sdk, way):
    status, code, text = sdk.refused("QueryOTAFirmware", key=(KEY[0], "wrong"), FirmwareId="1")
    assert code == "SignatureDoesNotMatch"
    assert status == (None if sdk.client == "rpc" else 400)
    assert ("server StringToSign is [ACS3-HMAC-SHA256\n" if way == "tea-v3" else "string to sign is:") in text


def test_an_unknown_key_is_not_found(sdk):
    refused = sdk.refused("QueryOTAFirmware", key=("nobody", "x"), FirmwareId="1")
    assert refused[1:] == ("InvalidAccessKeyId.NotFound", "Specified access key is not found.")


@pytest.mark.parametrize(
    ("action", "params", "missing"),
    [
        ("CreateOTAFirmware", {"FirmwareName": "a"}, "DestVersion"),
        ("CreateOTAFirmware", {"DestVersion": "1"}, "FirmwareName"),
        ("QueryOTAFirmware", {}, "FirmwareId"),
        ("ListOTAFirmware", {"CurrentPage": 1}, "PageSize"),
    ],
)
def test_a_missing_parameter_throws_with_its_name(sdk, action, params, missing):
    refused = sdk.refused(action, **params)
    assert refused[1:] == (f"Missing{missing}", f"{missing} is mandatory for this action.")


@pytest.mark.parametrize("way", TEA + RPC)
def test_a_taken_name_is_a_refusal_without_an_error(sdk, name):
    sdk.create(name)
    answer = sdk("CreateOTAFirmware", FirmwareName=name, DestVersion="2.0.0")
    assert sdk.pick(answer, "Success") is False
    assert sdk.pick(answer, "Code") == "iot.ota.FirmwareNameExists"
    assert name in sdk.pick(answer, "ErrorMessage")


@pytest.mark.parametrize("way", POP)
def test_pop_core_throws_when_a_name_is_taken(sdk, name):
    sdk.create(name)
    with pytest.raises(Failed) as caught:
        sdk("CreateOTAFirmware", FirmwareName=name, DestVersion="2.0.0")
    error = caught.value
    assert (error.status, error.code, error.name) == (
        200,
        "iot.ota.FirmwareNameExists",
        "iot.ota.FirmwareNameExistsError",
    )
    assert name in error.data["ErrorMessage"]


@pytest.mark.parametrize("way", TEA + RPC)
def test_what_is_not_there_is_not_found_without_an_error(sdk):
    answer = sdk("DeleteOTAFirmware", FirmwareId="1")
    assert (sdk.pick(answer, "Success"), sdk.pick(answer, "Code")) == (False, "iot.ota.FirmwareNotFound")


@pytest.mark.parametrize("way", TEA + RPC)
def test_another_accounts_firmware_is_not_found(sdk, name):
    identity = sdk.create(name)
    assert sdk.pick(sdk("QueryOTAFirmware", key=OTHER, FirmwareId=identity), "Code") == "iot.ota.FirmwareNotFound"


@pytest.mark.parametrize("algorithm", [None, "v2"])
def test_parameters_may_stand_in_a_form(runner, live, name, algorithm):
    sdk = Node(runner, live.host, "teaAny", algorithm=algorithm, form=True)
    identity = sdk.create(name, Udi="固件 *~+&=;%20'()!\n" * 200)
    assert sdk.query(identity)["Udi"] == "固件 *~+&=;%20'()!\n" * 200


@pytest.mark.parametrize("algorithm", [None, "v2"])
def test_get_works_as_post_does(runner, live, name, algorithm):
    sdk = Node(runner, live.host, "teaAny", algorithm=algorithm, method="GET")
    assert sdk.query(sdk.create(name))["FirmwareName"] == name


@pytest.mark.parametrize("way", POP + RPC)
def test_an_unknown_action_is_404_with_a_code(sdk):
    assert sdk.refused("CreateOTAPenguin")[1] == "InvalidAction.NotFound"


@pytest.mark.parametrize("algorithm", [None, "v2"])
def test_an_unknown_action_of_a_free_call_is_404_with_a_code(runner, live, algorithm):
    sdk = Node(runner, live.host, "teaAny", algorithm=algorithm)
    assert sdk.refused("CreateOTAPenguin")[:2] == (404, "InvalidAction.NotFound")


def test_an_unknown_path_is_404_with_a_code(runner, live):
    by_pop = Node(runner, live.host, "pop", path="/nowhere").refused("QueryOTAFirmware", FirmwareId="1")
    by_tea = Node(runner, live.host, "teaAny", path="/nowhere").refused("QueryOTAFirmware", FirmwareId="1")
    assert by_pop[:2] == by_tea[:2] == (404, "InvalidApi.NotFound")


def test_an_endpoint_may_end_in_a_slash(runner, live, name):
    """pop-core takes one slash away: of two, one is left, and the path is ``//``."""
    assert Node(runner, live.host, "pop", path="/").create(name)
    assert Node(runner, live.host, "pop", path="//").create(f"{name}-2")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_method_is_405_with_a_code(runner, live, method):
    by_pop = Node(runner, live.host, "pop", method=method).refused("QueryOTAFirmware", FirmwareId="1")
    by_tea = Node(runner, live.host, "teaAny", method=method).refused("QueryOTAFirmware", FirmwareId="1")
    assert by_pop[:2] == by_tea[:2] == (405, "UnsupportedHTTPMethod")


@pytest.mark.parametrize("way", POP + TEA)
def test_the_request_id_is_an_upper_case_uuid_that_the_header_repeats(sdk, name):
    answer = sdk.send("CreateOTAFirmware", {"FirmwareName": name, "DestVersion": "1.0.0"})
    assert UUID.fullmatch(sdk.pick(answer["body"], "RequestId"))
    assert answer["headers"]["x-request-id"] == sdk.pick(answer["body"], "RequestId")


def test_temporary_credentials_work_with_a_key_of_that_id(sdk, name, sts_node):
    answer = sdk("CreateOTAFirmware", key=sts_node, FirmwareName=name, DestVersion="1.0.0")
    assert sdk.pick(answer, "Success") is True


@pytest.mark.parametrize("title", list(sdk_page.samples("js")))
def test_the_samples_of_the_page_run(runner, live, node, name, title):
    identity = sdk_page.run_node(node, sdk_page.fit(sdk_page.samples("js")[title], live.host, KEY, name))
    assert Node(runner, live.host).query(identity)["FirmwareName"] == name
