"""What changes something of an account's leaves a row of the audit, and what only asks changes nothing.

Each operation of Actions and IoTDA and each command is called in the world of `world`, by objects of its own account.
"""

import contextlib

import pytest

from otagw.operation import Operation
from tests.conftest import ENGINE
from tests.contract import fronts, inner_fronts, isolation, states, world
from tests.contract.isolation import OWN

FRONTS = (*isolation.FRONTS, inner_fronts.Commands)
AUDIT = "audit_event"
# What is refused here, and why.
REFUSED = {
    "devices force-cancel": "the device has no cancellation to answer: tests/ddi/test_cancel.py",
    "packages attach": "it takes the signature of a key that is kept elsewhere: tests/cli/test_packages.py",
    "webhooks test": "nobody listens at the URL of the webhook, and the ping is kept all the same",
}
# The last words of commands that only ask.
ASKS = ("audit", "deliveries", "list", "public", "secret", "show", "statement", "why")


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
def ask(built):
    """Ask each question about one's own; yield it with its answer, and with the tables that it has changed."""
    built.worlds.attach()

    def ask(front, operation):
        for question in front(built.worlds).questions(operation):
            if question.whose == OWN:
                built.enter()
                states.hurry()
                before = states.rows()
                answer = question.ask()
                after = states.rows()
                yield question, answer, {table for table, _ in (after - before) + (before - after)}

    return ask


@every_operation
def test_a_change_is_in_the_audit_and_a_question_changes_nothing(ask, front, operation):
    asked = list(ask(front, operation))
    done = [(question, tables) for question, answer, tables in asked if not answer.is_refusal]
    assert bool(done) is (name_of(operation) not in REFUSED), [answer for _, answer, _ in asked]
    for question, _, tables in asked:
        assert AUDIT in tables or not tables, (question, tables)
    if isinstance(operation, Operation):
        assert any(tables for _, tables in done) is operation.changes
    elif operation.split()[-1] in ASKS:
        assert not any(tables for _, _, tables in asked)


@pytest.mark.parametrize(
    ("front", "operation"),
    [
        pytest.param(front, operation, id=f"{front.__name__}-{operation.name}")
        for front in fronts.FRONTS
        for operation in front.table
        if not operation.changes
    ],
)
def test_a_question_by_an_account_that_has_nothing_yet_changes_nothing(app, front, operation):
    """The gateway registers unknown products and projects, which is for what changes something."""
    before = states.rows()
    front(app).call(operation, front.required(operation))
    assert states.rows() == before
