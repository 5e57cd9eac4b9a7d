"""Two gateways on one PostgreSQL and one object store, behind one nginx: together they are one gateway."""

import base64
import collections
import concurrent.futures
import contextlib
import itertools
import os
import threading

import pytest
import requests

from tests import ownership, signer
from tests.conftest import KEY, Live
from tests.deploy import servers
from tests.device import signer as device_signer
from tests.engines import postgres, redis
from tests.oss.conftest import fields_of
from tests.patience import HANG_SECONDS, eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("nodes")]
CONTENT = os.urandom(300_000)
fresh = itertools.count()


class Site:
    """The nodes, and nginx in front of them."""

    def __init__(self, folder, **changes):
        os.environ["OTAGW_MASTER_KEY"] = base64.urlsafe_b64encode(os.urandom(32)).decode()
        self.nodes = []
        for name in ("one", "two"):
            (folder / name).mkdir()
            self.nodes.append(Live(folder / name, trusted_proxies=1, workers=1, **changes))
        del os.environ["OTAGW_MASTER_KEY"]
        # All clients of these tests have one address, and some ask as fast as they can.
        unlimited = [("rate=200r/s;", "rate=100000r/s;")]
        front = servers.Site(folder, [node.port for node in self.nodes], changes=unlimited)
        self.nginx, self.url, self.ca = front.nginx, front.url, front.ca
        for node in self.nodes:
            node.environ["OTAGW_PUBLIC_URL"] = self.url
        self.nodes[0].prepare()

    def start(self):
        for node in self.nodes:
            node.start()
        self.nginx.start()

    def stop(self):
        self.nginx.stop()
        for node in self.nodes:
            node.stop()

    def call(self, action, node=None, **params):
        """Call an Action through nginx, or at one node."""
        url = node.url if node else self.url
        query = signer.query(signer.v1(KEY, action, **params))
        return requests.get(f"{url}/?{query}", verify=self.ca, timeout=HANG_SECONDS).json()

    def ok(self, action, node=None, **params):
        answer = self.call(action, node, **params)
        assert answer["Success"] is True, answer
        return answer

    def device(self, name, secret, method, path, data=None, node=None):
        """Send a device's own request."""
        path = f"/device/v1/p/{name}{path}"
        headers, body = device_signer.request(secret, method, path, data)
        url = (node.url if node else self.url) + path
        return requests.request(method, url, data=body, headers=headers, verify=self.ca, timeout=HANG_SECONDS)


@pytest.fixture(scope="module", params=["postgresql", "redis"])
def site(request, object_store, tmp_path_factory):
    """Nonces are in PostgreSQL, or in Redis."""
    folder = tmp_path_factory.mktemp("site")
    changes = {"redis_url": redis()} if request.param == "redis" else {}
    with postgres() as url:
        made = Site(folder, database_url=url, storage_url=f"s3://ota/{folder.name}", **changes)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def test_a_request_replayed_at_every_node_has_one_success(site):
    queries = [
        signer.query(signer.v1(KEY, "CreateOTAFirmware", FirmwareName=f"storm-{next(fresh)}", DestVersion="1"))
        for _ in range(8)
    ]
    targets = [(query, node.url) for query in queries for node in site.nodes for _ in range(8)]

    def send(target):
        query, url = target
        return query, requests.get(f"{url}/?{query}", timeout=HANG_SECONDS).json()["Code"]

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = collections.Counter(pool.map(send, targets))
    for query in queries:
        assert outcomes[query, ""] == 1
        assert outcomes[query, "SignatureNonceUsed"] == 15


def test_what_is_uploaded_at_one_node_is_downloaded_from_the_other(site):
    one, two = site.nodes
    data = site.ok("GenerateOTAUploadURL", one)["Data"]
    posted = requests.post(f"{one.url}/oss", data=fields_of(data), files={"file": ("x", CONTENT)}, timeout=HANG_SECONDS)
    assert posted.status_code == 204
    name = f"file-{next(fresh)}"
    made = site.ok("CreateOTAFirmware", two, FirmwareName=name, DestVersion="1", FirmwareUrl=data["FirmwareUrl"])
    found = site.ok("QueryOTAFirmware", one, FirmwareId=made["Data"]["FirmwareID"])["FirmwareInfo"]
    assert found["FirmwareSize"] == len(CONTENT)
    for link in (found["FirmwareUrl"], found["FirmwareUrl"].replace(site.url, two.url)):
        assert (
            requests.get(link, verify=None if link.startswith("http:") else site.ca, timeout=HANG_SECONDS).content
            == CONTENT
        )


def test_a_key_disabled_at_one_node_is_refused_by_the_other_at_once(site):
    one, two = site.nodes
    key = (f"short{next(fresh)}", "secret")
    one.cli("keys", "create", "--id", key[0], "--secret", key[1])
    listing = {"CurrentPage": "1", "PageSize": "1"}
    assert two.get("ListOTAFirmware", key=key, **listing).json()["Success"]
    one.cli("keys", "disable", key[0])
    assert two.get("ListOTAFirmware", key=key, **listing).json()["Code"] == "InvalidAccessKeyId.Inactive"


def test_a_node_with_another_master_key_does_not_start(site, tmp_path):
    node = Live(tmp_path, database_url=site.nodes[0].environ["OTAGW_DATABASE_URL"])
    done = node.cli("serve", check=False)
    assert done.returncode == 1
    assert "master key" in done.stderr
    assert "Traceback" not in done.stderr


def rollout(site, devices, **rules):
    """Make a package and a job of it for devices; return the job's id."""
    params = {"FirmwareName": f"roll-{next(fresh)}", "DestVersion": "2.0", "ProductKey": "p", "NeedToVerify": "false"}
    made = site.ok("CreateOTAFirmware", site.nodes[0], FirmwareUrl="https://files.test/x.bin", **params)
    chosen = {f"TargetDeviceName.{number}": name for number, name in enumerate(devices, 1)}
    job = {"FirmwareId": made["Data"]["FirmwareID"], "ProductKey": "p", "TargetSelection": "SPECIFIC", **chosen}
    return site.ok("CreateOTAStaticUpgradeJob", site.nodes[1], **job, **rules)["Data"]["JobID"]


def register(site, count):
    """Register devices at either node in turn; return their secrets by name."""
    made = {}
    for node in itertools.islice(itertools.cycle(site.nodes), count):
        name = f"dev-{next(fresh):04}"
        made[name] = site.ok("RegisterDevice", node, ProductKey="p", DeviceName=name)["Data"]["DeviceSecret"]
        assert site.device(name, made[name], "PUT", "/versions/default", {"version": "1.0"}, node).status_code == 200
    return made


def tasks(site, job):
    found = site.ok("ListOTATaskByJob", JobId=job, PageSize="100")["Data"]["SimpleOTATaskInfo"]
    return {task["DeviceName"]: task["TaskStatus"] for task in found}


def test_a_device_may_change_the_node_at_every_step_of_its_update(site):
    devices = register(site, 10)
    job = rollout(site, devices)
    turns = itertools.cycle(site.nodes)
    eventually(lambda: len(tasks(site, job)) == 10)
    for name, secret in devices.items():
        offer = site.device(name, secret, "GET", "/update", node=next(turns)).json()
        assert offer["version"] == "2.0"
        for percent in (10, 60):
            step = site.device(name, secret, "POST", "/update/progress", {"percent": percent}, next(turns))
            assert step.status_code == 200, step.text
        done = site.device(name, secret, "PUT", "/versions/default", {"version": "2.0"}, next(turns))
        assert done.status_code == 200
        next(turns)
    assert set(tasks(site, job).values()) == {"SUCCEEDED"}
    assert site.ok("QueryOTAJob", JobId=job)["Data"]["JobStatus"] == "COMPLETED"


def test_a_node_that_is_killed_under_load_costs_nobody_more_than_one_retry(site):
    devices = register(site, 8)
    job = rollout(site, devices)
    eventually(lambda: len(tasks(site, job)) == 8)
    made, problems, stop = {}, [], threading.Event()

    def twice(attempt):
        """Ask, and once more if that did not do; a client signs each attempt anew."""
        for last in (False, True):
            try:
                answer = attempt()
                if answer.status_code < 500 and "SignatureNonceUsed" not in answer.text:
                    return answer
                problem = answer.text
            except requests.RequestException as error:
                problem = repr(error)
            if last:
                problems.append(problem)
        return None

    def create(number):
        for count in itertools.count():
            if stop.is_set():
                return
            name = f"load-{job}-{number}-{count}"
            wanted = {"FirmwareName": name, "DestVersion": "1", "ProductKey": "p", "ClientToken": name}

            def ask(wanted=wanted):
                query = signer.query(signer.v1(KEY, "CreateOTAFirmware", **wanted))
                return requests.get(f"{site.url}/?{query}", verify=site.ca, timeout=HANG_SECONDS)

            answer = twice(ask)
            if answer is not None:
                assert answer.json()["Success"], answer.text
                made[name] = answer.json()["Data"]["FirmwareID"]

    def update(name, secret):
        for percent in itertools.cycle(range(1, 100)):
            twice(lambda: site.device(name, secret, "GET", "/update"))
            twice(lambda: site.device(name, secret, "POST", "/update/progress", {"percent": percent}))  # noqa: B023 - called at once
            if stop.is_set():
                answer = twice(lambda: site.device(name, secret, "PUT", "/versions/default", {"version": "2.0"}))
                assert answer is not None
                return

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        work = [pool.submit(create, number) for number in range(4)]
        work += [pool.submit(update, name, secret) for name, secret in devices.items()]
        try:
            for node in (site.nodes[1], site.nodes[0]):
                before = len(made)
                eventually(lambda before=before: len(made) > before + 20)
                node.kill()
                eventually(lambda before=before: len(made) > before + 40)
                asked = node.log().count('"message": "request"')
                node.start()
                ownership.keep(node.process)
                eventually(lambda node=node, asked=asked: node.log().count('"message": "request"') > asked + 40)
        finally:
            stop.set()
        for one in work:
            one.result(HANG_SECONDS)
    assert problems == []
    for name, identity in made.items():  # nothing lost, and made once: the name is the package's own
        assert site.ok("QueryOTAFirmware", FirmwareId=identity)["FirmwareInfo"]["FirmwareName"] == name
    assert set(tasks(site, job).values()) == {"SUCCEEDED"}
    assert total(site) == len(listed(site))


def total(site):
    return site.ok("ListOTAFirmware", CurrentPage="1", PageSize="1")["Total"]


def listed(site):
    found = []
    for page in itertools.count(1):
        items = site.ok("ListOTAFirmware", CurrentPage=str(page), PageSize="100")["FirmwareInfo"]["SimpleFirmwareInfo"]
        found += [item["FirmwareName"] for item in items]
        if not items:
            assert len(found) == len(set(found))
            return found
    return None


def test_nodes_that_migrate_at_once_do_it_once(object_store, tmp_path):
    with postgres() as url, contextlib.ExitStack() as stack:
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(3))
        nodes = []
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
            nodes.append(Live(tmp_path / name, database_url=url))
        done = list(pool.map(lambda node: node.cli("migrate").stderr, nodes))
        assert sorted("Applied" in said for said in done) == [False, False, True]
