"""The sender of events: what receivers get, what they may do to it, and what becomes of a sender that is killed."""

import contextlib
import hashlib
import hmac
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from otagw import clock
from otagw.db import database
from otagw.ops import log, prune
from otagw.ota import accounts
from otagw.ota.webhooks import outbox, webhooks
from otagw.security import vault
from tests import door
from tests.conftest import NOW, ROOT, free_port
from tests.deploy.servers import eventually
from tests.races import race
from tests.web import answer

OK = answer(status="204 No Content")
SECRET = "0123456789abcdefghij"
SECONDS = (10, 30, 120, 600, 1800, 7200, 21600, 43200)


@pytest.fixture
def account(account, store):
    return account


@pytest.fixture
def time(account):
    """The held clock; set ``ms`` to move it."""
    found = SimpleNamespace(ms=NOW * 1000)
    clock.hold(lambda: found.ms)
    return found


@pytest.fixture
def hook(account, time, web, monkeypatch):
    """Make a webhook of a path of the other host, where a page answers; steps wait for it on a busy machine too."""
    monkeypatch.setattr(outbox, "STEP_SECONDS", 60)

    def make(path="/hook", page=OK, of=account, url=None):
        web.pages[path] = page
        return webhooks.create(of, url or web.url(path), secret=SECRET)[0]

    yield make
    web.done.set()
    for thread in threading.enumerate():
        if thread.name.startswith("otagw-webhook"):
            thread.join(30)


@pytest.fixture
def emit(account):
    return lambda event="task.succeeded", **data: webhooks.emit(account.id, event, data)


@pytest.fixture
def log_text():
    """What is logged, as one text."""
    stream, logger = io.StringIO(), logging.getLogger("otagw")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.Json())
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream.getvalue
    logger.setLevel(level)
    logger.removeHandler(handler)


def log_of(webhook, of=None):
    """Return the deliveries of a webhook, oldest first."""
    return webhooks.deliveries(of or accounts.get("main"), str(webhook.id), 1, 1000).items[::-1]


def last(webhook):
    return log_of(webhook)[-1]


def came_of(webhook):
    delivery = last(webhook)
    return delivery.state, delivery.attempts, delivery.last_status, delivery.last_error


def numbers(web, path="/hook"):
    """Return the ``n`` of what was posted to a path, in the order in which it came."""
    return [json.loads(body)["data"]["n"] for at, _, body in web.posted if at == path]


def test_a_delivery_is_signed_and_named(hook, emit, web, time):
    webhook = hook()
    emit(device="门", n=1)
    time.ms += 2500
    assert outbox.deliver_due() == 1
    ((path, headers, body),) = web.posted
    delivery = last(webhook)
    assert path == "/hook"
    assert body == delivery.body.encode()
    timestamp = str(NOW + 2)
    expected = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Otagw-Signature"] == f"sha256={expected}"
    assert headers["X-Otagw-Timestamp"] == timestamp
    assert headers["X-Otagw-Event"] == "task.succeeded"
    assert headers["X-Otagw-Delivery"] == json.loads(body)["id"] == str(delivery.id)
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "otagw"
    assert json.loads(body)["data"] == {"device": "门", "n": 1}
    assert came_of(webhook) == ("delivered", 1, 204, None)
    assert (delivery.next_at, delivery.done_at) == (None, time.ms)
    assert outbox.deliver_due() == 0


def test_the_page_checks_signatures_as_it_says(hook, emit, web):
    hook()
    emit()
    outbox.deliver_due()
    ((_, headers, body),) = web.posted
    (code,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/webhooks.md").read_text(encoding="utf-8"), re.M | re.S
    )
    scope = {}
    exec(code, scope)
    is_genuine = scope["is_genuine"]
    assert is_genuine(SECRET, headers, body, NOW)
    assert not is_genuine(SECRET, headers, body + b" ", NOW)
    assert not is_genuine(SECRET + "x", headers, body, NOW)
    assert not is_genuine(SECRET, headers, body, NOW + 301)
    assert not is_genuine(SECRET, headers, body)


def test_what_fails_is_tried_again_ever_later_and_then_given_up(hook, emit, web, time, log_text):
    webhook = hook(page=answer(b"leak", "500 Internal Server Error"))
    emit()
    for attempt, seconds in enumerate(SECONDS, 1):
        assert outbox.deliver_due() == 1
        assert came_of(webhook) == ("pending", attempt, 500, "it answers with status 500")
        wait = last(webhook).next_at - time.ms
        assert seconds * 900 <= wait <= seconds * 1100
        time.ms += wait - 1
        assert outbox.deliver_due() == 0
        time.ms += 1
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("failed", 9, 500, "it answers with status 500")
    assert (last(webhook).next_at, last(webhook).done_at) == (None, time.ms)
    time.ms += 100_000_000
    assert outbox.deliver_due() == 0
    assert len({headers["X-Otagw-Delivery"] for _, headers, _ in web.posted}) == 1
    assert len({body for *_, body in web.posted}) == 1
    assert len({headers["X-Otagw-Signature"] for _, headers, _ in web.posted}) == 9
    lines = [json.loads(line) for line in log_text().splitlines()]
    assert [(line["level"], line["final"]) for line in lines] == [("INFO", False)] * 8 + [("WARNING", True)]


def test_the_waits_differ(hook, emit):
    webhook = hook(page=answer(status="503 Later"))
    for _ in range(5):
        emit()
    while outbox.deliver_due():
        pass
    assert len({delivery.next_at for delivery in log_of(webhook)}) > 1


def test_who_recovers_gets_it(hook, emit, web, time):
    webhook = hook(page=answer(status="500 No"))
    emit(n=1)
    outbox.deliver_due()
    web.pages["/hook"] = OK
    time.ms = last(webhook).next_at
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("delivered", 2, 204, None)


def test_who_is_gone_is_not_asked_again(hook, emit):
    webhook = hook(page=answer(status="410 Gone"))
    emit()
    outbox.deliver_due()
    assert came_of(webhook) == ("failed", 1, 410, "it answers with status 410")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(hook, emit, web, status):
    webhook = hook(page=answer(status=status, Location="/other"))
    web.pages["/other"] = OK
    emit()
    outbox.deliver_due()
    assert web.paths() == ["/hook"]
    assert came_of(webhook) == ("pending", 1, int(status[:3]), f"it answers with status {status[:3]}")


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "299 Fine"])
def test_every_2xx_is_delivered(hook, emit, status):
    webhook = hook(page=answer(b"{}", status))
    emit()
    outbox.deliver_due()
    assert came_of(webhook) == ("delivered", 1, int(status[:3]), None)


def test_a_silent_receiver_is_given_up(hook, emit, web, monkeypatch):
    monkeypatch.setattr(outbox, "SILENT_SECONDS", 0.2)
    webhook = hook(page=web.stall(b""))
    emit()
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("pending", 1, None, "its host fell silent")


def test_a_receiver_that_drips_is_given_up(hook, emit, web, monkeypatch):
    monkeypatch.setattr(outbox, "ATTEMPT_SECONDS", 0.4)
    webhook = hook(page=web.stall(*[b"x"] * 200, gap=0.05))
    emit()
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("pending", 1, None, "its answer took too long")


def test_nobody_listens(hook, emit):
    webhook = hook(url=f"http://127.0.0.1:{free_port()}/")
    emit()
    outbox.deliver_due()
    assert came_of(webhook) == ("pending", 1, None, "its host cannot be reached")


def test_nobody_knows_the_name(hook, emit, names):
    webhook = hook(url="http://ci.example.com/")
    emit()
    outbox.deliver_due()
    assert names.asked == ["ci.example.com"]
    assert came_of(webhook) == ("pending", 1, None, "its host cannot be resolved")


def test_an_answer_that_is_none(hook, emit):
    webhook = hook(page=b"\0" * 100_000)
    emit()
    outbox.deliver_due()
    assert came_of(webhook) == ("pending", 1, None, "its connection broke off")


@pytest.mark.parametrize(
    "headers", [{"Content_Length": 10**12}, {"Content_Length": None, "Transfer_Encoding": "chunked"}]
)
def test_a_huge_answer_is_not_read(hook, emit, headers):
    written = []

    def page(stream):
        stream.write(answer(**headers))
        with contextlib.suppress(OSError):
            while sum(written) < 64 << 20:
                written.append(stream.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n"))

    webhook = hook(page=page)
    emit()
    others = threading.active_count()
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("delivered", 1, 200, None)
    eventually(lambda: threading.active_count() <= others)
    assert sum(written) < 64 << 20


def test_the_environment_adds_nothing(hook, emit, web, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    hook(page=answer(Set_Cookie="a=b"))
    emit()
    emit()
    assert outbox.deliver_due() == 2
    for _, headers, _ in web.posted:
        assert "Authorization" not in headers
        assert "Cookie" not in headers


def test_events_come_in_their_order_as_many_as_a_step_may_send(hook, emit, web):
    hook()
    for n in range(50):
        emit(n=n)
    assert [outbox.deliver_due(), outbox.deliver_due(), outbox.deliver_due(), outbox.deliver_due()] == [20, 20, 10, 0]
    assert numbers(web) == list(range(50))


def test_after_a_failure_the_others_have_their_turn_later(hook, emit, web):
    webhook = hook(page=answer(status="500 No"))
    for n in range(3):
        emit(n=n)
    assert [outbox.deliver_due() for _ in range(4)] == [1, 1, 1, 0]
    assert numbers(web) == [0, 1, 2]
    assert {delivery.attempts for delivery in log_of(webhook)} == {1}


def test_a_slow_receiver_holds_up_nobody(hook, emit, web, monkeypatch):
    monkeypatch.setattr(outbox, "STEP_SECONDS", 0.2)
    for name in ("SILENT_SECONDS", "ATTEMPT_SECONDS"):
        monkeypatch.setattr(outbox, name, 120)
    release = threading.Event()

    def wait(stream):
        release.wait(120)
        stream.write(OK)

    slow = [hook(f"/slow{n}", page=wait) for n in range(outbox.THREADS + 2)]
    fast = hook("/fast")
    for n in range(60):
        emit(n=n)

    def all_began():
        outbox.deliver_due()
        return len({path for path, *_ in web.posted}) == len(slow) + 1 and log_of(fast)[-1].state == "delivered"

    eventually(all_began, 60)
    assert numbers(web, "/fast") == list(range(60))
    assert {delivery.state for delivery in log_of(fast)} == {"delivered"}
    for webhook in slow:
        # One in flight, however many steps there were.
        assert len(numbers(web, f"/slow{slow.index(webhook)}")) == 1
    release.set()
    eventually(lambda: {log_of(webhook)[0].state for webhook in slow} == {"delivered"}, 30)


def test_several_workers_send_each_delivery_once(hook, emit, web):
    hooks = [hook(f"/{n}") for n in range(3)]
    for n in range(40):
        emit(n=n)

    def work():
        while any(delivery.state == "pending" for webhook in hooks for delivery in log_of(webhook)):
            outbox.deliver_due(5)

    race(*[work] * 4)
    for n, webhook in enumerate(hooks):
        assert numbers(web, f"/{n}") == list(range(40))
        assert {(delivery.state, delivery.attempts) for delivery in log_of(webhook)} == {("delivered", 1)}


def test_a_delivery_whose_sender_is_killed_is_sent_again(hook, emit, web, store, environment, time):
    webhook = hook(page=web.stall(b""))
    emit(n=1)
    code = (
        "from otagw import clock, parts, settings; from otagw.ota.webhooks import outbox\n"
        "with parts.opened(settings.load()):\n"
        f"    clock.hold(lambda: {time.ms}); outbox.deliver_due()"
    )
    environ = {**os.environ, **environment, "OTAGW_DATABASE_URL": store.database, "PYTHONPATH": str(ROOT)}
    worker = subprocess.Popen([sys.executable, "-c", code], env=environ)
    try:
        eventually(lambda: web.posted, 30)
    finally:
        worker.kill()
        worker.wait()
    web.pages["/hook"] = OK
    time.ms += outbox.LEASE_MS - 1
    assert outbox.deliver_due() == 0
    time.ms += 1
    assert outbox.deliver_due() == 1
    first, second = (headers["X-Otagw-Delivery"] for _, headers, _ in web.posted)
    assert first == second
    assert came_of(webhook) == ("delivered", 1, 204, None)


def test_a_sender_that_lost_its_claim_stops(hook, emit, web, time):
    def overtake(stream):
        time.ms += outbox.LEASE_MS
        web.pages["/hook"] = OK
        assert outbox.deliver_due() == 2
        database.disconnect()
        stream.write(OK)

    webhook = hook(page=overtake)
    emit(n=0)
    emit(n=1)
    assert outbox.deliver_due() == 1
    assert numbers(web) == [0, 0, 1]
    assert [(delivery.state, delivery.attempts) for delivery in log_of(webhook)] == [("delivered", 1)] * 2


@pytest.mark.parametrize("change", [webhooks.delete, lambda account, key: webhooks.enable(account, key, False)])
def test_a_webhook_that_is_deleted_or_disabled_meanwhile_is_sent_nothing_more(hook, emit, web, account, change):
    def page(stream):
        change(account, str(webhook.id))
        database.disconnect()
        stream.write(OK)

    webhook = hook(page=page)
    emit(n=0)
    emit(n=1)
    assert outbox.deliver_due() == 1
    assert numbers(web) == [0]


def test_what_is_pending_waits_while_its_webhook_is_disabled(hook, emit, web, account, time):
    webhook = hook()
    emit(n=0)
    webhooks.enable(account, str(webhook.id), False)
    time.ms += 10**9
    assert outbox.deliver_due() == 0
    webhooks.enable(account, str(webhook.id), True)
    assert outbox.deliver_due() == 1
    assert numbers(web) == [0]


def test_all_accounts_are_served(hook, web):
    other = accounts.ensure("other")
    hook("/other", of=other)
    webhooks.emit(other.id, "job.created", {"n": 1})
    assert outbox.deliver_due() == 1
    assert numbers(web, "/other") == [1]


def test_a_delivery_is_sent_once_more_on_request(hook, emit, web, account, time):
    webhook = hook(page=answer(status="410 Gone"))
    emit(n=1)
    outbox.deliver_due()
    web.pages["/hook"] = OK
    webhooks.redeliver(account, str(last(webhook).id))
    assert outbox.deliver_due() == 1
    assert came_of(webhook) == ("delivered", 1, 204, None)
    webhooks.redeliver(account, str(last(webhook).id))
    assert outbox.deliver_due() == 1
    assert len({body for *_, body in web.posted}) == 1


def test_a_ping_is_sent_at_once_and_once(hook, web, account, time):
    webhook = hook()
    webhooks.enable(account, str(webhook.id), False)
    ping = outbox.deliver_ping(account, str(webhook.id))
    assert (ping.state, ping.last_status) == ("delivered", 204)
    ((_, headers, body),) = web.posted
    assert headers["X-Otagw-Event"] == "ping"
    assert json.loads(body)["data"] == {"webhook": str(webhook.id)}
    webhooks.enable(account, str(webhook.id), True)
    web.pages["/hook"] = answer(status="500 No")
    assert outbox.deliver_ping(account, str(webhook.id)).state == "failed"
    time.ms += 10**9
    assert outbox.deliver_due() == 0


def test_a_ping_in_flight_is_not_sent_by_a_worker_too(hook, web, account):
    def page(stream):
        assert outbox.deliver_due() == 0
        database.disconnect()
        stream.write(OK)

    webhook = hook(page=page)
    assert outbox.deliver_ping(account, str(webhook.id)).state == "delivered"


def test_what_is_long_done_is_forgotten_a_few_at_a_time(hook, emit, time, monkeypatch):
    monkeypatch.setattr(prune, "AT_ONCE", 2)
    webhook = hook()
    for n in range(5):
        emit(n=n)
    outbox.deliver_due()
    emit(n=5)
    time.ms += 30 * prune.DAY_MS - 1
    assert prune.deliveries() == 0
    time.ms += 1
    assert [prune.deliveries() for _ in range(4)] == [2, 2, 1, 0]
    assert came_of(webhook) == ("pending", 0, None, None)


def test_neither_secrets_nor_queries_nor_bodies_are_logged(hook, emit, web, log_text):
    webhook = hook(url=web.url("/hook?token=hidden"), page=answer(b"leak", "500 No"))
    emit(device="very private")
    outbox.deliver_due()
    assert web.paths() == ["/hook?token=hidden"]
    said = log_text()
    assert str(webhook.id) in said
    rows = str(database.execute("SELECT * FROM webhook").fetchall() + log_of(webhook))
    assert SECRET not in said + rows
    for secret in ("hidden", "private", "leak", "sha256"):
        assert secret not in said


def test_an_error_of_our_own_is_logged_and_pauses_the_webhook(hook, emit, time, log_text, monkeypatch):
    webhook = hook()
    emit()
    ours = door.here()
    door.replace(vault=vault.Vault(b"x" * 32))
    assert outbox.deliver_due() == 0
    door.enter(ours)
    assert "the master key does not open" in log_text()
    assert outbox.deliver_due() == 0
    time.ms += outbox.LEASE_MS
    assert outbox.deliver_due() == 1
    assert came_of(webhook)[0] == "delivered"


def test_steps_leave_nothing_open(hook, emit):
    hook()

    def step():
        emit()
        assert outbox.deliver_due() == 1
        return len(os.listdir("/proc/self/fd"))

    step()
    # What the receiver's threads hold at this instant comes and goes.
    assert step() + 5 >= max(step() for _ in range(20))


def test_looking_for_what_is_due_reads_only_that(hook):
    hook()
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        execute = database.execute
        patch.setattr(database, "execute", lambda *values: asked.append(values) or execute(*values))
        assert outbox.deliver_due() == 0
    ((sql, *values),) = asked
    if not database.is_sqlite():
        return  # the plan of the other engine depends on its statistics
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {sql}", *values).fetchall()]
    assert any("COVERING INDEX" in step and "webhook_id=? AND next_at<?" in step for step in plan), plan
