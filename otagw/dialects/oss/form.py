"""The PostObject form: fields first, then the file, read as it comes and never held.

The fields are checked before the first byte of the file is taken. The rules are in docs/wire/oss.md.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.sansio import multipart
from werkzeug.wrappers import Request

from otagw import clock, errors, runtime
from otagw.dialects import http
from otagw.dialects.oss import content_md5
from otagw.dialects.oss.content_md5 import Body
from otagw.files import links
from otagw.net import allowed_origins
from otagw.ota.packages.arrivals import Arrival

CHUNK: Final = 64 * 1024
# The most bytes of a form beside its file: fields, heads of parts, delimiters, and what stands before and behind them.
MAX_BESIDE: Final = 64 * 1024
MAX_PARTS: Final = 64
PADDING: Final = 64  # what may stand around the boundary in a delimiter: ends of line, dashes, spaces
LINE_END: Final = re.compile(rb"[\r\n]")
FILE: Final = "file"
REDIRECT: Final = "success_action_redirect"
_URL: Final = re.compile(r"[!-~]{1,2048}")
REQUIRED: Final = ("key", "policy", "OSSAccessKeyId", "Signature")


def read(
    request: Request, begin: Callable[[dict[str, str]], tuple[Arrival, int]], longest: int
) -> tuple[dict[str, str], Arrival]:
    """Read a form; ``begin`` gets its fields and returns what takes the file, and how long that may be.

    That is ``longest`` at most.

    Returns the fields and the file, which is written but not yet kept. On any fault it is discarded. Raises
    `errors.InvalidParameter` and `errors.DigestMismatch` by each `content_md5` that came.
    """
    http.check_length(request, longest, beside=MAX_BESIDE)
    http.check_encoding(request)
    fields: dict[str, str] = {}
    arrival: Arrival | None = None
    try:
        of_request = request.headers.get(content_md5.NAME)
        body = Body(request.stream, wanted=of_request is not None)
        events = _events(request, body)
        for event in events:
            if not isinstance(event, multipart.Field | multipart.File):
                continue
            if event.name == FILE:
                arrival, most = begin(fields)
                expected = content_md5.read(of_request) if of_request is not None else None
                of_file = [fields.get(content_md5.NAME.lower()), event.headers.get(content_md5.NAME)]
                given = [content_md5.read(text) for text in of_file if text is not None]
                _file(events, arrival, most)
                _drain(events)
                for digest in given:
                    content_md5.check(digest, arrival.facts().md5)
                if expected:
                    content_md5.check(expected, arrival.facts().md5, body.md5())
                return fields, arrival
            name = (event.name or "").lower()
            if name in fields:
                raise errors.InvalidParameter(event.name or "", "to be given once")
            fields[name] = _field(events)
        raise errors.MissingParameter(FILE)
    except BaseException:
        if arrival:
            arrival.discard()
        raise


def check(fields: dict[str, str]) -> tuple[str, int, str]:
    """Return the key that the form may upload to, the most bytes it may, and for which access key it was made.

    Raises the fault that says why it may not.
    """
    for name in REQUIRED:
        if not fields.get(name.lower()):
            raise errors.MissingParameter(name)
    if fields["ossaccesskeyid"] != links.KEY_ID:
        raise errors.UnknownKey
    if not runtime.current().links.made_policy(fields["policy"], fields["signature"]):
        raise errors.WrongSignature("")
    # Signed by us, so made by us: its shape is known.
    policy = json.loads(base64.b64decode(fields["policy"]))
    left = round(datetime.fromisoformat(policy["expiration"]).timestamp() * 1000) - clock.now()
    if left < 0:
        raise errors.ExpiredTimestamp(left)
    (_, _, longest), condition = policy["conditions"]
    key = fields["key"]
    # A form from before an upgrade has another operator here: it was good for keys of every account.
    if condition != ["eq", "$key", key]:
        raise errors.NotGranted("a key other than the one that the form was announced for")
    redirect(fields)
    return key, longest, policy.get("holder", "")


def redirect(fields: Mapping[str, str]) -> str:
    """Return where the browser is sent after the upload, or nothing.

    Only pages that may call the gateway have a say in that; raises `errors.InvalidParameter` for any other address. It
    is not looked at where there are no such pages.
    """
    url, origins = fields.get(REDIRECT, ""), runtime.current().settings.cors_origins
    if not url or not origins:
        return ""
    if not allowed_origins.allow(origins, url) or not _URL.fullmatch(url):
        raise errors.InvalidParameter(REDIRECT, "an http or https URL of an origin in the setting cors_origins")
    return url


def _events(request: Request, body: Body) -> Iterator[multipart.Event]:
    """Yield the parts of the body, until its end or its first fault."""
    boundary = http.boundary(request)
    try:
        yield from _bounded(body, boundary)
    except RequestEntityTooLarge:
        raise errors.RequestTooLarge(f"{MAX_PARTS} parts") from None
    except (ValueError, HTTPException):
        raise errors.Unreadable("it is no well-formed multipart body") from None
    except OSError:
        raise errors.Unreadable("it ended too early") from None


def _bounded(stream: Body, boundary: bytes) -> Iterator[multipart.Event]:
    """Yield the parts of a body that has at most `MAX_BESIDE` bytes beside its file.

    The decoder's own limit is on what it holds at once, and depends on how the body is cut into reads. This one counts
    each byte that is not the file's, so it depends on the body alone.
    """
    reach = len(boundary) + PADDING
    most = MAX_BESIDE + reach + CHUNK + reach
    decoder = multipart.MultipartDecoder(boundary, max_form_memory_size=most, max_parts=MAX_PARTS)
    chunks = _chunks(stream, b"--" + boundary, reach)
    beside, files, in_file = 0, 0, False
    while True:
        held = len(decoder.buffer)
        event = decoder.next_event()
        if isinstance(event, multipart.NeedData):
            # Up to ``reach`` bytes of what the decoder holds may yet be the file's.
            if beside + held > MAX_BESIDE + reach:
                raise errors.RequestTooLarge(f"{MAX_BESIDE} bytes beside the file")
            decoder.receive_data(next(chunks, None))
            continue
        beside += held - len(decoder.buffer)
        if isinstance(event, multipart.Data):
            beside -= len(event.data) if in_file else 0
        elif isinstance(event, multipart.Field | multipart.File):
            files += event.name == FILE
            in_file = event.name == FILE and files == 1
        if beside > MAX_BESIDE:
            raise errors.RequestTooLarge(f"{MAX_BESIDE} bytes beside the file")
        yield event
        if isinstance(event, multipart.Epilogue):
            return


def _chunks(stream: Body, mark: bytes, reach: int) -> Iterator[bytes]:
    """Yield the body in chunks that do not end within a delimiter: of up to ``reach`` bytes, ``mark`` among them.

    Werkzeug's decoder takes the first half of some for content: the CR of one that is cut before its last dash, or the
    mark of one that is cut before its end of line.
    """
    held = b""
    while data := stream.read(CHUNK):
        data = held + data
        end = LINE_END.search(data, max(len(data) - reach, 0))
        cut = end.start() if end else len(data)
        if data.endswith(b"\r", 0, cut):  # perhaps the first half of an end of line
            cut -= 1
        line = max(data.rfind(b"\n", 0, cut), data.rfind(b"\r", 0, cut)) + 1
        if data.startswith(mark, line) and cut - line <= reach:  # what ends here is a delimiter
            cut = max(line - (2 if data.endswith(b"\r\n", 0, line) else 1), 0)
        held = data[cut:]
        yield data[:cut]
    yield held


def _data(events: Iterator[multipart.Event]) -> Iterator[bytes]:
    """Yield the bytes of one part."""
    for event in events:
        if not isinstance(event, multipart.Data):
            break
        yield event.data
        if not event.more_data:
            return
    raise errors.Unreadable("it ended too early")


def _field(events: Iterator[multipart.Event]) -> str:
    try:
        return b"".join(_data(events)).decode("utf-8")
    except UnicodeDecodeError:
        raise errors.Unreadable("a field is not UTF-8") from None


def _file(events: Iterator[multipart.Event], arrival: Arrival, longest: int) -> None:
    """Write the file's bytes as they come."""
    size = 0
    for data in _data(events):
        size += len(data)
        if size > longest:
            raise errors.RequestTooLarge(f"{longest} bytes")
        arrival.write(data)


def _drain(events: Iterator[multipart.Event]) -> None:
    """Read to the end of the form: one that breaks off behind the file was not sent whole."""
    for _ in events:
        pass
