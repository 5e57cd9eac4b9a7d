"""The vendor's unmodified SDK through products, devices and batch tasks, in both schemes; and two vendors at once."""

import hashlib
import itertools
import re

import pytest
import requests

from tests.aliyun.test_sdk_tea import Tea
from tests.conftest import KEY, OTHER, ROOT
from tests.device.test_live import Device
from tests.iotda.conftest import DATA
from tests.iotda.signer import PROJECT
from tests.iotda.test_batch_file import book, inline
from tests.iotda.test_sdk import (
    DIGEST,
    connect,
    create,
    pytestmark,  # noqa: F401 - the same marks
)
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS

SECRET = "devsecret123"
_numbers = itertools.count(1)
schemes = pytest.mark.parametrize("scheme", ["SDK", "V11"])


class Fleet:
    """A product of its own with devices that run version 1.0, all made by the SDK."""

    def __init__(self, gateway, scheme="SDK", count=2):
        from huaweicloudsdkiotda import v5

        self.v5, self.client = v5, connect(gateway, scheme)
        self.product = f"fleet{next(_numbers)}"
        service = v5.ServiceCapability(service_id="battery", service_type="battery")
        body = v5.AddProduct(
            product_id=self.product,
            name=self.product,
            device_type="lock",
            protocol_type="MQTT",
            data_format="json",
            service_capabilities=[service],
        )
        made = self.client.create_product(v5.CreateProductRequest(body=body))
        assert (made.status_code, made.service_capabilities[0].service_id) == (201, "battery")
        self.targets, self.devices = [], []
        for number in range(count):
            auth = v5.AuthInfo(auth_type="SECRET", secret=SECRET)
            body = v5.AddDevice(node_id=f"dev{number}", product_id=self.product, auth_info=auth)
            added = self.client.add_device(v5.AddDeviceRequest(body=body))
            assert (added.status_code, added.auth_info.secret, added.status) == (201, SECRET, "INACTIVE")
            self.targets.append(added.device_id)
            self.devices.append(Device(gateway.url, self.product, f"dev{number}", SECRET))
            self.devices[-1].ok("PUT", "/versions/default", {"version": "1.0"})

    def close(self):
        for device in self.devices:
            device.session.close()

    def task(self, package_id, **changes):
        v5 = self.v5
        body = {
            "task_name": "night",
            "task_type": "firmwareUpgrade",
            "targets": self.targets,
            "document": {"package_ids": [package_id]},
            **changes,
        }
        return self.client.create_batch_task(v5.CreateBatchTaskRequest(body=v5.CreateBatchTask(**body)))

    def show(self, task_id, **params):
        found = self.client.show_batch_task(self.v5.ShowBatchTaskRequest(task_id=task_id, **params))
        return found.batchtask, {each.target: each.status for each in found.task_details}

    def act(self, what, task_id, targets=None):
        request = getattr(self.v5, f"{what.capitalize()}BatchTaskRequest")
        call = getattr(self.client, f"{what}_batch_task")
        answer = call(request(task_id=task_id, body=self.v5.BatchTargets(targets=targets)))
        assert answer.status_code == 200
        return {each.target: each.status for each in answer.targets}


@pytest.fixture
def make(gateway):
    made = []

    def make(*args, **options):
        made.append(Fleet(gateway, *args, **options))
        return made[-1]

    yield make
    for fleet in made:
        fleet.close()


@schemes
def test_spaces_products_and_devices(make, scheme):
    fleet = make(scheme, count=1)
    v5, client = fleet.v5, fleet.client
    name = f"Doors {fleet.product}"
    added = client.add_application(v5.AddApplicationRequest(body=v5.AddApplication(app_name=name)))
    assert (added.status_code, added.default_app) == (201, False)
    shown = client.show_applications(v5.ShowApplicationsRequest(default_app=True)).applications
    assert [space.default_app for space in shown] == [True]
    assert client.show_application(v5.ShowApplicationRequest(app_id=added.app_id)).app_name == name
    shown = client.show_product(v5.ShowProductRequest(product_id=fleet.product))
    assert (shown.name, shown.protocol_type) == (fleet.product, "MQTT")
    listed = client.list_products(v5.ListProductsRequest(product_name=fleet.product))
    assert ([each.product_id for each in listed.products], listed.page.count) == ([fleet.product], 1)
    (target,) = fleet.targets
    shown = client.show_device(v5.ShowDeviceRequest(device_id=target))
    assert (shown.fw_version, shown.sw_version, shown.status) == ("1.0", None, "ONLINE")
    listed = client.list_devices(v5.ListDevicesRequest(product_id=fleet.product))
    assert [each.device_id for each in listed.devices] == [target]
    assert client.delete_device(v5.DeleteDeviceRequest(device_id=target)).status_code == 204
    assert client.delete_product(v5.DeleteProductRequest(product_id=fleet.product)).status_code == 204


@schemes
def test_batch_tasks(make, scheme):
    fleet = make(scheme)
    v5, (first, second) = fleet.v5, fleet.targets
    package = create(fleet.client, "mapped", product_id=fleet.product).package_id
    policy = v5.TaskPolicy(retry_count=1, retry_interval=1)
    made = fleet.task(package, need_confirm=True, task_policy=policy, task_ext_info={"a": 1})
    assert (made.status_code, made.status, made.targets) == (201, "Processing", fleet.targets)
    assert (made.task_policy.retry_count, made.document["package_ids"], made.need_confirm) == (1, [package], True)
    task_id = made.task_id
    request = v5.ListBatchTasksRequest(task_type="firmwareUpgrade", status="Processing", limit=50)
    assert task_id in [task.task_id for task in fleet.client.list_batch_tasks(request).batchtasks]
    assert fleet.devices[0].ok("GET", "/update") is None
    assert fleet.act("confirm", task_id, [first]) == {first: "success"}
    assert fleet.devices[0].update() is None
    assert fleet.act("stop", task_id, [first, second]) == {first: "failure", second: "success"}
    task, details = fleet.show(task_id)
    assert (task.status, details) == ("PartialSuccess", {first: "Success", second: "Stopped"})
    assert (task.task_progress.total, task.task_progress.success, task.task_progress.stopped) == (2, 1, 1)
    assert fleet.show(task_id, task_detail_status="Stopped", limit=1)[1] == {second: "Stopped"}
    assert fleet.act("retry", task_id) == {}
    assert fleet.show(task_id, target=second)[1] == {second: "Waitting"}
    assert fleet.act("confirm", task_id) == {}
    assert fleet.devices[1].update() is None
    assert fleet.show(task_id)[0].status == "Success"
    assert fleet.client.delete_batch_task(v5.DeleteBatchTaskRequest(task_id=task_id)).status_code == 204


@schemes
def test_refusals_arrive_as_the_sdk_reads_them(gateway, make, scheme):
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException

    fleet = make(scheme, count=1)
    v5, client = fleet.v5, fleet.client
    package = create(client, "mapped", product_id=fleet.product).package_id
    away = create(client, product_id=fleet.product).package_id
    made = fleet.task(package).task_id
    again = v5.AddDevice(node_id="dev0", product_id=fleet.product)
    product = client.show_product(v5.ShowProductRequest(product_id=fleet.product))
    body = {name: getattr(product, name) for name in ("product_id", "name", "device_type", "protocol_type")}
    twice = v5.AddProduct(**body, data_format="json", service_capabilities=[])
    space = v5.AddApplicationRequest(body=v5.AddApplication(app_name="DefaultApp"))
    calls = [
        (404, "IOTDA.901001", lambda: fleet.task("1")),
        (400, "IOTDA.900002", lambda: fleet.task(away)),
        (400, "IOTDA.900003", lambda: fleet.task(package, task_type="softwareUpgrade")),
        (404, "IOTDA.906001", lambda: fleet.task(package, targets=["nobody"])),
        (404, "IOTDA.907001", lambda: fleet.task(package, targets=None, targets_filter={"group_ids": ["1"]})),
        (400, "IOTDA.000006", lambda: fleet.task(package, task_name=None)),
        (400, "IOTDA.000006", lambda: client.create_batch_task(v5.CreateBatchTaskRequest())),
        (400, "IOTDA.000006", lambda: client.list_batch_tasks(v5.ListBatchTasksRequest())),
        (400, "IOTDA.000017", lambda: fleet.show(made, limit=51)),
        (404, "IOTDA.905001", lambda: fleet.show("1")),
        (404, "IOTDA.905001", lambda: fleet.act("stop", "1")),
        (404, "IOTDA.905001", lambda: fleet.act("retry", "1")),
        (404, "IOTDA.905001", lambda: fleet.act("confirm", None)),
        (404, "IOTDA.905001", lambda: client.delete_batch_task(v5.DeleteBatchTaskRequest(task_id="1"))),
        (400, "IOTDA.905002", lambda: client.delete_batch_task(v5.DeleteBatchTaskRequest(task_id=made))),
        (404, "IOTDA.906001", lambda: client.show_device(v5.ShowDeviceRequest(device_id="1"))),
        (404, "IOTDA.906001", lambda: client.delete_device(v5.DeleteDeviceRequest(device_id=None))),
        (400, "IOTDA.014031", lambda: client.add_device(v5.AddDeviceRequest(body=again))),
        (400, "IOTDA.903002", lambda: client.create_product(v5.CreateProductRequest(body=twice))),
        (403, "IOTDA.903003", lambda: client.delete_product(v5.DeleteProductRequest(product_id=fleet.product))),
        (404, "IOTDA.903001", lambda: client.show_product(v5.ShowProductRequest(product_id="1"))),
        (404, "IOTDA.908001", lambda: client.show_application(v5.ShowApplicationRequest(app_id="1"))),
        (400, "IOTDA.908002", lambda: client.add_application(space)),
        (403, "IOTDA.900403", lambda: connect(gateway, scheme, OTHER).show_batch_task(
            v5.ShowBatchTaskRequest(task_id=made))),
    ]  # fmt: skip
    for status, code, call in calls:
        with pytest.raises(ClientRequestException) as caught:
            call()
        assert (caught.value.status_code, caught.value.error_code) == (status, code)
        assert caught.value.error_msg
        assert caught.value.request_id


def test_the_sample_of_the_page_runs(gateway, capsys, tmp_path, monkeypatch):
    page = (ROOT / "docs/iotda.md").read_text(encoding="utf-8")
    samples = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    sample = samples[0] + next(each for each in samples if "CreateBatchTask" in each)
    for old, new in (
        ("YOUR_KEY_ID", KEY[0]),
        ("YOUR_KEY_SECRET", KEY[1]),
        ("YOUR_PROJECT_ID", PROJECT),
        ("http://127.0.0.1:8686", gateway.url),
        ('"firmware"', '"mapped"'),
        ("door-lock/1.0.0.bin", "upgrade.bin"),
    ):
        assert old in sample
        sample = sample.replace(old, new)
    scope = {}
    exec(sample, scope)
    assert capsys.readouterr().out.endswith("Processing [('a1uctKe0001_door-1', 'Waitting')]\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "door-locks.xlsx").write_bytes(book(inline(["device_id"], ["a1uctKe0001_door-1"])))
    exec(next(each for each in samples if "UploadBatchTaskFile" in each), scope)
    assert capsys.readouterr().out == "['a1uctKe0001_door-1']\n"


def test_what_one_vendors_sdk_made_the_others_rolls_out(gateway, make):
    fleet, tea = make(), Tea(gateway.host, None, is_async=False)
    package = create(fleet.client, "mapped", product_id=fleet.product).package_id
    listed = tea("ListOTAFirmware", current_page=1, page_size=10, product_key=fleet.product)
    assert [each.firmware_id for each in listed.firmware_info.simple_firmware_info] == [package]
    params = {"firmware_id": package, "product_key": fleet.product}
    job = tea("CreateOTAStaticUpgradeJob", target_selection="ALL", **params).data.job_id
    for device in fleet.devices:
        assert device.update() is None
    assert tea("QueryOTAJob", job_id=job).data.job_status == "COMPLETED"
    task, details = fleet.show(job)
    assert (task.status, details) == ("Success", dict.fromkeys(fleet.targets, "Success"))


def test_what_the_other_vendor_uploaded_is_a_batch_task(gateway, make):
    fleet, tea = make(), Tea(gateway.host, None, is_async=False)
    form = gateway.get("GenerateOTAUploadURL").json()["Data"]
    requests.post(form["Host"], data=fields_of(form), files={"file": DATA}, timeout=HANG_SECONDS).raise_for_status()
    given = {"dest_version": "2.0", "product_key": fleet.product, "need_to_verify": False}
    firmware = tea(
        "CreateOTAFirmware",
        firmware_name=fleet.product,
        firmware_url=form["FirmwareUrl"],
        firmware_size=len(DATA),
        sign_method="SHA256",
        firmware_sign=DIGEST,
        **given,
    ).data.firmware_id
    made = fleet.task(firmware)
    jobs = tea("ListOTAJobByFirmware", firmware_id=firmware, current_page=1, page_size=10).data.simple_otajob_info
    assert [job.job_id for job in jobs] == [made.task_id]
    offer = fleet.devices[0].ok("GET", "/update")
    content = fleet.devices[0].session.get(offer["url"], timeout=HANG_SECONDS).content
    assert hashlib.sha256(content).hexdigest() == DIGEST
    assert fleet.devices[0].update() is None
    tea("CancelOTATaskByJob", job_id=made.task_id, cancel_queued_task=True)
    task, details = fleet.show(made.task_id)
    assert (task.status, details) == ("PartialSuccess", dict(zip(fleet.targets, ("Success", "Stopped"), strict=True)))


@schemes
def test_a_task_for_the_devices_of_a_file(gateway, scheme, tmp_path):
    from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
    from huaweicloudsdkcore.http.formdata import FormFile

    fleet = Fleet(gateway, scheme)
    v5, client, path = fleet.v5, fleet.client, tmp_path / f"{fleet.product}.xlsx"
    path.write_bytes(book(inline(["device_id"], *([target] for target in fleet.targets))))

    def upload():
        with path.open("rb") as file:
            body = v5.UploadBatchTaskFileRequestBody(file=FormFile(file))
            return client.upload_batch_task_file(v5.UploadBatchTaskFileRequest(body=body))

    made = upload()
    assert (made.status_code, made.file_name) == (201, path.name)
    with pytest.raises(ClientRequestException) as refused:
        upload()
    assert (refused.value.status_code, refused.value.error_code) == (400, "IOTDA.014602")

    def listed():
        files = client.list_batch_task_files(v5.ListBatchTaskFilesRequest()).files
        return [file.upload_time for file in files if (file.file_id, file.file_name) == (made.file_id, path.name)]

    assert listed() == [made.upload_time]
    package = create(client, "mapped", product_id=fleet.product)
    task = fleet.task(package.package_id, targets=None, document_source=made.file_id)
    assert task.targets == fleet.targets
    assert client.delete_batch_task_file(v5.DeleteBatchTaskFileRequest(file_id=made.file_id)).status_code == 204
    assert listed() == []
    assert set(fleet.show(task.task_id)[1]) == set(fleet.targets)
    fleet.close()
