"""Find the recorded exchange that answers a request: by front, operation and decoded parameters.

A client that chooses names and tokens anew in each run still finds its exchanges: a value that it chose is matched
with the one that it chose when the recording was made, and the pair holds from then on, in requests and answers.
"""

import re
import threading
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final

from otagw import errors
from otagw.testing.recording import values
from otagw.testing.recording.cassette import Asked, Exchange

CODE: Final = "Replay.NoMatch"
# How a value is shown in a refusal, at most.
_SHOWN: Final = 60
# Shorter chosen values are replaced in an answer where they are all of a text.
_LONG: Final = 4
_MISSING: Final = object()


class Matcher:
    """Match requests with the exchanges of a recording, in its order; threads may share one."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self._exchanges = exchanges
        self._given: dict[str, str] = {}  # what a recorded value is now
        self._recorded: dict[str, str] = {}  # what a value of now was
        self._used: Counter[int] = Counter()
        self._chosen, self._all = _origins(exchanges)
        self._guard = threading.Lock()

    def find(self, asked: Asked) -> Exchange:
        """Return the exchange of a request: the n-th of those that are equal, or the last of them.

        Raises `errors.Quoted` that names the nearest request where there is none.
        """
        with self._guard:
            same = [each for each in self._exchanges if _place(each.asked) == _place(asked)]
            wanted = dict(flat(asked))
            equal = [each for each in same if not self._differing(each, wanted)]
            found = self._next(equal) or self._learned(same, wanted)
            if found is None:
                raise errors.Quoted(CODE, 404, self._why(asked, same, wanted))
            self._used[found.line] += 1
            return found

    def now(self, value: Any) -> Any:
        """Return recorded data with the values of now in place of those that the client chose differently."""
        if isinstance(value, dict):
            return {name: self.now(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.now(item) for item in value]
        if not isinstance(value, str):
            return value
        long = sorted((word for word in tuple(self._given) if len(word) >= _LONG), key=len, reverse=True)
        if value in self._given or not long:
            return self._given.get(value, value)
        return re.sub("|".join(map(re.escape, long)), lambda found: self._given[found[0]], value)

    def _next(self, equal: Sequence[Exchange]) -> Exchange | None:
        unused = (each for each in equal if not self._used[each.line])
        return next(unused, equal[-1] if equal else None)

    def _differing(self, exchange: Exchange, wanted: Mapping[str, Any]) -> list[str]:
        """Return the names of the parameters that an exchange has with other values."""
        recorded = dict(flat(exchange.asked))
        names = [*recorded, *(name for name in wanted if name not in recorded)]
        return [n for n in names if not self._agree(n, recorded.get(n, _MISSING), wanted.get(n, _MISSING))]

    def _agree(self, name: str, recorded: Any, given: Any) -> bool:
        then = self._recorded.get(given) if isinstance(given, str) else None
        return _agree(name, recorded, given) or (then is not None and recorded == then)

    def _learned(self, same: Sequence[Exchange], wanted: Mapping[str, Any]) -> Exchange | None:
        """Return the first unused exchange that differs in chosen values alone, and keep these as pairs."""
        for exchange in same:
            if self._used[exchange.line]:
                continue
            recorded = dict(flat(exchange.asked))
            names = self._differing(exchange, wanted)
            if all(self._may_pair(name, recorded.get(name), wanted.get(name)) for name in names):
                given = {str(recorded[name]): str(wanted[name]) for name in names}
                back = {str(wanted[name]): str(recorded[name]) for name in names}
                if all(back[given[str(recorded[name])]] == recorded[name] for name in names):  # one to one
                    self._given |= given
                    self._recorded |= back
                    return exchange
        return None

    def _may_pair(self, name: str, was: Any, given: Any) -> bool:
        """Tell whether two values may stand for each other: a client chose both, and neither has another partner."""
        return (
            isinstance(was, str)
            and isinstance(given, str)
            and values.is_identity(name)
            and was in self._chosen
            and was not in self._given
            and given not in self._all
            and given not in self._recorded
        )

    def _why(self, asked: Asked, same: Sequence[Exchange], wanted: Mapping[str, Any]) -> str:
        if not same:
            return f"The recording has no {asked.operation}."
        nearest = min(same, key=lambda each: len(self._differing(each, wanted)))
        recorded, name = dict(flat(nearest.asked)), self._differing(nearest, wanted)[0]
        return (
            f"The recording has no such {asked.operation}. The nearest is in line {nearest.line}: "
            f"{name} is {_shown(wanted.get(name, _MISSING))}, and was {_shown(recorded.get(name, _MISSING))}."
        )


def flat(asked: Asked) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a request by their full names; where they stood, in query or form, does not matter."""
    for group in asked.parameters.values():
        yield from _flat(group, "")


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value, start=1):
            yield from _flat(item, f"{path}.{number}")
    else:
        yield path, value


def _place(asked: Asked) -> Hashable:
    return asked.front, asked.operation, asked.method if asked.front != "aliyun" else ""


def _agree(name: str, recorded: Any, given: Any) -> bool:
    """Tell whether two values of a parameter are as good as equal: a hidden one is any, and a time is any time."""
    if recorded == values.HIDDEN and isinstance(given, str):
        return True
    if values.is_time(name, recorded) and values.is_time(name, given):
        return True
    return type(recorded) is type(given) and bool(recorded == given)


def _origins(exchanges: Sequence[Exchange]) -> tuple[set[str], set[str]]:
    """Return the texts that stood in a request before they stood in an answer, and all texts of a recording."""
    chosen: set[str] = set()
    seen: set[str] = set()
    for exchange in exchanges:
        asked = {value for _, value in flat(exchange.asked) if isinstance(value, str)}
        chosen |= asked - seen
        seen |= asked | {value for _, value in values.leaves(exchange.answered.body) if isinstance(value, str)}
    return chosen, seen


def _shown(value: Any) -> str:
    if value is _MISSING:
        return "absent"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
