"""Projects, by which a path names an account: a question registers none, and a change that is well-formed does."""

import re
from pathlib import Path

import pytest

from otagw.dialects.iotda.route import routes
from otagw.ota import projects
from tests.conftest import KEY, OTHER, Client
from tests.contract.fronts import IotdaFront
from tests.iotda import signer
from tests.iotda.conftest import APPS, BASE, DEVICES, PACKAGES, Iotda

ASKED = {"params": {"package_type": "firmwarePackage"}}
DOCS = Path(__file__).parent.parent.parent / "docs"
# What shows the same below each project.
EVERYWHERE = ("ShowApplication", "ShowApplications")


def below(project, path):
    """Return a path of the front below another project."""
    return path.replace(BASE, f"/v5/iot/{project}")


def own(iotda):
    return [each["id"] for each in iotda.ok("GET", "/v3/projects", project=None)["projects"]]


def add(iotda, project=signer.PROJECT, name="space", **options):
    """Change something below a project."""
    return iotda("POST", below(project, APPS), {"app_name": name}, project=project, **options)


def trace(app):
    found = Client(app).ok("ListAuditEvents", PageSize=100)["Data"]["AuditEvent"]
    return [(each["Operation"], each["ObjectId"]) for each in found if each["ObjectKind"] == "project"]


QUESTIONS = [route for route in routes if "{project_id}" in route.path and not route.changes]


def test_an_account_has_a_project_from_its_beginning(app):
    (first,) = own(Iotda(app))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert [first] != own(Iotda(app, OTHER))
    token = Iotda(app).send("POST", "/v3/auth/tokens", {"Content-Type": "application/json"}, body=pair())
    assert token.json["token"]["project"] == {"id": first}
    assert trace(app) == []


def pair():
    access, secret = ({"key": half} for half in KEY)
    return signer.dump(
        {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": {"access": access, "secret": secret}}}}
    )


def test_projects_are_named_after_what_was_asked_for(iotda):
    (first,) = iotda.ok("GET", "/v3/projects", params={"name": "cn-north-4"}, project=None)["projects"]
    assert first["name"] == "cn-north-4"
    add(iotda)
    (again,) = iotda.ok("GET", "/v3/projects", params={"name": "other"}, project=None)["projects"]
    assert again["id"] == first["id"]
    assert own(iotda) == [first["id"], signer.PROJECT]


@pytest.mark.parametrize("route", QUESTIONS, ids=lambda route: route.name)
def test_a_project_that_nobody_has_is_empty_to_a_question(app, route):
    iotda = Iotda(app)
    Client(app).make("fw", "2.0", ProductKey="lock", NeedToVerify="false")
    Client(app).ok("RegisterDevice", ProductKey="lock", DeviceName="dev1")
    Client(app).ok("CreateOTAModule", ProductKey="lock", ModuleName="radio")
    (first,) = own(iotda)
    body, kind = signer.form({"file": "device_id\nlock_dev1\n"})
    iotda.ok("POST", f"/v5/iot/{first}/batchtask-files", body, status=201, project=first, Content_Type=kind)
    path, params, _ = IotdaFront.address(route, IotdaFront.required(route))
    if route.name == "ShowDevice":
        path = f"{DEVICES}/lock_dev1"
    response = iotda("GET", path, params=params)
    if route.name in EVERYWHERE:
        assert (response.status_code == 200) is (route.name == "ShowApplications")
    elif "page" in (response.json or {}):
        lists = [value for value in response.json.values() if isinstance(value, list)]
        assert (response.status_code, lists, response.json["page"]["count"]) == (200, [[]], 0)
    elif route.name == "ListBatchTaskFiles":
        assert (response.status_code, response.json) == (200, {"files": []})
    else:
        assert response.status_code == 404
    assert signer.PROJECT not in own(iotda)


def test_a_change_makes_a_project_the_accounts_and_leaves_its_row_of_the_audit(app):
    iotda, other = Iotda(app), Iotda(app, OTHER)
    Client(app).make("fw", "2.0", NeedToVerify="false")
    assert iotda.ok("GET", PACKAGES, **ASKED)["packages"] == []
    (default,) = iotda.ok("GET", APPS)["applications"]
    assert default["default_app"] is True
    assert add(iotda).status_code == 201
    assert trace(app) == [("AddApplication", signer.PROJECT)]
    assert len(iotda.ok("GET", PACKAGES, **ASKED)["packages"]) == 1
    assert iotda.ok("GET", APPS)["applications"][0] == default
    assert other.refused("GET", PACKAGES, **ASKED)[:2] == (403, "IOTDA.900403")
    assert other.refused("POST", APPS, {"app_name": "theirs"})[:2] == (403, "IOTDA.900403")
    assert len(own(other)) == 1


def test_what_two_accounts_only_read_is_neithers(app):
    own_, other = Iotda(app), Iotda(app, OTHER)
    for there in (own_, other, own_):
        assert there.ok("GET", PACKAGES, **ASKED)["packages"] == []
    assert add(other).status_code == 201
    assert own_.refused("GET", PACKAGES, **ASKED)[:2] == (403, "IOTDA.900403")


@pytest.mark.parametrize(
    ("body", "grants", "code"),
    [
        ({}, ["*"], "IOTDA.000006"),
        ({"app_name": ""}, ["*"], "IOTDA.000006"),
        (b'{"app_name": 1e999}', ["*"], "IOTDA.000008"),
        ({"app_name": "x"}, ["ota:List*", "ota:Show*"], "IOTDA.000021"),
    ],
)
def test_a_change_that_is_refused_before_it_begins_takes_no_project(app, body, grants, code):
    app.extensions["otagw"]["runtime"].keys.create(key_id="some", secret="somesecret", grants=grants)
    iotda = Iotda(app, ("some", "somesecret"))
    assert iotda.refused("POST", APPS, body)[1] == code
    assert own(Iotda(app)) == own(Iotda(app))[:1]


def test_projects_may_have_to_be_known(make_app):
    app = make_app(unknown_products="refuse")
    iotda = Iotda(app)
    assert iotda.refused("GET", PACKAGES, **ASKED)[:2] == (403, "IOTDA.900403")
    assert iotda.refused("POST", APPS, {"app_name": "x"})[:2] == (403, "IOTDA.900403")
    (found,) = own(iotda)
    iotda.ok("GET", below(found, PACKAGES), project=found, **ASKED)
    assert add(iotda, found).status_code == 201
    assert trace(app) == []


def test_an_account_has_no_more_projects_than_it_may(app):
    iotda = Iotda(app)
    for number in range(1, projects.LIMIT):
        assert add(iotda, f"p{number}", f"s{number}").status_code == 201
    response = add(iotda, "onemore", "onemore")
    assert (response.status_code, response.json["error_code"]) == (403, "IOTDA.900008")
    assert f"The account has {projects.LIMIT} projects" in response.json["error_msg"]
    assert len(own(iotda)) == projects.LIMIT
    assert "onemore" not in str(iotda.ok("GET", below("p1", APPS), project="p1"))
    assert iotda.ok("GET", below("onemore", PACKAGES), project="onemore", **ASKED)["packages"] == []
    assert add(Iotda(app, OTHER), "onemore").status_code == 201


def test_the_limit_is_documented():
    assert f"at most {projects.LIMIT} projects" in (DOCS / "iotda.md").read_text(encoding="utf-8")
