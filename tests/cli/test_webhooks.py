"""`otagw webhooks`: made, tested and looked into from a shell; errors are one line."""

import re
from functools import partial

import pytest

from otagw.db import database
from otagw.ota import accounts
from otagw.ota.webhooks import outbox, webhooks
from tests.web import answer

OK = answer(status="204 No Content")


@pytest.fixture
def otagw(otagw):
    """Run a subcommand of `otagw webhooks` on the data of a prepared gateway."""
    return partial(otagw, "webhooks")


@pytest.fixture
def hook(otagw, web, monkeypatch):
    """The id of a webhook whose receiver answers, and is waited for on a busy machine too."""
    monkeypatch.setattr(outbox, "STEP_SECONDS", 60)
    web.pages["/hook"] = OK
    return re.search(r"WebhookId  (\d+)", otagw("create", web.url("/hook?token=hidden")))[1]


def emit(event="job.created", account="main"):
    webhooks.emit(accounts.get(account).id, event, {})


def test_a_secret_is_made_and_shown_once(otagw, hook):
    said = otagw("create", "https://ci.example.com/", "--event", "job.*", "--event", "task.failed")
    assert "Events     job.* task.failed\n" in said
    assert "The secret is shown this once." in said
    (secret,) = re.findall(r"Secret     (\w{40})\n", said)
    assert secret not in otagw("list")


def test_a_secret_is_brought_along(otagw):
    given = "0123456789abcdef"
    for said in (
        otagw("create", "https://ci.example.com/", "--secret", given),
        otagw("create", "https://ci.example.com/", "--secret", "-", input=f"{given}\n"),
    ):
        assert "Secret     (as given)" in said
        assert given not in said


def test_webhooks_are_listed_without_what_may_be_secret(otagw, hook, web):
    otagw("disable", hook)
    otagw("create", "https://ci.example.com/", "--event", "job.*")
    first, second = otagw("list").splitlines()
    assert re.fullmatch(
        rf"{hook} *  disabled  \d{{4}}-\d\d-\d\d \d\d:\d\d  http://127.0.0.1:{web.port}/hook  \*", first
    )
    assert "enabled" in second
    assert second.endswith("https://ci.example.com/  job.*")


def test_none_is_listed_as_none(otagw):
    assert "There is no webhook: otagw webhooks create URL" in otagw("list")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("ci.example.com",), "Error: URL: expected an absolute http or https URL"),
        (("https://user@ci.example.com",), "Error: URL: expected an absolute http or https URL"),
        (("https://ci.example.com", "--event", "job"), None),
        (("https://ci.example.com", "--event", "job*"), "Error: --event: expected patterns such as"),
        (("https://ci.example.com", "--secret", "short"), "Error: --secret: expected 16 to 128"),
        (("https://ci.example.com", "--account", "nobody"), "Error: there is no account nobody"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_line(otagw, words, problem):
    said = otagw("create", *words, status=1 if problem else 0)
    if problem:
        assert said.startswith(problem)
        assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["enable", "disable", "delete", "test", "deliveries"])
def test_a_webhook_that_is_not_there_or_not_ours_is_said(otagw, hook, command):
    assert otagw(command, "17", status=1) == "Error: there is no webhook 17\n"
    assert otagw(command, hook, "--account", "other", status=1) == f"Error: there is no webhook {hook}\n"


def test_a_ping_says_what_is_answered(otagw, hook, web):
    assert re.fullmatch(r"The ping \d+ is delivered, status 204\.\n", otagw("test", hook))
    web.pages["/hook"] = answer(status="401 Who?")
    said = otagw("test", hook, status=1)
    assert re.fullmatch(r"Error: the ping \d+ is not delivered: it answers with status 401\n", said)
    assert [headers["X-Otagw-Event"] for _, headers, _ in web.posted] == ["ping", "ping"]


def test_deliveries_are_listed_and_sent_again(otagw, hook, web):
    web.pages["/hook"] = answer(status="410 Gone")
    emit()
    outbox.deliver_due()
    web.pages["/hook"] = OK
    emit("task.succeeded")
    outbox.deliver_due()
    emit("task.failed")
    database.disconnect()
    said = otagw("deliveries", hook).splitlines()
    columns = [re.split(r"  +", line)[2:] for line in said[:3]]
    assert columns == [
        ["task.failed", "pending", "0 attempts"],
        ["task.succeeded", "delivered", "1 attempt", "204"],
        ["job.created", "failed", "1 attempt", "it answers with status 410"],
    ]
    assert said[3] == "Page 1 of 1, 3 in all."
    assert otagw("deliveries", hook, "--page", "2") == "Page 2 of 1, 3 in all.\n"
    failed, where = otagw("deliveries", hook, "--failed").splitlines()
    assert (failed, where) == (said[2], "Page 1 of 1, 1 in all.")
    delivery = failed.split()[0]
    assert "is sent by the worker" in otagw("redeliver", delivery)
    outbox.deliver_due()
    assert otagw("deliveries", hook, "--failed") == "Page 1 of 1, 0 in all.\n"
    assert delivery in [headers["X-Otagw-Delivery"] for _, headers, _ in web.posted[2:]]
    assert otagw("redeliver", "17", status=1) == "Error: there is no delivery 17\n"


def test_a_deleted_webhook_is_forgotten(otagw, hook):
    emit()
    assert otagw("delete", hook) == f"{hook} is deleted\n"
    assert "There is no webhook" in otagw("list")
    assert database.execute("SELECT COUNT(*) FROM webhook_delivery").fetchone() == (0,)
