"""Lists of IoTDA by marker: every list, far beyond an offset of 500, while rows come and go."""

import json

import pytest

from otagw.db import database
from otagw.dialects.iotda import fields
from otagw.dialects.iotda.route import routes
from tests.conftest import Client
from tests.iotda.conftest import DEVICES, PACKAGES, TASKS, package
from tests.iotda.signer import PROJECT

PAGED = [route for route in routes if isinstance(route.schema, fields.Paged)]
listings = pytest.mark.parametrize("route", PAGED, ids=[route.name for route in PAGED])
MANY = 1300


@pytest.fixture
def app(make_app, bucket):
    return make_app(obs_buckets=json.dumps({"firmware": str(bucket)}))


@pytest.fixture
def ask(iotda):
    """Ask a listing of a task with one device, with its required parameters."""
    target = iotda.ok("POST", DEVICES, {"node_id": "d", "product_id": "lock"}, status=201)["device_id"]
    task = started(iotda, [target])
    given = {"package_type": "firmwarePackage", "task_type": "firmwareUpgrade", "app_id": "app1"}

    def path_of(route):
        return route.path.format(project_id=PROJECT, task_id=task)

    def asked(route, refused=False, **params):
        known = {name: value for name, value in given.items() if route.schema.fields.get(name)}
        params = {**known, **params}
        return (iotda.refused if refused else iotda.ok)("GET", path_of(route), params=params)

    return asked


def started(iotda, targets):
    made = iotda.ok("POST", PACKAGES, package(version="2.0"), status=201)
    body = {
        "task_name": "night",
        "task_type": "firmwareUpgrade",
        "document": {"package_ids": [made["package_id"]]},
        "targets": targets,
    }
    return iotda.ok("POST", TASKS, body, status=201)["task_id"]


def walk(iotda, path, key, name, change=lambda page: None, **params):
    """Return what each page of a list shows by marker, the same number a page."""
    seen, marker = [], {}
    while True:
        page = iotda.ok("GET", path, params={**params, "limit": 50, **marker})
        if not page[key]:
            return seen
        seen += [each[name] for each in page[key]]
        change(len(seen))
        marker = {"marker": page["page"]["marker"]}


def test_every_list_that_has_pages_has_a_marker():
    assert len(PAGED) == 6
    for route in routes:
        assert ("offset" in route.schema.fields) == ("marker" in route.schema.fields) == (route in PAGED)


@listings
def test_an_offset_beyond_500_is_refused_and_names_the_marker(ask, route):
    for offset in ("501", "99999999999999999999", "-1", "1e2", "x"):
        status, code, text = ask(route, refused=True, offset=offset)
        assert (status, code) == (400, "IOTDA.000018")
        assert "an integer from 0 to 500; for more, pass the page.marker of the last page as marker" in text
    assert ask(route, offset="500")["page"]["marker"] == "f" * 24


@listings
@pytest.mark.parametrize(
    "marker", ["f" * 23, "f" * 25, "F" * 24, "g" * 24, "-" + "f" * 23, "\uff11" * 24, "0x" + "1" * 22]
)
def test_a_marker_that_is_none_is_refused(ask, route, marker):
    status, code, text = ask(route, refused=True, marker=marker)
    assert (status, code) == (400, "IOTDA.000006")
    assert text.startswith("Invalid input data. marker is not valid: expected 24 lower-case hex digits")


@listings
def test_the_least_marker_is_behind_all(ask, route):
    page = ask(route, marker="0" * 24)
    assert page["page"]["marker"] == "0" * 24
    assert [] in page.values()


def test_a_walk_by_marker_shows_each_device_once_while_devices_come_and_go(iotda, app):
    client = Client(app)
    made = [
        iotda.ok("POST", DEVICES, {"node_id": f"d{number}", "product_id": "lock"}, status=201)["device_id"]
        for number in range(MANY)
    ]
    gone, late = [], []

    def change(seen):
        if seen % 100 == 50 and seen < 1200:
            late.append(iotda.ok("POST", DEVICES, {"node_id": f"late{seen}", "product_id": "lock"}, status=201))
            ahead, behind = made[-seen - 60], made[-seen + 10]
            for device in (ahead, behind):
                iotda.ok("DELETE", f"{DEVICES}/{device}", status=204)
            gone.append(ahead)

    seen = walk(iotda, DEVICES, "devices", "device_id", change, product_id="lock")
    assert len(late) == len(gone) == 12
    assert seen == [device for device in reversed(made) if device not in gone]
    assert len(walk(iotda, DEVICES, "devices", "device_id")) == MANY - 12  # 24 are gone, and 12 have come
    assert client.ok("QueryDevice", ProductKey="lock")["Total"] == MANY - 12


def test_a_walk_by_marker_shows_each_subtask_once(iotda):
    made = [
        iotda.ok("POST", DEVICES, {"node_id": f"d{number}", "product_id": "lock"}, status=201)["device_id"]
        for number in range(MANY)
    ]
    path = f"{TASKS}/{started(iotda, made)}"
    assert sorted(walk(iotda, path, "task_details", "target")) == sorted(made)
    assert sorted(walk(iotda, path, "task_details", "target", task_detail_status="Waitting")) == sorted(made)


@listings
def test_a_page_by_marker_begins_at_the_marker_in_an_index(ask, route):
    if not database.is_sqlite():
        return  # the plan of the other engine depends on its statistics
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        engine = database.db.obj
        raw = engine.execute_sql
        patch.setattr(engine, "execute_sql", lambda *values, **more: asked.append(values) or raw(*values, **more))
        ask(route, marker=f"{(1 << 62) - 1:024x}")
    pages = [values for values in asked if "LIMIT" in values[0] and (1 << 62) - 1 in values[1]]
    assert len(pages) == 1, asked
    plan = [row[3] for row in database.db.execute_sql(f"EXPLAIN QUERY PLAN {pages[0][0]}", pages[0][1]).fetchall()]
    assert route.name == "ListOtaModules" or any("INDEX" in step and "<?" in step for step in plan), plan
    # Modules have no account of their own: those of its products, ten each at most, are sorted.
    assert any("TEMP B-TREE" in step for step in plan) == (route.name == "ListOtaModules"), plan
