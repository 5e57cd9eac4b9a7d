"""How a device behaves, seen by a server that has none of the gateway's code."""

import pytest

from tests.simulator.conftest import CONTENT

HALF = len(CONTENT) // 2
SUCCEEDED = (1, 0, {})


def ending(told):
    return told["succeeded"], told["failed"], told["errors"]


def test_a_device_says_all_steps_of_the_device_api(gateway, simulate):
    assert ending(simulate()) == SUCCEEDED
    steps = [(5, "downloading"), (50, "verifying"), (70, "installing"), (100, "restarting")]
    assert gateway.said == [("runs", "1.0"), *steps, ("runs", "2.0")]
    assert gateway.ranges == [None]


def test_a_device_says_all_steps_of_ddi_in_the_order_of_swupdate(gateway, simulate):
    assert ending(simulate("ddi", minutes=6)) == SUCCEEDED
    proceeding = [("proceeding", "none", *progress) for progress in ((0, 1), (0, 0), (1, 1), (1, 1))]
    assert gateway.said == [("runs", "1.0"), *proceeding, ("closed", "success", 0, 0), ("runs", "2.0")]


def test_ddi_polls_as_often_as_the_gateway_says_unless_told_otherwise(gateway, simulate):
    gateway.is_over = True
    assert 36 <= simulate("ddi", minutes=60)["requests"]["poll"]["count"] <= 45
    assert 325 <= simulate("ddi", minutes=60, poll=10)["requests"]["poll"]["count"] <= 400


@pytest.mark.parametrize("protocol", ["device", "ddi"])
def test_a_download_that_breaks_off_is_resumed_in_the_middle(gateway, simulate, protocol):
    told = simulate(protocol, minutes=6, break_off=1)
    assert ending(told) == SUCCEEDED
    assert gateway.ranges == [None, f"bytes={HALF}-"]
    assert (told["resumed"], told["bytes"]) == (1, len(CONTENT))


def test_a_file_that_changed_meanwhile_is_loaded_from_its_beginning(gateway, simulate):
    gateway.next["GET", "file"] = [(200, {"ETag": '"old"'}, b"x" * len(CONTENT))]
    told = simulate(break_off=1)
    assert ending(told) == SUCCEEDED
    assert (told["resumed"], told["begun_again"]) == (0, 1)


@pytest.mark.parametrize("protocol", ["device", "ddi"])
@pytest.mark.parametrize("seed", range(6))
def test_a_device_that_fails_says_so_once_and_why(gateway, simulate, protocol, seed):
    told = simulate(protocol, minutes=6, fail=1, seed=seed)
    assert (told["failed"], told["errors"]) == (1, {})
    (reason,) = told["failed_by"]
    if protocol == "ddi":
        assert gateway.said.count(("closed", "failure", 0, 0)) == 1
    else:
        assert [step for step, _ in gateway.said if step in (-1, -2, -3, -4)] == [
            {"download": -2, "verify": -3, "install": -4}[reason]
        ]


def test_a_device_that_crashes_reports_what_it_ran_and_begins_again(gateway, simulate):
    told = simulate(crash=1)
    assert ending(told) == SUCCEEDED
    assert told["crashes"] == 1
    before, after = gateway.said[:4], gateway.said[4:]
    assert [step for step, _ in before] == ["runs", 5, 50, 70]
    assert [step for step, _ in after] == ["runs", 5, 50, 70, 100, "runs"]
    assert after[0] == ("runs", "1.0")


@pytest.mark.parametrize("protocol", ["device", "ddi"])
def test_bytes_other_than_announced_are_an_error_and_a_failure(gateway, simulate, protocol):
    gateway.content = CONTENT[:-1] + b"?"
    told = simulate(protocol, minutes=6)
    assert told["failed_by"] == {"verify": 1}
    assert list(told["errors"].values()) == [1]
    assert "not what was announced" in next(iter(told["errors"]))


def test_bytes_too_few_are_an_error(gateway, simulate):
    gateway.content = CONTENT[:-1]
    told = simulate()
    assert told["errors"] == {f"download: {len(CONTENT) - 1} bytes came, {len(CONTENT)} were announced": 1}


def test_a_download_that_ends_early_is_an_error_and_tried_again(gateway, simulate):
    short = (200, {"Content-Length": str(len(CONTENT)), "Connection": "close"}, CONTENT[:1000])
    gateway.next["GET", "file"] = [short]
    told = simulate()
    assert (told["succeeded"], sum(told["errors"].values())) == (1, 1)


def test_a_range_other_than_asked_for_is_an_error(gateway, simulate):
    whole = (200, {"ETag": '"tag"'}, CONTENT)
    gateway.next["GET", "file"] = [whole, (206, {"Content-Range": "bytes 0-9/10"}, b"0123456789")]
    assert simulate(break_off=1)["errors"] == {"download: 206 with other bytes than asked for": 1}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((500, {}, {"code": "internal"}), "poll: 500 internal"),
        ((502, {}, b"<html>"), "poll: 502"),
        ((302, {"Location": "/"}, b""), "poll: 302"),
        ((200, {}, b"<html>"), "poll: the body is no JSON object"),
        ((200, {}, [1]), "poll: the body is no JSON object"),
        ((200, {}, {"task": "7"}), "an answer of an unexpected shape: KeyError 'files'"),
        ((401, {}, {"code": "wrong_token"}), "poll: 401 wrong_token"),
    ],
)
def test_an_answer_that_should_not_be_is_an_error_and_the_device_goes_on(gateway, simulate, answer, error):
    gateway.next["GET", "update"] = [answer]
    told = simulate()
    assert ending(told) == (1, 0, {error: 1})


def test_a_gateway_that_is_not_there_is_an_error_at_every_try(gateway, simulate):
    gateway.close()
    told = simulate(minutes=1, poll=25, ramp=0)
    assert told["errors"] == {"report: NewConnectionError": 3}


def test_retry_after_is_heeded(gateway, simulate):
    gateway.next["GET", "update"] = [(503, {"Retry-After": "3600"}, {"code": "unavailable"})]
    assert simulate(minutes=50)["requests"]["poll"]["count"] == 1


def test_an_update_that_is_taken_back_is_canceled(gateway, simulate):
    gateway.next["GET", "update"] = [gateway.offer()]
    gateway.next["POST", "progress"] = [(409, {}, {"code": "no_task"})]
    gateway.is_over = True
    told = simulate()
    assert (told["canceled"], told["errors"]) == (1, {})


def test_ddi_heeds_a_cancel_and_says_so(gateway, simulate):
    link = {"cancelAction": {"href": f"{gateway.url}/p/controller/v1/dev/cancelAction/17"}}
    gateway.next["GET", "dev"] = [(200, {}, {"config": {"polling": {"sleep": "00:00:10"}}, "_links": link})]
    gateway.next["GET", "17"] = [(200, {}, {"id": "17", "cancelAction": {"stopId": "17"}})]
    gateway.next["POST", "feedback"] = [(200, {}, b"")]
    gateway.is_over = True
    told = simulate("ddi")
    assert (told["canceled"], told["errors"]) == (1, {})
    assert gateway.next["POST", "feedback"] == []


def test_ddi_reads_an_interval_over_a_day(gateway, simulate):
    base, links = "/p/controller/v1/dev", {}
    links["configData"] = {"href": f"{gateway.url}{base}/configData"}
    gateway.next["GET", "dev"] = [(200, {}, {"config": {"polling": {"sleep": "PT48H30M"}}, "_links": links})]
    assert simulate("ddi", minutes=10)["errors"] == {}


def test_ddi_takes_410_for_an_update_that_has_ended(gateway, simulate):
    gateway.next["POST", "feedback"] = [(410, {}, b"")]
    told = simulate("ddi", minutes=10)
    assert ending(told) == SUCCEEDED  # it is offered again, and so begun again
    assert gateway.next["POST", "feedback"] == []


def test_an_update_that_is_offered_after_its_success_is_an_error(gateway, simulate):
    gateway.next["GET", "update"] = [gateway.offer(), gateway.offer()]
    assert simulate()["errors"] == {"an update is offered again after its success": 1}


def test_what_a_device_runs_already_is_reported_and_not_installed(gateway, simulate):
    gateway.next["PUT", "default"] = [(200, {}, {})]
    told = simulate(version="2.0")
    assert ending(told) == SUCCEEDED
    assert gateway.said == [("runs", "2.0")]


def test_a_ddi_token_goes_with_downloads(gateway, simulate):
    assert ending(simulate("ddi", minutes=6)) == SUCCEEDED
    assert gateway.tokens == ["TargetToken s3cret"]


def test_a_ddi_token_goes_to_no_other_host(gateway, simulate):
    gateway.file_url = gateway.file_url.replace("127.0.0.1", "localhost")
    assert ending(simulate("ddi", minutes=6)) == SUCCEEDED
    assert gateway.tokens == [None]


def test_without_download_no_byte_is_loaded(gateway, simulate):
    assert simulate(download=False)["bytes"] == 0
    assert gateway.ranges == []


def test_bandwidth_is_waited_out(gateway, simulate):
    slow = {"latency": 0, "ramp": 0, "reboot": 0, "poll": 600, "bandwidth": len(CONTENT) / 1800}
    assert simulate(minutes=29, **slow)["at_work"] == 1
    assert ending(simulate(minutes=31, **slow)) == SUCCEEDED
