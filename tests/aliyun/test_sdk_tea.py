"""The vendor's Python SDK of the second generation, unmodified: alibabacloud-iot20180120, in both signature schemes."""

import asyncio
import itertools
import re

import pytest

from tests.aliyun import sdk_page
from tests.conftest import KEY, OTHER

UUID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
# What Config calls the scheme: V3 is its default.
SCHEMES = {"V3": None, "V1": "v2"}
_numbers = itertools.count(1)


class Tea:
    """Call Actions as a program that uses the SDK does: in one scheme, waiting or asynchronously."""

    def __init__(self, host, algorithm, is_async):
        self.host, self.algorithm, self.is_async = host, algorithm, is_async

    def client(self, key=KEY, **options):
        from alibabacloud_iot20180120.client import Client
        from alibabacloud_tea_openapi.models import Config

        options = {"endpoint": self.host, "protocol": "http", **options}
        return Client(
            Config(access_key_id=key[0], access_key_secret=key[1], signature_algorithm=self.algorithm, **options)
        )

    def run(self, client, method, *arguments):
        if self.is_async:
            return asyncio.run(getattr(client, f"{method}_async")(*arguments))
        return getattr(client, method)(*arguments)

    def send(self, action, params, client=None, queries=None):
        """Call the method of an Action with its model; return the whole answer."""
        from alibabacloud_iot20180120 import models
        from alibabacloud_tea_util.models import ExtendsParameters, RuntimeOptions

        runtime = RuntimeOptions(extends_parameters=ExtendsParameters(queries=queries))
        request = getattr(models, f"{action}Request")(**params)
        method = re.sub("(?<=[a-z])(?=[A-Z])", "_", action).lower() + "_with_options"
        return self.run(client or self.client(), method, request, runtime)

    def __call__(self, action, key=KEY, queries=None, **params):
        """Call an Action; return the body as its model, which a wrong shape leaves None."""
        return self.send(action, params, self.client(key), queries).body

    def any(self, action, path="/", method="POST", query=None, body=None):
        """Call an Action that the SDK need not know; return the body as plain data."""
        from alibabacloud_tea_openapi.models import OpenApiRequest, Params
        from alibabacloud_tea_util.models import RuntimeOptions

        rules = Params(
            action=action,
            version="2018-01-20",
            protocol="HTTPS",
            pathname=path,
            method=method,
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        request = OpenApiRequest(query=query, body=body)
        return self.run(self.client(), "call_api", rules, request, RuntimeOptions())["body"]

    def create(self, name, **params):
        return self("CreateOTAFirmware", firmware_name=name, dest_version="1.0.0", **params).data.firmware_id

    def query(self, identity):
        return self("QueryOTAFirmware", firmware_id=identity).firmware_info

    def refused(self, call, *arguments, **named):
        """Make a call that must raise; return status, code and text as the exception has them."""
        from alibabacloud_tea_openapi.exceptions import ClientException

        with pytest.raises(ClientException) as caught:
            call(*arguments, **named)
        error = caught.value
        assert UUID.fullmatch(error.request_id)
        assert error.data["RequestId"] == error.request_id
        return error.status_code, error.code, error.data["Message"]


def make(live, scheme, way):
    return Tea(live.host, SCHEMES[scheme], way == "async")


@pytest.fixture(params=["V3", "V1"])
def scheme(request):
    return request.param


@pytest.fixture(params=["sync", "async"])
def way(request):
    return request.param


@pytest.fixture
def tea(live, scheme, way):
    return make(live, scheme, way)


@pytest.fixture(scope="session")
def sts_tea(live):
    """A key as temporary credentials have it: id, secret and the token that comes with them."""
    key = ("STS.tea", "s3cr&t+/=", "CAIS+/tok==")
    live.cli("keys", "create", "--id", key[0], "--secret", key[1])
    return key


@pytest.fixture
def name():
    return f"tea-{next(_numbers)}"


def test_create_answers_with_an_id(live, name):
    body = make(live, "V3", "sync")("CreateOTAFirmware", firmware_name=name, dest_version="1.0.0")
    assert body.success is True
    assert body.data.firmware_id.isdecimal()
    assert body.data.utc_create.endswith("Z")


@pytest.mark.live
def test_query_shows_what_was_created(tea, name):
    identity = tea.create(name, firmware_desc="说明 *~+", firmware_size=1024, product_key=name, need_to_verify=False)
    found = tea.query(identity)
    assert (found.firmware_id, found.firmware_name, found.dest_version) == (identity, name, "1.0.0")
    assert (found.firmware_desc, found.firmware_size, found.product_key) == ("说明 *~+", 1024, name)


@pytest.mark.live
def test_list_parses_into_models(tea, name):
    wanted = [tea.create(f"{name}-{number}", product_key=name) for number in (1, 2, 3)]
    body = tea("ListOTAFirmware", current_page=1, page_size=2, product_key=name)
    assert [item.firmware_id for item in body.firmware_info.simple_firmware_info] == wanted[:0:-1]
    assert (body.total, body.page_count, body.current_page, body.page_size) == (3, 2, 1, 2)


@pytest.mark.live
def test_an_empty_list_parses_into_models(tea, name):
    body = tea("ListOTAFirmware", current_page=1, page_size=2, dest_version=name)
    assert (body.success, body.total, body.firmware_info.simple_firmware_info) == (True, 0, [])


@pytest.mark.live
def test_modify_takes_the_sdks_own_name_of_udi(tea, name):
    identity = tea.create(name)
    body = tea("ModifyOTAFirmware", firmware_id=identity, firmware_desc="new", firmware_udi="u")
    found = tea.query(identity)
    assert (body.success, found.firmware_desc, found.udi) == (True, "new", "u")


@pytest.mark.live
def test_delete_makes_a_firmware_unfindable(tea, name):
    identity = tea.create(name)
    assert tea("DeleteOTAFirmware", firmware_id=identity).success is True
    assert tea("QueryOTAFirmware", firmware_id=identity).code == "iot.ota.FirmwareNotFound"


@pytest.mark.live
def test_several_files_parse_into_models(tea, name):
    from alibabacloud_iot20180120.models import CreateOTAFirmwareRequestMultiFiles as File

    files = [File(name=f"{n}.bin", url=f"https://files.test/{n}.bin", size=n, file_md_5="a" * 32) for n in range(1, 12)]
    found = tea.query(tea.create(name, multi_files=files))
    assert [file.to_map() for file in found.multi_files] == [file.to_map() for file in files]


@pytest.mark.live
def test_booleans_are_read_as_python_writes_them(tea, name):
    assert tea.query(tea.create(name, need_to_verify=False)).status == -1
    assert tea.query(tea.create(f"{name}-to-verify", need_to_verify=True)).status == 0


@pytest.mark.live
def test_a_udi_of_4096_chinese_characters_survives(tea, name):
    udi = "固件" * 2048
    assert tea.query(tea.create(name, udi=udi)).udi == udi


@pytest.mark.live
def test_every_printable_character_survives_the_query(tea, name):
    udi = "".join(map(chr, range(0x20, 0x7F))) + "%20%2B\n\t说ファ😀"
    assert tea.query(tea.create(name, udi=udi)).udi == udi


@pytest.mark.live
def test_an_empty_parameter_counts_as_absent(tea, name):
    found = tea.query(tea.create(name, firmware_desc="", product_key=""))
    assert (found.firmware_desc, found.product_key) == (None, None)


@pytest.mark.live
def test_a_client_token_given_twice_creates_once(tea, name):
    def create():
        answer = tea("CreateOTAFirmware", firmware_name=name, dest_version="1.0.0", queries={"ClientToken": name})
        return answer.data.to_map()

    assert create() == create()


@pytest.mark.live
def test_a_wrong_secret_does_not_match(tea, name):
    client = tea.client((KEY[0], "wrong"))
    params = {"firmware_name": name, "dest_version": "1.0.0"}
    status, code, text = tea.refused(tea.send, "CreateOTAFirmware", params, client)
    assert (status, code) == (400, "SignatureDoesNotMatch")
    told = "server string to sign is:POST&%2F&" if tea.algorithm else "server StringToSign is [ACS3-HMAC-SHA256\n"
    assert told in text


@pytest.mark.live
def test_an_unknown_key_is_not_found(tea):
    refused = tea.refused(tea, "QueryOTAFirmware", key=("nobody", "x"), firmware_id="1")
    assert refused[:2] == (404, "InvalidAccessKeyId.NotFound")


@pytest.mark.live
@pytest.mark.parametrize(
    ("action", "params", "missing"),
    [
        ("CreateOTAFirmware", {"firmware_name": "a"}, "DestVersion"),
        ("CreateOTAFirmware", {"dest_version": "1"}, "FirmwareName"),
        ("QueryOTAFirmware", {}, "FirmwareId"),
        ("ListOTAFirmware", {"current_page": 1}, "PageSize"),
        ("ModifyOTAFirmware", {"firmware_desc": "x"}, "FirmwareId"),
        ("DeleteOTAFirmware", {"firmware_id": ""}, "FirmwareId"),
    ],
)
def test_a_missing_parameter_raises_with_its_name(tea, action, params, missing):
    refused = tea.refused(tea, action, **params)
    assert refused == (400, f"Missing{missing}", f"{missing} is mandatory for this action.")


@pytest.mark.live
def test_an_ill_formed_parameter_raises_with_its_name(tea):
    status, code, text = tea.refused(tea, "CreateOTAFirmware", firmware_name="a b", dest_version="1")
    assert (status, code) == (400, "InvalidParameter")
    assert "FirmwareName" in text


@pytest.mark.live
def test_a_page_that_cannot_be_is_a_refusal_by_the_vendors_code(tea):
    body = tea.send("ListOTAFirmware", {"current_page": 1, "page_size": 101}).body
    assert (body.success, body.code) == (False, "iot.common.InvalidPageParams")
    assert "PageSize" in body.error_message


@pytest.mark.live
def test_a_taken_name_is_a_refusal_without_an_exception(tea, name):
    tea.create(name)
    answer = tea.send("CreateOTAFirmware", {"firmware_name": name, "dest_version": "2.0.0"})
    assert (answer.status_code, answer.body.success) == (200, False)
    assert answer.body.code == "iot.ota.FirmwareNameExists"
    assert name in answer.body.error_message
    assert answer.body.data is None


@pytest.mark.live
@pytest.mark.parametrize("action", ["QueryOTAFirmware", "ModifyOTAFirmware", "DeleteOTAFirmware"])
def test_what_is_not_there_is_not_found_without_an_exception(tea, action):
    body = tea(action, firmware_id="1")
    assert (body.success, body.code) == (False, "iot.ota.FirmwareNotFound")


@pytest.mark.live
def test_another_accounts_firmware_is_not_found(tea, name):
    identity = tea.create(name)
    assert tea("QueryOTAFirmware", key=OTHER, firmware_id=identity).code == "iot.ota.FirmwareNotFound"


@pytest.mark.live
@pytest.mark.parametrize("way", ["sync"])
def test_an_endpoint_with_a_scheme_signs_that_as_host(live, scheme, way, name):
    tea = make(live, scheme, way)
    client = tea.client(endpoint=live.url)
    body = tea.send("CreateOTAFirmware", {"firmware_name": name, "dest_version": "1.0.0"}, client).body
    assert tea.query(body.data.firmware_id).firmware_name == name


@pytest.mark.live
def test_parameters_may_stand_in_a_form(tea, name):
    form = {"FirmwareName": name, "DestVersion": "1.0.0", "Udi": "固件 *~+&=;%20'()!\n" * 200, "NeedToVerify": False}
    identity = tea.any("CreateOTAFirmware", body=form)["Data"]["FirmwareId"]
    assert tea.query(identity).udi == form["Udi"]


@pytest.mark.live
def test_query_and_form_are_read_together(tea, name):
    answer = tea.any("CreateOTAFirmware", query={"FirmwareName": name}, body={"DestVersion": "1.0.0"})
    assert tea.query(answer["Data"]["FirmwareId"]).dest_version == "1.0.0"


@pytest.mark.live
def test_get_works_as_post_does(tea, name):
    query = {"FirmwareName": name, "DestVersion": "1.0.0"}
    assert tea.any("CreateOTAFirmware", method="GET", query=query)["Success"] is True


@pytest.mark.live
def test_an_unknown_action_is_404_with_a_code(tea):
    assert tea.refused(tea.any, "CreateOTAPenguin", query={})[:2] == (404, "InvalidAction.NotFound")


@pytest.mark.live
@pytest.mark.parametrize("scheme", ["V3"])
def test_an_unknown_path_is_404_with_a_code(tea):
    """With V1 the SDK asks at ``/`` whatever path it is told."""
    assert tea.refused(tea.any, "QueryOTAFirmware", path="/nowhere", query={})[:2] == (
        404,
        "InvalidApi.NotFound",
    )


@pytest.mark.live
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_method_is_405_with_a_code(tea, method):
    refused = tea.refused(tea.any, "QueryOTAFirmware", method=method, query={"FirmwareId": "1"})
    assert refused[:2] == (405, "UnsupportedHTTPMethod")


@pytest.mark.live
@pytest.mark.parametrize("way", ["sync"])
def test_a_form_that_is_too_large_is_413_with_a_code(tea, name):
    """Asynchronously the SDK reads the same refusal, but leaves behind a connection with the rest of the form in it."""
    form = {"FirmwareName": name, "DestVersion": "1.0.0", "Udi": "u" * (4 * 1024 * 1024 + 1)}
    assert tea.refused(tea.any, "CreateOTAFirmware", body=form)[:2] == (413, "RequestEntityTooLarge")


@pytest.mark.live
def test_the_request_id_is_an_upper_case_uuid_that_the_header_repeats(tea, name):
    for answer in (
        tea.send("CreateOTAFirmware", {"firmware_name": name, "dest_version": "1.0.0"}),
        tea.send("QueryOTAFirmware", {"firmware_id": "1"}),
    ):
        headers = {key.lower(): value for key, value in answer.headers.items()}
        assert UUID.fullmatch(answer.body.request_id)
        assert headers["x-request-id"] == answer.body.request_id


@pytest.mark.live
def test_temporary_credentials_work_with_a_key_of_that_id(tea, name, sts_tea):
    client = tea.client(sts_tea[:2], security_token=sts_tea[2])
    body = tea.send("CreateOTAFirmware", {"firmware_name": name, "dest_version": "1.0.0"}, client).body
    assert body.success is True


@pytest.fixture(scope="module")
def python():
    with sdk_page.Python() as found:
        yield found


@pytest.mark.live
@pytest.mark.parametrize("title", [title for title in sdk_page.samples("python") if "iot20180120" in title])
def test_the_samples_of_the_page_run(python, live, name, title):
    identity = python.run(sdk_page.fit(sdk_page.samples("python")[title], live.host, KEY, name))
    assert make(live, "V3", "sync").query(identity).firmware_name == name
