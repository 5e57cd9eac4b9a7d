"""Play a recording against a gateway, in its order, and say where the answers differ."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from otagw.testing.recording import bodies, cleaning, differences, values
from otagw.testing.recording.cassette import Answered, Asked, Exchange
from otagw.testing.recording.differences import Difference
from otagw.testing.recording.front import Beside, Key
from otagw.testing.recording.fronts import FRONTS
from otagw.testing.recording.matching import flat
from otagw.testing.recording.upstream import Server

# Bytes of a secret that is made up where the recording hides one.
_SECRET_BYTES: Final = 12
# A shorter text is taken for an id only under the name of one: "1" is a page number too.
_LONG: Final = 6
_LARGE: Final = 10**6


@dataclass(frozen=True)
class Other:
    """A gateway to play a recording against, and the key for each front."""

    server: Server
    keys: Mapping[str, Key]


class Result(NamedTuple):
    """How the answers to one recorded request differ; nothing if they are equal."""

    exchange: Exchange
    differences: list[Difference]


def play(exchanges: Sequence[Exchange], other: Other) -> Iterator[Result]:
    """Send each recorded request and yield how its answer differs.

    Raises `errors.Unavailable` where the gateway gives no answer, and KeyError for a front that is not in its keys.
    """
    ids = Ids()
    for exchange in exchanges:
        asked = exchange.asked
        front, key = FRONTS[asked.front], other.keys[asked.front]
        ids.choose(asked)
        request = front.sign(asked.with_parameters(ids.here(asked.parameters)), key, other.server.url, Beside())
        reply = other.server.send(request)
        kind = reply.headers.get("Content-Type", "")
        try:
            body = bodies.read(kind, reply.body)
        except bodies.Unreadable:
            body = None
        here = Answered(reply.status, front.code(reply.status, body), kind, cleaning.clean(body))
        yield Result(exchange, differences.between(exchange.answered, here, ids.corresponds))


class Ids:
    """Which id of the gateway each id of the recording corresponds to."""

    def __init__(self) -> None:
        self._here: dict[str | int, str | int] = {}
        self._chosen: set[str | int] = set()

    def choose(self, asked: Asked) -> None:
        """Keep the values of a request that no answer has named: its client chose them, and they stay."""
        self._chosen |= {value for _, value in flat(asked) if _may_be_id(value) and value not in self._here}

    def corresponds(self, name: str, recorded: Any, here: Any) -> Any:
        """Return the value that a recorded one has to have here; an id that comes for the first time has ``here``."""
        if not values.is_identity(name) or not (_may_be_id(recorded) and _may_be_id(here)):
            return recorded
        return recorded if recorded in self._chosen else self._here.setdefault(recorded, here)

    def here(self, value: Any, name: str = "") -> Any:
        """Return recorded parameters with the gateway's ids, and a new secret for each that is hidden."""
        if isinstance(value, dict):
            return {key: self.here(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.here(item, name) for item in value]
        if value == values.HIDDEN:
            return secrets.token_hex(_SECRET_BYTES)
        is_id = _may_be_id(value) and (values.is_identity(name) or isinstance(value, int) or len(value) >= _LONG)
        return self._here.get(value, value) if is_id else value


def _may_be_id(value: Any) -> bool:
    return (isinstance(value, str) and value != "") or (isinstance(value, int) and value >= _LARGE)


def lines(result: Result) -> Iterator[str]:
    """Yield the differences of one request as texts."""
    exchange = result.exchange
    for each in result.differences:
        member = f" {each.member}" if each.member else ""
        yield (
            f"line {exchange.line} {exchange.asked.operation}: {each.kind}{member}: "
            f"recorded {each.recorded}, here {each.here}"
        )
