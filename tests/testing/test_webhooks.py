"""Webhooks of the double: captured when the answer is there, and tried again as the clock goes on."""

import pytest
import requests

from otagw.testing.server import Server

AT = "2026-11-22T00:00Z"


def release(otagw):
    otagw.clock.freeze(AT)
    (device,) = otagw.devices.add("a1lock")
    otagw.rollouts.add(otagw.packages.add("fw", "2.0", product="a1lock"))
    return device


def test_events_are_there_when_the_answer_is(otagw):
    hook = otagw.webhooks.capture("job.*", "task.succeeded")
    device = release(otagw)
    assert [one.event for one in hook.events] == ["job.created"]
    device.take()
    (done,) = hook.expect("task.succeeded", times=1)
    assert (done.data["device"], done.signed, done.answered) == (device.name, True, 200)
    assert [one.event for one in hook.of("job.*")] == ["job.created", "job.completed"]


def test_what_is_refused_is_tried_again_later_and_later(otagw):
    hook = otagw.webhooks.capture("job.created", answers=(500, 503, 200))
    release(otagw)
    assert ([one.answered for one in hook.deliveries], hook.events) == ([500], [])
    otagw.clock.advance(seconds=15)
    assert [one.answered for one in hook.deliveries] == [500, 503]
    otagw.clock.advance(minutes=1)
    hook.expect("job.created", times=1)
    assert len({one.delivery for one in hook.deliveries}) == 1


def test_a_receiver_that_is_gone_is_given_up_after_a_day(otagw):
    hook = otagw.webhooks.capture("job.created", answers=(500,))
    release(otagw)
    otagw.clock.advance(days=2)
    assert len(hook.deliveries) == 9
    assert hook.events == []


def test_other_events_than_expected_are_shown(otagw):
    hook = otagw.webhooks.capture()
    with pytest.raises(AssertionError, match=r"expected job\.created; of \* there came nothing"):
        hook.expect("job.created")
    release(otagw)
    with pytest.raises(
        AssertionError, match=r"expected 2 job\.created; of \* there came job\.created \(200\), task\.queued"
    ):
        hook.expect("job.created", times=2)


def test_a_receiver_may_ask_the_gateway_itself(otagw):
    """It calls back before the answer that made the event is sent."""
    asked = []

    def receive(environ, start):
        answer = requests.get(otagw.sign("ListOTAFirmware", CurrentPage=1, PageSize=10))
        asked.append(answer.json()["Total"])
        start("200 OK", [("Content-Length", "0")])
        return [b""]

    server = Server(receive)
    try:
        otagw.webhooks.add(server.url, "job.created")
        release(otagw)
        assert asked == [1]
    finally:
        server.close()


def test_what_cannot_be_a_webhook_is_refused(otagw):
    with pytest.raises(ValueError, match="url: expected"):
        otagw.webhooks.add("ftp://somewhere")
    with pytest.raises(ValueError, match="event: expected"):
        otagw.webhooks.capture("job*")
