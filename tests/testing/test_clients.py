"""The vendors' SDKs, unmodified, as `otagw.clients` points them at the double; over http and https."""

import json

import pytest

pytestmark = [
    # They leave connections to the garbage collector, and use what Python deprecates.
    pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
]
encrypted = pytest.mark.otagw(tls=True)


def create_by_core(otagw, **options):
    from aliyunsdkiot.request.v20180120.CreateOTAFirmwareRequest import CreateOTAFirmwareRequest

    request = CreateOTAFirmwareRequest()
    request.set_FirmwareName("core")
    request.set_DestVersion("1.0")
    for name, value in options.items():
        getattr(request, f"set_{name}")(value)
    return json.loads(otagw.clients.aliyun().do_action_with_exception(request))


def test_the_sdk_of_the_first_generation(otagw):
    otagw.clock.advance(days=2)
    assert create_by_core(otagw)["Data"]["FirmwareId"]
    otagw.calls.expect("CreateOTAFirmware", FirmwareName="core").times(1)


@encrypted
def test_the_sdk_of_the_first_generation_by_https(otagw):
    assert create_by_core(otagw, protocol_type="https")["Data"]["FirmwareId"]


def create_by_tea(otagw):
    from alibabacloud_iot20180120 import models

    request = models.CreateOTAFirmwareRequest(firmware_name="tea", dest_version="1.0")
    return otagw.clients.tea().create_otafirmware(request).body


def test_the_sdk_of_the_second_generation(otagw):
    otagw.clock.advance(days=2)
    assert create_by_tea(otagw).data.firmware_id
    otagw.calls.expect("CreateOTAFirmware", FirmwareName="tea").times(1)


@encrypted
def test_the_sdk_of_the_second_generation_by_https(otagw):
    assert create_by_tea(otagw).data.firmware_id


def products_by_iotda(otagw):
    from huaweicloudsdkiotda import v5

    return otagw.clients.iotda().list_products(v5.ListProductsRequest())


def test_huaweis_sdk(otagw):
    otagw.product("a1lock")
    otagw.clock.advance(days=2)
    assert [product.product_id for product in products_by_iotda(otagw).products] == ["a1lock"]


@encrypted
def test_huaweis_sdk_by_https(otagw):
    otagw.product("a1lock")
    assert [product.product_id for product in products_by_iotda(otagw).products] == ["a1lock"]


def test_the_key_of_another_account(otagw):
    from alibabacloud_iot20180120 import models

    other = otagw.accounts.add("factory", grants=["ota:List*"])
    client = otagw.clients.tea(other.key)
    body = client.create_otafirmware(models.CreateOTAFirmwareRequest(firmware_name="x", dest_version="1")).body
    assert (body.success, body.code) == (False, "iot.common.RamActionPermissionDeny")


PACKAGES = {"aliyun": "aliyun-python-sdk-core", "tea": "alibabacloud-iot20180120", "iotda": "huaweicloudsdkcore"}


@pytest.mark.parametrize(("name", "package"), PACKAGES.items())
def test_a_missing_package_is_named(otagw, monkeypatch, name, package):
    def refuse(module):
        raise ModuleNotFoundError(f"No module named {module!r}")

    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(ImportError, match=f"clients.{name}.. needs the package {package}: pip install {package}"):
        getattr(otagw.clients, name)()


def test_an_environment_for_programs(otagw, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert otagw.env == {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
        "HUAWEICLOUD_SDK_AK": "testid",
        "HUAWEICLOUD_SDK_SK": "testsecret",
        "OTAGW_PUBLIC_URL": otagw.url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


@encrypted
def test_an_environment_with_the_authority(otagw):
    assert otagw.url.startswith("https://127.0.0.1:")
    assert otagw.env["REQUESTS_CA_BUNDLE"] == otagw.env["SSL_CERT_FILE"] == str(otagw.ca)


def test_an_environment_keeps_what_else_needs_no_proxy(otagw, monkeypatch):
    monkeypatch.setenv("no_proxy", "intern.example")
    assert otagw.env["NO_PROXY"] == otagw.env["no_proxy"] == "intern.example,127.0.0.1,localhost"
