"""No operation of any front lets an account see, change or learn of another account's objects.

`world` makes both accounts, `kinds` says which object each parameter names, `isolation` asks and judges.
"""

import contextlib

import pytest

from tests.conftest import ENGINE
from tests.contract import device_fronts, inner_fronts, isolation, kinds, world
from tests.contract.isolation import OWN

FRONTS = (*isolation.FRONTS, *device_fronts.FRONTS, *inner_fronts.FRONTS)


def name_of(operation):
    return getattr(operation, "name", operation)


every_operation = pytest.mark.parametrize(
    ("front", "operation"),
    [
        pytest.param(front, operation, id=f"{front.__name__}-{name_of(operation)}")
        for front in FRONTS
        for operation in front.table
    ],
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from tests import engines

    with contextlib.ExitStack() as stack:
        url = stack.enter_context(engines.postgres()) if ENGINE == "postgresql" else ""
        yield isolation.Judge(stack.enter_context(world.open_worlds(tmp_path_factory.mktemp("worlds"), url)))


@pytest.fixture
def judge(built):
    built.worlds.attach()
    return built


@every_operation
def test_another_accounts_objects_are_as_if_they_were_not_there(judge, front, operation):
    asked = list(front(judge.worlds).questions(operation))
    own = {question.about: question for question in asked if question.whose == OWN}
    foreign = [question for question in asked if question.whose != OWN]
    assert bool(foreign) is (name_of(operation) not in kinds.ASKS_NOTHING)
    for question in foreign:
        assert not judge.proves_nothing(question, own.get(question.about, own["nothing"])), question
    for question in asked:
        assert not judge.problems(question), question


@pytest.mark.parametrize("keys", [["owner"], ["asker", "owner"], ["owner", "asker"]], ids=" ".join)
def test_tasks_of_another_account_are_not_confirmed_even_beside_ones_own(judge, keys):
    """All or none: a task of one's own that stands beside another account's waits on."""
    worlds = judge.enter()
    tasks = {f"TaskId.{number}": getattr(worlds, side).has["task"] for number, side in enumerate(keys, 1)}
    status, code, _ = worlds.asker.actions.refused("ConfirmOTATask", **tasks)
    assert (status, code) == (404, "iot.ota.TaskNotFound")
    assert _state(worlds.asker) == _state(worlds.owner) == "CONFIRM"
    worlds.asker.ok("ConfirmOTATask", **{"TaskId.1": worlds.asker.has["task"]})
    assert (_state(worlds.asker), _state(worlds.owner)) == ("QUEUED", "CONFIRM")


def _state(side):
    return side.ok("ListOTATaskByJob", JobId=side.has["job"])["SimpleOTATaskInfo"][0]["TaskStatus"]


def test_the_tables_speak_of_operations_that_are_there():
    names = {name_of(operation) for front in FRONTS for operation in front.table}
    tables = (kinds.OWN, kinds.PLAIN_OF, kinds.WITH, kinds.ACCEPTED, kinds.TOLD, kinds.FILTERS, kinds.ASKS_NOTHING)
    said = {name.partition(".")[0] for table in tables for name in table} | {name for name, _ in kinds.ASIDE}
    assert said <= names


def test_a_parameter_of_which_nobody_has_said_what_it_names_fails_the_contract(judge, monkeypatch):
    monkeypatch.delitem(kinds.NAMES, "firmware_id")
    front = isolation.Actions(judge.worlds)
    with pytest.raises(
        AssertionError, match=r"QueryOTAFirmware: say in kinds[.]py which kind of object firmware_id names"
    ):
        list(front.questions(front.table.find("QueryOTAFirmware")))
