"""Webhooks: who is told of which events, when the change they tell of is there, and never otherwise."""

import json
import threading
from contextvars import copy_context

import pytest

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts
from otagw.ota.webhooks import webhooks
from tests import door
from tests.conftest import NOW

URL = "https://ci.example.com/hook?token=hidden"


@pytest.fixture
def account(account, store):
    return account


@pytest.fixture
def hook(account):
    return webhooks.create(account, URL)[0]


def told(account, webhook):
    """Return the events of a webhook's deliveries, oldest first, with their data."""
    page = webhooks.deliveries(account, str(webhook.id), 1, 10_000)
    assert page.total == len(page.items)
    return [(delivery.event, json.loads(delivery.body)["data"]) for delivery in reversed(page.items)]


def test_an_event_is_there_if_its_change_is(account, hook):
    with database.write():
        accounts.ensure("changed")
        webhooks.emit(account.id, "job.created", {"job": "1"})

    def change_and_fail():
        with database.write():
            accounts.ensure("not changed")
            webhooks.emit(account.id, "job.created", {"job": "2"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    assert told(account, hook) == [("job.created", {"job": "1"})]
    assert accounts.get("changed")
    with pytest.raises(errors.NotFound):
        accounts.get("not changed")


def test_a_body_is_written_once_and_says_what_when_and_which(account, hook):
    webhooks.emit(account.id, "task.succeeded", {"device": "门\0", "b": 1, "a": None})
    (delivery,) = webhooks.deliveries(account, str(hook.id), 1, 10).items
    assert delivery.body == (
        f'{{"id":"{delivery.id}","event":"task.succeeded","created":"2026-11-18T11:06:40.000Z",'
        '"data":{"device":"门\\u0000","b":1,"a":null}}'
    )
    assert (delivery.state, delivery.attempts, delivery.next_at) == (webhooks.PENDING, 0, NOW * 1000)


def test_a_text_that_is_no_unicode_does_not_stop_a_change(account, hook):
    webhooks.emit(account.id, "task.failed", {"why": "a\ud800b"})
    assert told(account, hook) == [("task.failed", {"why": "a?b"})]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*"], ["job.created", "job.completed", "task.succeeded", "jobs.created"]),
        (["job.*"], ["job.created", "job.completed"]),
        (["task.succeeded"], ["task.succeeded"]),
        (["task.*", "job.created", "job.*"], ["job.created", "job.completed", "task.succeeded"]),
        (["ping"], []),
    ],
)
def test_patterns_choose_events(account, patterns, expected):
    webhook, _ = webhooks.create(account, URL, patterns)
    for event in ("job.created", "job.completed", "task.succeeded", "jobs.created"):
        webhooks.emit(account.id, event, {})
    assert [event for event, _ in told(account, webhook)] == expected


@pytest.mark.parametrize("pattern", ["", "job*", "*.created", "Job.*", "job.", ".*", "a b", "job.*.x", "**", "x" * 33])
def test_what_is_no_pattern_is_refused(account, pattern):
    with pytest.raises(errors.InvalidParameter) as caught:
        webhooks.create(account, URL, ["*", pattern])
    assert caught.value.name == "event"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ci.example.com/hook",
        "/hook",
        "ftp://ci.example.com/",
        "http:///hook",
        "http://",
        "https://user@ci.example.com/",
        "https://user:password@ci.example.com/",
        "http://ci.example.com:99999/",
        "http://ci.example.com/a b",
        "http://ci.example.com/\n",
        "http://ci.example.com\\@other.example/",
        "http://*.example.com/",
        "http://门.example/",
        "http://[::1/",
        f"http://ci.example.com/{'x' * 2027}",
    ],
)
def test_what_is_no_url_is_refused(account, url):
    with pytest.raises(errors.InvalidParameter) as caught:
        webhooks.create(account, url)
    assert caught.value.name == "url"
    assert webhooks.every(account) == []


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:8080", "HTTPS://[::1]/x?y=@", "http://localhost/", f"http://ci.example.com/{'x' * 2026}"]
)
def test_receivers_may_be_inside(account, url):
    assert webhooks.create(account, url)[0].url == url


@pytest.mark.parametrize("secret", ["", "short", "x" * 15, "x" * 129, "with a space in it", "门" * 20, "line\n" * 5])
def test_what_is_no_secret_is_refused(account, secret):
    with pytest.raises(errors.InvalidParameter) as caught:
        webhooks.create(account, URL, secret=secret)
    assert caught.value.name == "secret"


def test_secrets_are_sealed_and_each_has_its_own(account):
    made = [webhooks.create(account, URL)[1] for _ in range(2)]
    given = "0123456789abcdef"
    webhook, shown = webhooks.create(account, URL, secret=given)
    assert shown == given
    assert len({*made, given}) == 3
    kept = str(database.execute("SELECT * FROM webhook").fetchall())
    assert not [secret for secret in (*made, given) if secret in kept + repr(webhook)]


def test_a_disabled_webhook_is_told_nothing(account, hook):
    webhooks.enable(account, str(hook.id), False)
    webhooks.emit(account.id, "job.created", {"job": "1"})
    webhooks.enable(account, str(hook.id), True)
    webhooks.emit(account.id, "job.created", {"job": "2"})
    assert told(account, hook) == [("job.created", {"job": "2"})]


def test_an_account_sees_its_own_webhooks_and_is_told_its_own_events(account, hook):
    other = accounts.ensure("other")
    webhooks.emit(other.id, "job.created", {})
    webhooks.emit(account.id, "job.created", {})
    assert len(told(account, hook)) == 1
    (delivery,) = webhooks.deliveries(account, str(hook.id), 1, 1).items
    assert webhooks.every(other) == []
    key = str(hook.id)
    for work in (
        lambda: webhooks.get(other, key),
        lambda: webhooks.enable(other, key, False),
        lambda: webhooks.delete(other, key),
        lambda: webhooks.deliveries(other, key, 1, 1),
        lambda: webhooks.delivery(other, str(delivery.id)),
        lambda: webhooks.redeliver(other, str(delivery.id)),
        lambda: webhooks.get(account, "1"),
        lambda: webhooks.get(account, "x"),
    ):
        with pytest.raises(errors.NotFound):
            work()
    assert webhooks.every(account) == [hook]


def test_where_nobody_listens_it_costs_one_query(account, monkeypatch):
    webhooks.create(account, URL, ["job.*"])
    asked, execute = [], database.execute
    monkeypatch.setattr(database, "execute", lambda *values: asked.append(values[0]) or execute(*values))
    webhooks.emit_many(account.id, "task.succeeded", (pytest.fail("a row was looked at") for _ in "x"))
    assert len(asked) == 1


def test_many_events_keep_their_order_and_have_ids_of_their_own(account, hook, monkeypatch):
    other, _ = webhooks.create(account, URL)
    drawn = clock.new_id()
    monkeypatch.setattr(clock, "new_id", lambda at=None: drawn)
    for start in (0, 1250):
        door.replace(clock=clock.Clock())  # as in another process, which draws the same
        webhooks.emit_many(account.id, "task.queued", ({"n": n} for n in range(start, start + 1250)))
    for webhook in (hook, other):
        assert [data["n"] for _, data in told(account, webhook)] == list(range(2500))
    bodies = database.execute("SELECT id, body FROM webhook_delivery").fetchall()
    assert all(json.loads(body)["id"] == str(number) for number, body in bodies)


def test_a_webhook_goes_with_its_deliveries(account, hook):
    webhooks.emit(account.id, "job.created", {})
    webhooks.delete(account, str(hook.id))
    assert database.execute("SELECT COUNT(*) FROM webhook_delivery").fetchone() == (0,)
    webhooks.emit(account.id, "job.created", {})


def test_a_webhook_that_is_deleted_meanwhile_does_not_stop_a_change(account):
    def delete(webhook):
        try:
            webhooks.delete(account, str(webhook.id))
        finally:
            database.disconnect()

    for _ in range(10):
        webhook, _ = webhooks.create(account, URL)
        thread = threading.Thread(target=copy_context().run, args=(delete, webhook))
        with database.write():
            webhooks.emit(account.id, "job.created", {})
            thread.start()
            webhooks.emit(account.id, "job.completed", {})
        thread.join()
    assert webhooks.every(account) == []


def test_the_log_is_read_page_by_page(account, hook):
    webhooks.emit_many(account.id, "task.queued", ({"n": n} for n in range(7)))
    database.execute(
        "UPDATE webhook_delivery SET state = 'failed' WHERE body LIKE ? OR body LIKE ?", '%{"n":2}%', '%{"n":5}%'
    )

    def page(number, **options):
        found = webhooks.deliveries(account, str(hook.id), number, 3, **options)
        return [json.loads(delivery.body)["data"]["n"] for delivery in found.items], found.total

    assert [page(number) for number in (1, 2, 3, 4)] == [([6, 5, 4], 7), ([3, 2, 1], 7), ([0], 7), ([], 7)]
    assert page(1, state=webhooks.FAILED) == ([5, 2], 2)
