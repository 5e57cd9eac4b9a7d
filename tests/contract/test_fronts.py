"""What holds for every operation of every front that has a table, the ones of tomorrow included."""

import dataclasses
import inspect
import re

import pytest

from otagw import errors
from otagw.dialects.iotda.route import CREATE_TOKEN
from tests.conftest import KEY, OTHER
from tests.contract.fronts import FRONTS, IotdaFront, pair
from tests.contract.pairs import ids, some
from tests.iotda import signer
from tests.iotda.conftest import Iotda


def operations(fronts=FRONTS):
    return [
        pytest.param(front, operation, id=operation.name)
        for front in fronts
        for operation in sorted(front.table, key=lambda operation: operation.name)
    ]


every_operation = pytest.mark.parametrize(("front", "operation"), operations())
every_front = pytest.mark.parametrize("front", FRONTS)


@every_operation
def test_a_missing_grant_is_refused_before_the_parameters_are_looked_at(app, front, operation):
    limited = ("limited", "limitedsecret")
    app.extensions["otagw"]["runtime"].keys.create(key_id=limited[0], secret=limited[1], grants=["ota:NothingOfThis"])
    path = dict.fromkeys(front.ids(operation), "1") if front is IotdaFront else {}
    response, code, _ = front(app).call(operation, {**front.ill, **path}, limited)
    assert (response.status_code, code) == front.no_grant


@every_operation
def test_a_disabled_key_is_refused_at_once(app, front, operation):
    app.extensions["otagw"]["runtime"].keys.enable(KEY[0], False)
    response, code, _ = front(app).call(operation, front.required(operation))
    assert (response.status_code, code) == front.disabled


def assert_named(there, operation, name, empty):
    response, code, text = there.call(operation, {**there.required(operation), name: empty})
    assert ((response.status_code, code), text) == there.says_missing(name)


@pytest.mark.parametrize(
    ("front", "operation"), [pair for pair in operations() if pair.values[0].mandatory(pair.values[1])]
)
def test_a_missing_parameter_is_named_as_on_the_wire(app, front, operation):
    for name in front.mandatory(operation):
        assert_named(front(app), operation, name, None)


@every_front
def test_an_empty_parameter_is_as_a_missing_one(app, front):
    for operation in sorted(front.table, key=lambda operation: operation.name):
        for name in front.mandatory(operation)[:1]:
            assert_named(front(app), operation, name, "")


WITH_IDS = [pair.values for pair in operations() if pair.values[0].ids(pair.values[1])]


@pytest.mark.parametrize(
    ("place", "bad"), some(WITH_IDS, ["\0", "1\0", "\u2028", "1" * 300]), ids=lambda v: ascii(v)[:40]
)
def test_an_id_that_no_database_can_keep_is_like_any_other_that_is_not_there(app, place, bad):
    front, operation = place
    there = front(app)
    for name in front.ids(operation):
        response, code, _ = there.call(operation, front.required(operation, **{name: bad}))
        unknown, same, _ = there.call(operation, front.required(operation, **{name: "1"}))
        assert (response.status_code, code) == (unknown.status_code, same)


@every_operation
def test_a_crash_shows_a_code_and_the_request_id_only(app, front, operation, monkeypatch, log_lines):
    def crash(*_, **__):
        raise RuntimeError("the inside of the gateway")

    monkeypatch.setitem(front.table._operations, operation.name, dataclasses.replace(operation, handle=crash))
    response, code, _ = front(app).call(operation, front.required(operation))
    assert (response.status_code, code) == front.crashed
    assert "inside" not in response.text
    assert "Traceback" not in response.text
    crashed = next(line for line in log_lines() if "traceback" in line)
    assert "the inside of the gateway" in crashed["traceback"]
    assert crashed["request_id"] == response.headers["X-Request-Id"]


@every_front
def test_the_handlers_take_what_their_schemas_have(front):
    for operation in front.table:
        first, *others = inspect.signature(operation.handle).parameters.values()
        assert first.name == "caller", operation
        named = {other.name for other in others if other.kind is not other.VAR_KEYWORD}
        wanted = set(operation.schema.fields)
        # A handler with keyword arguments of any name declares at least one by name.
        assert named < wanted if len(named) < len(others) else named == wanted, operation


@every_front
def test_every_operation_and_every_parameter_is_documented(front):
    for operation in front.table:
        section, names = front.section(operation)
        assert operation.doc in section, operation
        for name in names:
            assert f"`{name}" in section, (operation, name)


@every_front
def test_an_operation_needs_the_grant_of_its_own_name(front):
    needed = {operation.name: operation.needs for operation in front.table}
    assert needed == {name: f"ota:{name}" for name in needed}


@every_front
def test_the_refusals_of_an_operation_are_codes_of_its_own(front):
    known = {rule.code for rule in front.codes.values() if front.own(rule)}
    for operation in front.table:
        assert set(operation.codes) <= known, operation
        assert len(operation.codes) == len(set(operation.codes)), operation


@every_front
def test_every_code_of_its_own_is_some_operations(front):
    named = {code for operation in front.table for code in operation.codes}
    assert named == {rule.code for rule in front.codes.values() if front.own(rule)}


@every_front
def test_every_fault_has_a_code(front):
    for fault in errors.family():
        kinds = {kind for found, kind in front.codes if found is fault}
        assert kinds, fault
        has_kind = "kind" in {field.name for field in dataclasses.fields(fault)}
        assert ("" in kinds) is not has_kind, fault


@every_front
def test_codes_are_not_shared_by_what_a_client_must_tell_apart(front):
    found = [rule.code for rule in front.codes.values() if front.own(rule)]
    assert len(found) == len(set(found))


# Actions have their own places for credentials, and tests of these beside their table.
DEFECTS = ("nothing", "forged", "unknown key", "another's secret", "expired", "other scheme", "two schemes", "no date",
           "other host", "unsigned host")  # fmt: skip


ROUTES = [pair.values[1] for pair in operations((IotdaFront,))]


@pytest.mark.parametrize("scheme", [*signer.SCHEMES, "token"])
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_stranger_is_refused(app, scheme, defect):
    assert_refused(app, ROUTES[0], scheme, defect)


@pytest.mark.parametrize("operation", ROUTES[1:], ids=ids)
@pytest.mark.parametrize(("scheme", "defect"), [(signer.SCHEMES[0], "nothing"), (signer.SCHEMES[1], "forged")])
def test_a_stranger_is_refused_by_every_operation(app, operation, scheme, defect):
    assert_refused(app, operation, scheme, defect)


def assert_refused(app, operation, scheme, defect):
    """Send a request with one thing wrong; it is answered with a refusal of its credentials."""
    iotda = Iotda(app)
    key = {"unknown key": ("nobody", KEY[1]), "another's secret": (KEY[0], OTHER[1])}.get(defect, KEY)
    path, params, body = IotdaFront.address(operation, IotdaFront.required(operation))
    data, seconds = signer.dump(body), 1_600_000_000 if defect == "expired" else None
    signing = scheme if scheme != "token" else signer.SCHEMES[0]
    headers = signer.headers(key, operation.method, path, params, data, scheme=signing, seconds=seconds)
    if scheme == "token":
        token = iotda.send("POST", "/v3/auth/tokens", {"Content-Type": "application/json"}, body=pair(KEY))
        headers = {"Content-Type": "application/json", "X-Auth-Token": token.headers["X-Subject-Token"]}
        headers["X-Auth-Token"] = headers["X-Auth-Token"][:-4] + "0000"
    match defect:
        case "nothing":
            headers = {"Content-Type": "application/json"}
        case "forged" if scheme != "token":
            headers["Authorization"] = re.sub(r"Signature=.*", "Signature=" + "0" * 64, headers["Authorization"])
        case "other scheme":
            headers["Authorization"] = "Basic dGVzdGlkOnRlc3RzZWNyZXQ="
        case "two schemes":
            headers |= {"Authorization": headers.get("Authorization", "x"), "X-Auth-Token": "x"}
        case "no date":
            headers.pop("X-Sdk-Date", None)
        case "other host":
            headers["Host"] = "elsewhere.test"
        case "unsigned host" if scheme != "token":
            headers["Authorization"] = headers["Authorization"].replace("host;", "")
    if operation.name == CREATE_TOKEN and defect == "nothing":
        data = pair((KEY[0], "wrong"))
    response = iotda.send(operation.method, path, headers, params, data)
    assert response.status_code == 401
    assert response.json["error_code"] in ("APIGW.0301", "APIGW.0303")
