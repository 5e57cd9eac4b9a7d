"""The vendor's Python SDK of the first generation, unmodified: aliyun-python-sdk-core with aliyun-python-sdk-iot."""

import importlib
import itertools
import json
import re
from xml.etree import ElementTree

import pytest

from tests.aliyun import sdk_page
from tests.conftest import KEY, OTHER

# The SDK never closes a connection: the garbage collector does.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
REGION = "cn-shanghai"
UUID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
_numbers = itertools.count(1)


class Core:
    """Call Actions as a script that uses the SDK does."""

    def __init__(self, host):
        self.host = host

    def client(self, key=KEY, **options):
        from aliyunsdkcore.client import AcsClient

        return AcsClient(*key, REGION, **options)

    def request(self, action, endpoint=None, **params):
        """Make the SDK's request class of an Action; its setters are named after the parameters."""
        module = importlib.import_module(f"aliyunsdkiot.request.v20180120.{action}Request")
        request = getattr(module, f"{action}Request")()
        request.set_endpoint(endpoint or self.host)
        for name, value in params.items():
            getattr(request, f"set_{name}")(value)
        return request

    def common(self, action, **params):
        """Make a request without a class of its own."""
        from aliyunsdkcore.request import CommonRequest

        request = CommonRequest(domain=self.host, version="2018-01-20", action_name=action)
        for name, value in params.items():
            request.add_query_param(name, value)
        return request

    def send(self, request, key=KEY):
        return json.loads(self.client(key).do_action_with_exception(request))

    def __call__(self, action, key=KEY, **params):
        return self.send(self.request(action, **params), key)

    def create(self, name, **params):
        return self("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0", **params)["Data"]["FirmwareId"]

    def query(self, identity):
        return self("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]

    def refused(self, request, client=None):
        """Send a request that must raise; return status, code, text and request id as the exception has them."""
        from aliyunsdkcore.acs_exception.exceptions import ServerException

        with pytest.raises(ServerException) as caught:
            (client or self.client()).do_action_with_exception(request)
        error = caught.value
        assert UUID.fullmatch(error.get_request_id())
        return error.get_http_status(), error.get_error_code(), error.get_error_msg()


@pytest.fixture
def core(live):
    return Core(live.host)


@pytest.fixture(scope="session")
def sts_core(live):
    """A key as temporary credentials have it: id, secret and the token that comes with them."""
    key = ("STS.core", "s3cr&t+/=", "CAIS+/tok==")
    live.cli("keys", "create", "--id", key[0], "--secret", key[1])
    return key


@pytest.fixture
def name():
    return f"core-{next(_numbers)}"


@pytest.mark.live
def test_create_answers_with_an_id(core, name):
    answer = core("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    assert answer["Success"] is True
    assert sorted(answer["Data"]) == ["FirmwareId", "UtcCreate"]


@pytest.mark.live
def test_query_shows_what_was_created(core, name):
    identity = core.create(name, FirmwareDesc="说明 *~+", FirmwareSize=1024, NeedToVerify=False, ProductKey=name)
    found = core.query(identity)
    assert found["FirmwareName"] == name
    assert found["DestVersion"] == "1.0.0"
    assert found["FirmwareDesc"] == "说明 *~+"
    assert found["FirmwareSize"] == 1024
    assert found["ProductKey"] == name


@pytest.mark.live
def test_list_has_its_entries_in_the_inner_wrapper(core, name):
    wanted = [core.create(f"{name}-{number}", ProductKey=name) for number in (1, 2, 3)]
    answer = core("ListOTAFirmware", CurrentPage=1, PageSize=2, ProductKey=name)
    assert [item["FirmwareId"] for item in answer["FirmwareInfo"]["SimpleFirmwareInfo"]] == wanted[:0:-1]
    assert (answer["Total"], answer["PageCount"], answer["CurrentPage"], answer["PageSize"]) == (3, 2, 1, 2)


@pytest.mark.live
def test_modify_takes_the_sdks_own_name_of_udi(core, name):
    identity = core.create(name)
    assert core("ModifyOTAFirmware", FirmwareId=identity, FirmwareDesc="new", FirmwareUdi="u")["Success"] is True
    found = core.query(identity)
    assert (found["FirmwareDesc"], found["Udi"]) == ("new", "u")


@pytest.mark.live
def test_delete_makes_a_firmware_unfindable(core, name):
    identity = core.create(name)
    assert core("DeleteOTAFirmware", FirmwareId=identity)["Success"] is True
    assert core("QueryOTAFirmware", FirmwareId=identity)["Code"] == "iot.ota.FirmwareNotFound"


@pytest.mark.live
def test_several_files_come_back_as_a_bare_array(core, name):
    files = [{"Name": f"{n}.bin", "Url": f"https://files.test/{n}.bin", "Size": n} for n in range(1, 12)]
    found = core.query(core.create(name, MultiFiless=files))
    assert [(item["Name"], item["Size"]) for item in found["MultiFiles"]] == [(f"{n}.bin", n) for n in range(1, 12)]


@pytest.mark.live
@pytest.mark.parametrize("sent", [True, False])
def test_booleans_are_read_as_python_writes_them(core, name, sent):
    by_sdk = core.query(core.create(name, NeedToVerify=sent))
    by_text = core.query(core.create(f"{name}-text", NeedToVerify=str(sent).lower()))
    assert by_sdk["Status"] == by_text["Status"]


@pytest.mark.live
def test_false_means_that_no_verification_is_needed(core, name):
    assert core.query(core.create(name, NeedToVerify=False))["Status"] == -1
    assert core.query(core.create(f"{name}-to-verify", NeedToVerify=True))["Status"] == 0


@pytest.mark.live
def test_a_udi_of_4096_chinese_characters_survives(core, name):
    udi = "固件" * 2048
    assert core.query(core.create(name, Udi=udi))["Udi"] == udi


@pytest.mark.live
def test_an_empty_parameter_counts_as_absent(core, name):
    found = core.query(core.create(name, FirmwareDesc="", FirmwareSize="", ProductKey=""))
    assert not {"FirmwareDesc", "FirmwareSize", "ProductKey"} & set(found)


@pytest.mark.live
def test_none_is_the_text_none_as_the_sdk_sends_it(core, name):
    assert core.query(core.create(name, FirmwareDesc=None))["FirmwareDesc"] == "None"


@pytest.mark.live
def test_none_for_a_number_is_refused_by_its_name(core, name):
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0", FirmwareSize=None)
    status, code, text = core.refused(request)
    assert (status, code) == (400, "InvalidParameter")
    assert "FirmwareSize" in text


@pytest.mark.live
def test_a_client_token_given_twice_creates_once(core, name):
    def create():
        request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
        request.add_query_param("ClientToken", name)
        return core.send(request)["Data"]

    assert create() == create()


@pytest.mark.live
def test_a_client_token_with_other_parameters_is_refused(core, name):
    def request(version):
        return core.common("CreateOTAFirmware", FirmwareName=name, DestVersion=version, ClientToken=name)

    core.send(request("1.0.0"))
    assert core.refused(request("2.0.0"))[:2] == (400, "IdempotentParameterMismatch")


@pytest.mark.live
def test_the_sdk_itself_reports_a_wrong_secret(core, name):
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0", FirmwareDesc="说明 *~+:'")
    status, code, _ = core.refused(request, core.client((KEY[0], "wrong")))
    assert (status, code) == (400, "InvalidAccessKeySecret")


@pytest.mark.live
def test_the_sdk_itself_reports_a_wrong_secret_of_a_form(core, name):
    request = core.request("CreateOTAFirmware", DestVersion="1.0.0")
    request.add_body_params("FirmwareName", name)
    assert core.refused(request, core.client((KEY[0], "wrong")))[:2] == (400, "InvalidAccessKeySecret")


@pytest.mark.live
def test_a_wrong_secret_of_a_common_request_keeps_the_gateways_code(core):
    """The SDK forgets what it signed for these, and so has nothing to compare the gateway's text with."""
    request = core.common("QueryOTAFirmware", FirmwareId="1")
    status, code, text = core.refused(request, core.client((KEY[0], "wrong")))
    assert (status, code) == (400, "SignatureDoesNotMatch")
    assert "server string to sign is:GET&%2F&AccessKeyId%3D" in text


@pytest.mark.live
def test_an_unknown_key_is_not_found(core, name):
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    assert core.refused(request, core.client(("nobody", "x")))[:2] == (404, "InvalidAccessKeyId.NotFound")


@pytest.mark.live
@pytest.mark.parametrize(
    ("action", "params", "missing"),
    [
        ("CreateOTAFirmware", {"FirmwareName": "a"}, "DestVersion"),
        ("CreateOTAFirmware", {"DestVersion": "1"}, "FirmwareName"),
        ("CreateOTAFirmware", {"FirmwareName": "", "DestVersion": "1"}, "FirmwareName"),
        ("QueryOTAFirmware", {}, "FirmwareId"),
        ("ListOTAFirmware", {"PageSize": 1}, "CurrentPage"),
        ("ModifyOTAFirmware", {"FirmwareDesc": "x"}, "FirmwareId"),
        ("DeleteOTAFirmware", {}, "FirmwareId"),
    ],
)
def test_a_missing_parameter_raises_with_its_name(core, action, params, missing):
    status, code, text = core.refused(core.request(action, **params))
    assert (status, code, text) == (400, f"Missing{missing}", f"{missing} is mandatory for this action.")


@pytest.mark.live
def test_a_taken_name_is_a_refusal_without_an_exception(core, name):
    core.create(name)
    answer = core("CreateOTAFirmware", FirmwareName=name, DestVersion="2.0.0")
    assert (answer["Success"], answer["Code"]) == (False, "iot.ota.FirmwareNameExists")
    assert name in answer["ErrorMessage"]
    assert "Data" not in answer


@pytest.mark.live
def test_a_taken_name_is_answered_with_200(core, name):
    core.create(name)
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="2.0.0")
    status, _, body = core.client().get_response(request)
    assert (status, json.loads(body)["Success"]) == (200, False)


@pytest.mark.live
@pytest.mark.parametrize("action", ["QueryOTAFirmware", "ModifyOTAFirmware", "DeleteOTAFirmware"])
def test_what_is_not_there_is_not_found_without_an_exception(core, action):
    answer = core(action, FirmwareId="1")
    assert (answer["Success"], answer["Code"]) == (False, "iot.ota.FirmwareNotFound")


@pytest.mark.live
def test_another_accounts_firmware_is_not_found(core, name):
    identity = core.create(name)
    assert core("QueryOTAFirmware", key=OTHER, FirmwareId=identity)["Code"] == "iot.ota.FirmwareNotFound"


@pytest.mark.live
@pytest.mark.parametrize("pattern", ["{}/", "http://{}", "http://{}/"])
def test_endpoints_may_have_a_scheme_and_a_slash(core, name, pattern):
    endpoint = pattern.format(core.host)
    request = core.request("CreateOTAFirmware", endpoint=endpoint, FirmwareName=name, DestVersion="1.0.0")
    assert core.send(request)["Success"] is True


@pytest.mark.live
def test_an_endpoint_may_be_given_for_the_region(core, name):
    client = core.client()
    client.add_endpoint(REGION, "Iot", core.host)
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    request.set_endpoint(None)
    assert json.loads(client.do_action_with_exception(request))["Success"] is True


@pytest.mark.live
def test_the_port_may_be_given_to_the_client(core, name):
    host, port = core.host.split(":")
    request = core.request("CreateOTAFirmware", endpoint=host, FirmwareName=name, DestVersion="1.0.0")
    assert json.loads(core.client(port=int(port)).do_action_with_exception(request))["Success"] is True


@pytest.mark.live
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_common_request_may_use_either_method(core, name, method):
    request = core.common("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    request.set_method(method)
    assert core.send(request)["Success"] is True


@pytest.mark.live
def test_parameters_may_stand_in_a_form(core, name):
    request = core.common("CreateOTAFirmware")
    request.set_method("POST")
    request.add_body_params("FirmwareName", name)
    request.add_body_params("DestVersion", "1.0.0")
    request.add_body_params("Udi", "固件 *~+&=;%20'()!\n" * 200)
    identity = core.send(request)["Data"]["FirmwareId"]
    assert core.query(identity)["Udi"] == "固件 *~+&=;%20'()!\n" * 200


@pytest.mark.live
def test_a_request_without_a_format_is_answered_in_json(core, name):
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    assert request.get_accept_format() is None
    answer = json.loads(core.client().do_action(request))
    assert core.query(answer["Data"]["FirmwareId"])["FirmwareName"] == name


@pytest.mark.live
def test_xml_is_answered_in_xml(core, name):
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    request.set_accept_format("XML")
    root = ElementTree.fromstring(core.client().do_action(request))
    assert (root.tag, root.findtext("Success")) == ("CreateOTAFirmwareResponse", "true")
    assert core.query(root.findtext("Data/FirmwareId"))["FirmwareName"] == name


@pytest.mark.live
def test_xml_repeats_the_entries_of_a_list(core, name):
    wanted = [core.create(f"{name}-{number}", ProductKey=name) for number in (1, 2)]
    request = core.request("ListOTAFirmware", CurrentPage=1, PageSize=10, ProductKey=name)
    request.set_accept_format("XML")
    root = ElementTree.fromstring(core.client().do_action(request))
    assert [item.text for item in root.findall("FirmwareInfo/SimpleFirmwareInfo/FirmwareId")] == wanted[::-1]


@pytest.mark.live
def test_xml_refusals_are_the_vendors_error_element(core):
    request = core.request("QueryOTAFirmware")
    request.set_accept_format("XML")
    status, headers, body = core.client().get_response(request)
    root = ElementTree.fromstring(body)
    assert (status, headers["Content-Type"]) == (400, "text/xml;charset=utf-8")
    assert (root.tag, root.findtext("Code"), root.findtext("HostId")) == ("Error", "MissingFirmwareId", core.host)
    assert UUID.fullmatch(root.findtext("RequestId"))


@pytest.mark.live
def test_an_unknown_action_is_404_with_a_code(core):
    assert core.refused(core.common("CreateOTAPenguin"))[:2] == (404, "InvalidAction.NotFound")


@pytest.mark.live
def test_an_unknown_path_is_404_with_a_code(core):
    request = core.request("QueryOTAFirmware", endpoint=f"{core.host}/nowhere", FirmwareId="1")
    assert core.refused(request)[:2] == (404, "InvalidApi.NotFound")


@pytest.mark.live
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_another_method_is_405_with_a_code(core, method):
    request = core.common("QueryOTAFirmware", FirmwareId="1")
    request.set_method(method)
    assert core.refused(request)[:2] == (405, "UnsupportedHTTPMethod")


@pytest.mark.live
def test_a_form_that_is_too_large_is_413_with_a_code(core, name):
    request = core.common("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    request.set_method("POST")
    request.add_body_params("Udi", "u" * (4 * 1024 * 1024 + 1))
    assert core.refused(request)[:2] == (413, "RequestEntityTooLarge")


@pytest.mark.live
def test_an_unknown_version_is_refused_with_a_code(core):
    request = core.request("QueryOTAFirmware", FirmwareId="1")
    request.set_version("2014-05-26")
    assert core.refused(request)[:2] == (400, "InvalidVersion")


@pytest.mark.live
def test_the_request_id_is_an_upper_case_uuid_that_the_header_repeats(core, name):
    for request in (
        core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0"),
        core.request("QueryOTAFirmware", FirmwareId="1"),
        core.request("QueryOTAFirmware"),
        core.request("QueryOTAFirmware", endpoint=f"{core.host}/nowhere", FirmwareId="1"),
    ):
        _, headers, body = core.client().get_response(request)
        assert UUID.fullmatch(json.loads(body)["RequestId"])
        assert headers["X-Request-Id"] == json.loads(body)["RequestId"]


@pytest.mark.live
def test_refusals_hold_nothing_but_texts(core):
    """The vendor's Go SDK casts every field to a text, and panics otherwise."""
    _, _, body = core.client().get_response(core.request("QueryOTAFirmware"))
    answer = json.loads(body)
    assert sorted(answer) == ["Code", "HostId", "Message", "Recommend", "RequestId"]
    assert all(isinstance(value, str) for value in answer.values())


@pytest.mark.live
def test_temporary_credentials_work_with_a_key_of_that_id(core, name, sts_core):
    from aliyunsdkcore.auth.credentials import StsTokenCredential

    client = core.client((None, None), credential=StsTokenCredential(*sts_core))
    request = core.request("CreateOTAFirmware", FirmwareName=name, DestVersion="1.0.0")
    assert json.loads(client.do_action_with_exception(request))["Success"] is True


@pytest.fixture(scope="module")
def python():
    with sdk_page.Python() as found:
        yield found


@pytest.mark.live
@pytest.mark.parametrize("title", [title for title in sdk_page.samples("python") if "sdk-core" in title])
def test_the_samples_of_the_page_run(python, core, name, title):
    identity = python.run(sdk_page.fit(sdk_page.samples("python")[title], core.host, KEY, name))
    assert core.query(identity)["FirmwareName"] == name


def test_the_page_has_a_sample_for_every_way_and_no_other():
    assert list(sdk_page.samples("python")) == [
        "Python: aliyun-python-sdk-core with aliyun-python-sdk-iot",
        "Python: CommonRequest of aliyun-python-sdk-core",
        "Python: alibabacloud-iot20180120",
        "Python: alibabacloud-iot20180120 with the older signature",
        "Python: alibabacloud-iot20180120, asynchronous",
    ]
    assert list(sdk_page.samples("js")) == [
        "Node: @alicloud/pop-core",
        "Node: @alicloud/iot20180120",
        "Node: @alicloud/rpc-client",
    ]
    assert sdk_page.PAGE.read_text(encoding="utf-8").count("\n```python\n") == 5
    assert sdk_page.PAGE.read_text(encoding="utf-8").count("\n```js\n") == 3
