"""Two vendors' SDKs and one device: whoever made a package and whoever rolls it out, SWUpdate takes it."""

import contextlib
import random

import pytest

from tests.conftest import Live
from tests.iotda.test_sdk import connect, create
from tests.iotda.test_sdk import pytestmark as quiet
from tests.patience import eventually
from tests.swupdate.test_swupdate import SIZE, Lab, installs

pytestmark = [*quiet, pytest.mark.xdist_group("swupdate")]
OBJECT = "upgrade.bin"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway with one mapped bucket."""
    folder = tmp_path_factory.mktemp("vendors")
    (folder / "bucket").mkdir()
    gateway = Live(folder, obs_buckets=f'{{"mapped": "{folder}/bucket"}}').prepare().start()
    yield gateway
    gateway.stop()


@pytest.fixture
def lab(gateway, tmp_path):
    with contextlib.ExitStack() as stack:
        found = Lab(gateway, tmp_path, stack)
        found.huawei = connect(gateway)
        yield found


def from_bucket(lab, client):
    """Make a package of an image in a bucket by Huawei's SDK; return its id and the payload."""
    payload = random.Random(lab.product).randbytes(SIZE)
    (lab.live.folder / "bucket" / OBJECT).write_bytes(lab.signer.image("2.0", payload, client.target))
    made = create(lab.huawei, "mapped", object_key=OBJECT, product_id=lab.product, version="2.0")
    return made.package_id, payload


def batch_task(lab, package, device="dev-0"):
    from huaweicloudsdkiotda import v5

    body = v5.CreateBatchTask(
        task_name="night",
        task_type="firmwareUpgrade",
        targets=[f"{lab.product}_{device}"],
        document={"package_ids": [package]},
    )
    return lab.huawei.create_batch_task(v5.CreateBatchTaskRequest(body=body)).task_id


def shown(lab, task):
    from huaweicloudsdkiotda import v5

    found = lab.huawei.show_batch_task(v5.ShowBatchTaskRequest(task_id=task))
    return found.batchtask.status, [each.status for each in found.task_details]


def test_a_batch_task_of_a_package_in_a_bucket_arrives(lab):
    client = lab.device()
    package, payload = from_bucket(lab, client)
    task = batch_task(lab, package)
    client.start()
    installs(client, payload)
    client.restart()
    eventually(lambda: shown(lab, task) == ("Success", ["Success"]))


def test_a_package_of_one_vendor_arrives_by_a_job_of_the_other(lab):
    client = lab.device()
    package, payload = from_bucket(lab, client)
    job = lab.roll_out(package)
    client.start()
    installs(client, payload)
    client.restart()
    lab.becomes(job, "SUCCEEDED")
    assert shown(lab, job) == ("Success", ["Success"])


def test_an_uploaded_firmware_arrives_by_a_batch_task(lab):
    client = lab.device()
    firmware, payload = lab.release(client)
    task = batch_task(lab, firmware)
    client.start()
    installs(client, payload)
    client.restart()
    eventually(lambda: shown(lab, task) == ("Success", ["Success"]))
    assert lab.status(task) == "COMPLETED"
