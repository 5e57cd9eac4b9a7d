"""The calls that a gateway has answered, decoded and without secrets, and what a test expects of them."""

import contextlib
import difflib
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote

from werkzeug.wrappers import Request

from otagw import clock, errors
from otagw.access import Caller
from otagw.call import Answer, Call
from otagw.testing.api import differences
from otagw.testing.fault import ALIASES
from otagw.testing.faults import MET, QUIET
from otagw.testing.paced import Met
from otagw.testing.recording import cleaning
from otagw.testing.times import shown

# As many as are kept; a test that makes more looks at the last of them.
KEPT: Final = 10_000
NEAREST: Final = 5
# Fronts whose devices speak in messages.
MESSAGES: Final = ("alink", "oc", "tylink")
# Parameters of the signature, which are not the operation's own.
_SIGNING: Final = frozenset(
    ("AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp")
)
_COMMON: Final = frozenset(("Action", "Format", "Version", "RegionId"))


@dataclass(frozen=True)
class Recorded:
    """One call: ``at`` is the gateway's time in milliseconds, ``code`` and ``text`` are the refusal's, else empty."""

    at: int
    front: str
    operation: str
    key: str
    params: Mapping[str, Any]
    status: int
    code: str
    text: str
    hint: str
    fault: str
    _body: bytes = field(repr=False)
    _secrets: tuple[str, ...] = field(repr=False)

    @property
    def refused(self) -> bool:
        """Tell whether it was refused."""
        return bool(self.code)

    @property
    def answer(self) -> Any:
        """Return the decoded answer without its secrets; None where it is no JSON."""
        try:
            return cleaning.clean(json.loads(self._body), self._secrets)
        except ValueError:
            return None

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        came = f"{self.status} {self.code}".rstrip()
        more = "".join(f"\n      {text}" for text in (self.text, self.hint) if text and self.refused)
        met = f"   [met the fault {self.fault}]" if self.fault else ""
        who = f" {self.key}" if self.front in ("device", "ddi", *MESSAGES) else ""
        return f"{shown(self.at)}{who} {self.operation or '(no operation)'}({given}) -> {came}{met}{more}"


class Calls(Sequence[Recorded]):
    """The calls of a gateway, oldest first; it is the journal of `otagw.seams`."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._all: deque[Recorded] = deque(maxlen=KEPT)
        self._unseen = 0
        # Errors of the gateway's own, which no fault has asked for.
        self.crashed: list[str] = []

    def note(
        self, call: Call, request: Request, caller: Caller | None, answer: Answer, fault: errors.Fault | None
    ) -> None:
        """Record a request; see `otagw.seams`."""
        met: Met | None = request.environ.get(MET)
        if isinstance(fault, errors.Internal) and met is None:
            self.crashed.append(f"{call.operation} was answered {answer.code}: the log has the error")
        if request.environ.get(QUIET):
            self._unseen += 1
            return
        given = _given(call)
        secrets = _secrets(given)
        hint = fault.hint if isinstance(fault, errors.WrongSignature) else ""
        self._all.append(
            Recorded(
                at=clock.now(),
                front=call.front,
                operation=call.operation,
                key=call.key_id,
                params=_params(call, given),
                status=(met.fault.refuses and met.fault.status if met else None) or answer.status,
                code=answer.code,
                text=cleaning.clean(_text(answer), secrets) if answer.code else "",
                hint=cleaning.clean(hint, secrets),
                fault=str(met.fault) if met else "",
                _body=answer.body,
                _secrets=secrets,
            )
        )

    def note_message(
        self, call: Call, met: Met | None, code: str, hint: str, told: Sequence[Mapping[str, Any]]
    ) -> None:
        """Record a message of a device, with what it was told for an answer; ``code`` is why it was refused."""
        self._all.append(
            Recorded(
                at=clock.now(),
                front=call.front,
                operation=call.operation,
                key=call.key_id,
                params=cleaning.clean(_given(call)),
                status=0,
                code=code,
                text="",
                hint=hint,
                fault=str(met.fault) if met else "",
                _body=json.dumps(told).encode(),
                _secrets=(),
            )
        )

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: Any) -> Any:
        return list(self._all)[index]

    def __iter__(self) -> Iterator[Recorded]:
        return iter(list(self._all))

    def clear(self) -> None:
        """Forget them."""
        self._all.clear()
        self.crashed.clear()
        self._unseen = 0

    def of(self, operation: str, /, **params: Any) -> list[Recorded]:
        """Return the calls of an operation (``*`` and ``?`` stand for any) that had such parameters."""
        return [call for call in self if _is(call, operation) and not differences(call.params, params)]

    @property
    def refused(self) -> list[Recorded]:
        """Return the calls that were refused."""
        return [call for call in self if call.refused]

    @property
    def unknown(self) -> list[Recorded]:
        """Return the calls of operations that the gateway does not have."""
        return [call for call in self if call.refused and call.operation not in self._names]

    def expect(self, operation: str, /, **params: Any) -> "Expectation":
        """Return the calls of an operation with such parameters; raise AssertionError if there is none.

        The error shows the nearest misses, and what was refused with its hint.
        """
        __tracebackhide__ = True
        expectation = Expectation(self, operation, params)
        expectation.at_least(1)
        return expectation

    def never(self, operation: str, /, **params: Any) -> None:
        """Raise AssertionError, which shows them, if there are calls of an operation with such parameters."""
        __tracebackhide__ = True
        found = self.of(operation, **params)
        if found:
            lines = "\n".join(f"  {call}" for call in found[:NEAREST])
            raise AssertionError(f"expected no {operation}, there were {len(found)}:\n{lines}")

    def nearest(self, operation: str, params: Mapping[str, Any]) -> str:
        """Return lines on the calls that come nearest to such a one."""
        same = [call for call in self if _is(call, operation)]
        if same:
            ranked = sorted(same, key=lambda call: len(differences(call.params, params)))
            lines = [f"  {call}{_told(differences(call.params, params))}" for call in ranked[:NEAREST]]
            return "nearest:\n" + "\n".join(lines)
        made = list(dict.fromkeys(call.operation for call in self))
        near = difflib.get_close_matches(operation, made, n=3, cutoff=0.5)
        lines = [f"  {call}" for call in self if call.operation in near or (call.refused and not near)][:NEAREST]
        said = f"there were calls of {', '.join(filter(None, made)) or 'no operation'}"
        unseen = "; what the test asks by call() and by helpers is not among them" if self._unseen else ""
        return "\n".join([said if self._all else f"there was no call at all{unseen}", *lines])


class Expectation:
    """Some calls that a test expects; each method raises AssertionError where there are others, and returns it."""

    def __init__(self, calls: Calls, operation: str, params: Mapping[str, Any]) -> None:
        self._journal, self._operation, self._params = calls, operation, params

    @property
    def calls(self) -> list[Recorded]:
        """Return the calls, oldest first."""
        return self._journal.of(self._operation, **self._params)

    def times(self, number: int) -> "Expectation":
        """Expect just so many."""
        __tracebackhide__ = True
        return self._check(len(self.calls) == number, f"{number}")

    def at_least(self, number: int) -> "Expectation":
        """Expect so many or more."""
        __tracebackhide__ = True
        return self._check(len(self.calls) >= number, f"at least {number}")

    def refused(self, code: str) -> "Expectation":
        """Expect that each of them was refused with a code."""
        __tracebackhide__ = True
        others = [str(call) for call in self.calls if call.code != code]
        return self._check(not others, f"all refused with {code}", "\n".join(others))

    def answered(self) -> "Expectation":
        """Expect that none of them was refused."""
        __tracebackhide__ = True
        others = [str(call) for call in self.calls if call.refused]
        return self._check(not others, "all answered", "\n".join(others))

    def _check(self, holds: bool, expected: str, shown_: str = "") -> "Expectation":
        __tracebackhide__ = True
        if not holds:
            given = ", ".join(f"{name}={value!r}" for name, value in self._params.items())
            shown_ = shown_ or self._journal.nearest(self._operation, self._params)
            raise AssertionError(
                f"expected {expected} of {self._operation}({given}), there were {len(self.calls)}; {shown_}"
            )
        return self


def _is(call: Recorded, operation: str) -> bool:
    wanted = ALIASES.get(operation, operation)
    return any(fnmatchcase(name, wanted) for name in (call.operation, f"{call.front}.{call.operation}"))


def _told(differences: Mapping[str, tuple[Any, Any]]) -> str:
    return "".join(f"\n      {name}: expected {wanted!r}, got {got!r}" for name, (wanted, got) in differences.items())


def _given(call: Call) -> dict[str, Any]:
    """Return what a call was given, as far as it can be read."""
    try:
        given: dict[str, Any] = dict(call.parameters)
    except errors.Fault:
        return {}
    body = getattr(call, "body", b"")
    if call.front in ("ddi", *MESSAGES) and body:
        with contextlib.suppress(ValueError, TypeError):
            given |= json.loads(body)
    return given


def _params(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for: without what signed it, and without secrets."""
    if call.front == "aliyun":
        given = {name: value for name, value in given.items() if name not in _SIGNING and name not in _COMMON}
    found: dict[str, Any] = cleaning.clean(dict(given))
    return found


def _secrets(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets that a refusal may quote: as they came, and as a text to sign has them."""
    found = [value for name, value in given.items() if isinstance(value, str) and cleaning.is_secret(name)]
    once = [quote(value, safe="-_.~") for value in found]
    return tuple(dict.fromkeys((*found, *once, *(quote(value, safe="-_.~") for value in once))))


def _text(answer: Answer) -> str:
    """Return the text of a refusal."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        text = re.search(rb"<Message>(.*?)</Message>", answer.body, re.DOTALL)
        return text.group(1).decode("utf-8", "replace") if text else ""
    names = ("ErrorMessage", "errorMessage", "Message", "message", "error_msg")
    return str(next((found[name] for name in names if name in found), ""))
