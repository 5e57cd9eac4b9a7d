"""How often a refused signature is explained and where, and what is said of a time; the clock is held."""

import pytest

from otagw.dialects.aliyun.mistakes_v1 import SCHEME
from otagw.dialects.hints import pace, times
from otagw.security import rate_limits
from otagw.security.rate_limits import Rate
from tests import signer
from tests.conftest import OTHER, Client

METHOD = next(mistake.sentence for mistake in SCHEME.mistakes if mistake.name == "method")


def hint(client, address="192.0.2.1", name="Recommend", **params):
    """Send a request that is signed for another method; return what is said of its signature."""
    params = signer.v1(client.key, "ListOTAFirmware", "POST", **params)
    answer = client.send(params, environ_overrides={"REMOTE_ADDR": address}).json
    assert next(iter(answer.values())) == "SignatureDoesNotMatch"
    return answer[name]


@pytest.fixture(params=["off", "generous", "vendor"])
def client(make_app, held_clock, request):
    return Client(make_app(throttle=request.param))


def test_thirty_are_explained_at_once_and_five_a_second(client, held_clock):
    seconds = held_clock.seconds
    assert [hint(client, seconds=seconds) for _ in range(32)] == [METHOD] * 30 + [pace.PAUSED] * 2
    held_clock.seconds += 1
    assert [hint(client, seconds=seconds) for _ in range(7)] == [METHOD] * 5 + [pace.PAUSED] * 2


def test_each_key_and_each_address_has_its_own(client, held_clock):
    seconds = held_clock.seconds
    for _ in range(31):
        hint(client, seconds=seconds)
    assert hint(client, "192.0.2.2", seconds=seconds) == METHOD
    assert hint(client.by(OTHER), seconds=seconds) == METHOD
    assert hint(client, seconds=seconds) == pace.PAUSED


def test_addresses_without_number_get_no_more_than_the_process_gives(client, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "HINTS_RATE", Rate(10, 40))
    seconds = held_clock.seconds
    said = [hint(client, f"192.0.2.{number}", seconds=seconds) for number in range(50)]
    assert said == [METHOD] * 40 + [pace.PAUSED] * 10
    held_clock.seconds += 1
    assert [hint(client, seconds=seconds) for _ in range(11)] == [METHOD] * 10 + [pace.PAUSED]


def test_what_pauses_leaves_the_process_its_hints(client, held_clock, monkeypatch):
    monkeypatch.setattr(rate_limits, "HINTS_RATE", Rate(10, 40))
    seconds = held_clock.seconds
    for _ in range(60):
        hint(client, seconds=seconds)
    assert hint(client, "192.0.2.2", seconds=seconds) == METHOD


@pytest.mark.parametrize(
    ("spelling", "name"), [("documented", "Recommend"), ("example", "recommend"), ("alibaba", "Recommend")]
)
def test_every_spelling_has_it(make_app, held_clock, spelling, name):
    client = Client(make_app(spelling=spelling))
    assert hint(client, name=name, seconds=held_clock.seconds) == METHOD


@pytest.mark.parametrize("spelling", ["documented", "example"])
def test_other_refusals_are_as_the_reference_shows_them(make_app, spelling):
    answer = Client(make_app(spelling=spelling))("ListOTAFirmware", CurrentPage=0).json
    assert {name.lower() for name in answer} == {"code", "errormessage", "requestid", "success"}


EXPIRED = "Specified time stamp or date value is expired."
# Seconds from the gateway's time, and what is said of them.
DISTANCES = {
    8 * 3600 - 20: "It is 8 h ahead of the gateway's time, as local time in UTC+8 is: send UTC.",
    int(5.5 * 3600): "It is 5 h 30 min ahead of the gateway's time, as local time in UTC+5:30 is: send UTC.",
    -5 * 3600 - 60: "It is 5 h behind the gateway's time, as local time in UTC-5 is: send UTC.",
    1000: "It is 16 min 40 s ahead of the gateway's time: set the clock.",
    -3 * 86_400 - 7300: "It is 3 d 2 h behind the gateway's time: set the clock, and sign each request anew.",
}


@pytest.mark.parametrize(("seconds", "said"), DISTANCES.items())
@pytest.mark.parametrize("version", [None, "2018-01-20"])
def test_an_expired_time_says_how_far_it_is_and_what_to_do(make_app, held_clock, seconds, said, version):
    answer = Client(make_app())("ListOTAFirmware", seconds=held_clock.seconds + seconds, Version=version).json
    assert answer["Code"] == "InvalidTimeStamp.Expired"
    assert answer["Message" if version else "ErrorMessage"] == f"{EXPIRED} {said}"
    assert answer.get("Recommend") == (said if version else None)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 s"), (999, "0 s"), (-1000, "1 s"), (60_000, "1 min"), (3_605_000, "1 h"), (3_660_000, "1 h 1 min"),
        (86_399_999, "23 h 59 min"), (90_000_000, "1 d 1 h"), (-864_000_000, "10 d"),
    ],
)  # fmt: skip
def test_a_span_has_two_units_at_most(milliseconds, text):
    assert times.span(milliseconds) == text
