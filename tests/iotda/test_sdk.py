"""The vendor's Python SDK, unmodified, in both schemes; and what it made, seen by another vendor's."""

import hashlib
import json
import re
import subprocess

import pytest

from tests.conftest import KEY, OTHER, ROOT, need
from tests.iotda.conftest import DATA
from tests.iotda.signer import PROJECT

DIGEST = hashlib.sha256(DATA).hexdigest()
pytestmark = [
    pytest.mark.live,
    # The SDK is an unmodified client; what it deprecates, or leaves open, is its own affair.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def connect(gateway, scheme="SDK", key=KEY, project=PROJECT, url=None, ca=None):
    """Return a client as a program makes it, with nothing changed but its endpoint."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials, DerivedCredentials
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdkcore.region.region import Region
    from huaweicloudsdkiotda.v5 import IoTDAClient

    url, ca = url or getattr(gateway, "front", gateway.url), ca or getattr(gateway, "ca", None)
    credentials = BasicCredentials(*key, *([project] if project else []))
    builder = IoTDAClient.new_builder()
    if ca:
        config = HttpConfig.get_default_config()
        config.ssl_ca_cert = ca
        builder = builder.with_http_config(config)
    if scheme == "V11" or not project:
        if scheme == "V11":
            credentials = credentials.with_derived_predicate(DerivedCredentials.get_default_derived_predicate())
        if not project:
            credentials = credentials.with_iam_endpoint(url)
        return builder.with_credentials(credentials).with_region(Region("local-1", url)).build()
    return builder.with_credentials(credentials).with_endpoint(url).build()


def create(client, bucket="free", **changes):
    from huaweicloudsdkiotda import v5

    place = {"region_name": "cn-north-4", "bucket_name": bucket, "object_key": "upgrade.bin"}
    place |= {name: changes.pop(name) for name in ("object_key", "sign", "sign_method") if name in changes}
    location = v5.FileLocation(obs_location=v5.ObsLocation(**place))
    body = {"app_id": "app1", "package_type": "firmwarePackage", "product_id": "lock", "version": "V2.0", **changes}
    request = v5.CreateOtaPackageRequest(body=v5.CreateOtaPackage(**body, file_location=location))
    return client.create_ota_package(request)


schemes = pytest.mark.parametrize("scheme", ["SDK", "V11"])


@schemes
def test_packages(gateway, scheme):
    from huaweicloudsdkiotda import v5

    client = connect(gateway, scheme)
    sources = ["1", "2"]
    made = create(
        client,
        "mapped",
        product_id=scheme,
        support_source_versions=sources,
        description="\u56fa\u4ef6",
        sign=DIGEST.upper(),
    )
    assert (made.status_code, made.app_id, made.version) == (201, "app1", "V2.0")
    assert (made.support_source_versions, made.description, made.product_name) == (sources, "\u56fa\u4ef6", None)
    assert re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", made.create_time)
    assert made.file_location.obs_location.sign == DIGEST
    request = v5.ListOtaPackageInfoRequest(
        package_type="firmwarePackage", product_id=scheme, limit=1, instance_id="inst-1"
    )
    page = client.list_ota_package_info(request)
    assert ([each.package_id for each in page.packages], page.page.count) == ([made.package_id], 1)
    assert page.page.marker == f"{int(made.package_id):024x}"
    shown = client.show_ota_package(v5.ShowOtaPackageRequest(package_id=made.package_id))
    assert (shown.status_code, shown.package_id) == (200, made.package_id)
    deleted = client.delete_ota_package(v5.DeleteOtaPackageRequest(package_id=made.package_id))
    assert deleted.status_code == 204
    assert not deleted.body


@schemes
def test_modules(gateway, scheme):
    from huaweicloudsdkiotda import v5

    client = connect(gateway, scheme)
    body = v5.CreateOtaModule(app_id=scheme, product_id=scheme, module_name="mcu", alias_name="Motor")
    made = client.create_ota_module(v5.CreateOtaModuleRequest(body=body))
    assert (made.status_code, made.module_name) == (201, "mcu")
    page = client.list_ota_modules(v5.ListOtaModulesRequest(app_id=scheme))
    assert [each.module_id for each in page.modules] == [made.module_id]
    change = v5.UpdateOtaModule(description="turns")
    client.update_ota_module(v5.UpdateOtaModuleRequest(module_id=made.module_id, body=change))
    shown = client.show_ota_module(v5.ShowOtaModuleRequest(module_id=made.module_id))
    assert (shown.alias_name, shown.description) == ("Motor", "turns")
    gone = client.delete_ota_module(v5.DeleteOtaModuleRequest(module_id=made.module_id))
    assert gone.status_code == 204


@schemes
def test_refusals_arrive_as_the_sdk_reads_them(gateway, scheme):
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
    from huaweicloudsdkiotda import v5

    client = connect(gateway, scheme)
    show = v5.ShowOtaPackageRequest
    many = v5.ListOtaPackageInfoRequest(package_type="firmwarePackage", limit=51)
    calls = [
        (404, "IOTDA.901001", lambda: client.show_ota_package(show(package_id="1"))),
        (404, "IOTDA.901001", lambda: client.delete_ota_package(v5.DeleteOtaPackageRequest(package_id="1"))),
        (404, "IOTDA.901001", lambda: client.show_ota_package(show(package_id=None))),
        (404, "IOTDA.902001", lambda: client.show_ota_module(v5.ShowOtaModuleRequest(module_id="1"))),
        (400, "IOTDA.000006", lambda: client.create_ota_package(v5.CreateOtaPackageRequest())),
        (400, "IOTDA.000006", lambda: create(client, version="")),
        (400, "IOTDA.000006", lambda: create(client, object_key="a.txt")),
        (400, "IOTDA.000017", lambda: client.list_ota_package_info(many)),
        (400, "IOTDA.904001", lambda: create(client, "mapped", object_key="none.bin")),
        (400, "IOTDA.904003", lambda: create(client, "mapped", sign="0" * 64)),
        (401, "APIGW.0301", lambda: create(connect(gateway, scheme, (KEY[0], "wrong")))),
        (401, "APIGW.0301", lambda: create(connect(gateway, scheme, ("nobody", KEY[1])))),
        (403, "IOTDA.900403", lambda: create(connect(gateway, scheme, OTHER))),
    ]  # fmt: skip
    create(client)
    for status, code, call in calls:
        with pytest.raises(ClientRequestException) as caught:
            call()
        assert (caught.value.status_code, caught.value.error_code) == (status, code)
        assert caught.value.error_msg
        assert re.fullmatch(r"[0-9a-f-]{36}", caught.value.request_id)


def test_a_client_without_a_project_is_given_one(gateway):
    client = connect(gateway, project=None)
    assert create(client).status_code == 201
    assert create(connect(gateway, "V11", project=None)).status_code == 201


def test_what_one_vendors_sdk_made_the_others_sdk_shows(gateway):
    from huaweicloudsdkiotda import v5

    from tests.aliyun.test_sdk_tea import Tea

    tea, client = Tea(gateway.host, None, is_async=False), connect(gateway)
    ours = create(client, "mapped", product_id="cross").package_id
    found = tea("QueryOTAFirmware", firmware_id=ours).firmware_info
    assert (found.dest_version, found.firmware_sign, found.product_key) == ("V2.0", DIGEST, "cross")
    assert found.firmware_name == f"firmware-V2.0-{ours}"
    theirs = tea("CreateOTAFirmware", firmware_name="theirs", dest_version="3.0", product_key="cross").data.firmware_id
    listed = tea(
        "ListOTAFirmware", current_page=1, page_size=10, product_key="cross"
    ).firmware_info.simple_firmware_info
    assert [each.firmware_id for each in listed] == [theirs, ours]
    page = client.list_ota_package_info(
        v5.ListOtaPackageInfoRequest(package_type="firmwarePackage", product_id="cross")
    )
    assert [each.package_id for each in page.packages] == [theirs, ours]
    shown = client.show_ota_package(v5.ShowOtaPackageRequest(package_id=theirs))
    assert (shown.version, shown.file_location) == ("3.0", None)


def test_the_sample_of_the_page_runs(gateway, capsys):
    page = (ROOT / "docs/iotda.md").read_text(encoding="utf-8")
    sample = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)[1]
    for old, new in (
        ("YOUR_KEY_ID", KEY[0]),
        ("YOUR_KEY_SECRET", KEY[1]),
        ("YOUR_PROJECT_ID", PROJECT),
        ("http://127.0.0.1:8686", gateway.url),
    ):
        assert old in sample
        sample = sample.replace(old, new)
    exec(sample, {})
    assert re.fullmatch(r"[0-9]+\n", capsys.readouterr().out)


def test_the_lines_for_curl_run(gateway):
    need("curl")
    page = (ROOT / "docs/iotda.md").read_text(encoding="utf-8")
    lines = re.search(r"^```sh\n(.*?)^```$", page, re.M | re.S)[1]
    lines = lines.replace("YOUR_KEY_ID", KEY[0]).replace("YOUR_KEY_SECRET", KEY[1]).replace("YOUR_PROJECT_ID", PROJECT)
    done = subprocess.run(
        ["bash", "-c", lines.replace("http://127.0.0.1:8686", gateway.url)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["page"]["marker"]
