"""What the tests of rollouts share: fleets, packages, jobs, and a look at the rows past the core."""

import json

from otagw.db import database
from otagw.ota import states
from otagw.ota.devices import devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import modules, products
from otagw.ota.rollouts import due_work, jobs, planning, selection
from otagw.ota.rollouts.planning import JobDraft

URL = "https://files.test/x.bin"
TABLES = (
    *(
        "device_event",
        "task",
        "job",
        "deleted_job",
        "device_group_member",
        "device_group",
        "device_version",
        "device",
        "package",
    ),
    *("module", "product", "counter", "answer"),
)


def clean():
    """Leave nothing but accounts."""
    with database.write():
        for table in TABLES:
            database.execute(f"DELETE FROM {table}")


def register(account, versions, product="p"):
    """Register devices; ``versions`` is by name what the modules of each run. Return their ids by name."""
    with database.write():
        products.require(account, product)
        devices.add(account, product, [DeviceDraft(name, versions=runs) for name, runs in versions.items()])
    return dict(database.execute("SELECT name, id FROM device WHERE product_key = ?", product).fetchall())


def package(account, name, version="2.0", module=modules.DEFAULT, verify=False, **more):
    """Make a package that can be rolled out; return its id as it is shown."""
    draft = PackageDraft(
        name=name, version=version, product_key="p", module=module, needs_verification=verify, url=URL, size=1, **more
    )
    return str(insertion.create(account, draft)[0])


def create(account, package_key, **more):
    """Make a job, and select its devices to the end."""
    job = planning.create(account, JobDraft(package=package_key, product_key="p", **more))
    while selection.step(job.id):
        pass
    return job.id


def rows(table):
    """Return the rows of a table by id, as mappings."""
    cursor = database.execute(f"SELECT * FROM {table} ORDER BY id")
    names = [column[0] for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["id"]: {**row, "rules": json.loads(row["rules"])} if "rules" in row else row for row in found}


def counted():
    """Return what the counters of tasks hold, without zeros, by job and state."""
    found = database.execute("SELECT scope, total FROM counter WHERE scope LIKE 'task/%' AND total <> 0").fetchall()
    return {tuple(part.split(":")[1] for part in name.split("/")[1:]): total for name, total in found}


def there():
    """Return how many tasks there are, by job and state."""
    found = database.execute("SELECT job_id, state, COUNT(*) FROM task GROUP BY job_id, state").fetchall()
    return {(str(job), state): count for job, state, count in found}


def state_of(job, counts):
    """Return the state of a job, from its row and how many of its tasks are in each state."""
    is_open = job["filling"] or job["cancel"] or job["bulk"] or any(counts.get(state) for state in states.OPEN)
    if job["started"] is None and is_open:
        return "planned"
    if job["selection"] == "dynamic":
        return "canceled" if job["stopped"] else "in_progress"
    if is_open:
        return "in_progress"
    return "canceled" if set(counts) == {"canceled"} else "completed"


def sweep_all(limit=400):
    """Sweep until nothing is due, which must come soon."""
    for _ in range(limit):
        if due_work.advance_jobs() + due_work.end_tasks() + jobs.delete_tasks() == 0:
            return
    raise AssertionError("the sweep finds no end")


def check():
    """Assert what holds whenever no write is under way: counters and states follow from the rows."""
    assert counted() == there()
    by_job = {}
    for (job_id, state), count in there().items():
        by_job.setdefault(int(job_id), {})[state] = count
    for job in rows("job").values():
        assert job["state"] == state_of(job, by_job.get(job["id"], {})), (job, by_job.get(job["id"]))
    open_ones = [(t["device_id"], t["module"]) for t in rows("task").values() if t["state"] in states.OPEN]
    assert len(open_ones) == len(set(open_ones))
