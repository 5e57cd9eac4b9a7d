"""The log: one structured line per request, and never a secret, a signature, a token or a full query."""

import functools
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from otagw import errors, runtime
from otagw.access import Caller
from otagw.call import Answer, Call
from otagw.settings import Settings

_LONGEST: Final = 64
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_plain: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode
_requests = logging.getLogger("otagw.request")


class Json(logging.Formatter):
    """Write a record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        seconds, rest = divmod(int(record.created * 1000), 1000)
        line = {
            "time": f"{_second(seconds)}.{rest:03}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return _encode(line)


def _encode(line: dict[str, Any]) -> str:
    text = _plain(line)
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:  # half a character cannot be written
        return json.dumps(line, default=str)
    return text


@functools.lru_cache(16)
def _second(at: int) -> str:
    """Return a second as it stands in a line; most lines are of the same one as their last."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class Text(logging.Formatter):
    """Write a record for a person; values are quoted as JSON, so that none can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        extra = "".join(
            f" {name}={json.dumps(v, ensure_ascii=False, default=str)}" for name, v in _extra(record).items()
        )
        trace = "\n" + self.formatException(record.exc_info) if record.exc_info else ""
        return f"{time} {record.levelname.lower():7} {record.getMessage()}{extra}{trace}"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def configure(settings: Settings) -> None:
    """Send the log to standard error in the format of the settings."""
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler()
    handler.setFormatter(Text() if as_text else Json())
    # What a record would look up, and no line of ours shows.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger("otagw")
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    root.propagate = False


def request(
    call: Call,
    caller: Caller | None,
    answer: Answer,
    fault: errors.Fault | None,
    client: str | None,
    seconds: float,
) -> None:
    """Count one request, and write its line.

    What a stranger sent is cut short, and the id of a key that does not exist to four characters: it may well be a
    secret put in the wrong place.
    """
    code = type(fault).__name__ if fault else answer.code
    runtime.current().metrics.request(call.front, call.operation, code, seconds)
    if not _requests.isEnabledFor(logging.INFO):
        return
    stranger = caller is None and isinstance(fault, errors.UnknownKey)
    facts = {
        "request_id": call.request_id,
        "action": call.operation[:_LONGEST],
        "account": caller.account.name if caller else "",
        "key_id": call.key_id[:4] + "…" if stranger else call.key_id[:_LONGEST],
        "code": answer.code,
        "status": answer.status,
        "ms": round(seconds * 1000, 2),
        "client": client or "",
    }
    instance = getattr(call, "instance_id", "")  # of those protocols that have one
    if instance:
        facts["instance_id"] = instance[:_LONGEST]
    if isinstance(fault, errors.WrongSignature) and fault.hint:
        facts["hint"] = fault.hint
    # A record made here: Logger.info would look for its caller up the stack, which costs as much as writing the line.
    record = logging.LogRecord(_requests.name, logging.INFO, __file__, 0, "request", None, None)
    vars(record).update(facts)
    _requests.handle(record)
