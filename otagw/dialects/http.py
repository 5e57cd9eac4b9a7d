"""Read a request for any front: its body within a limit, and the URL that it was sent to."""

import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_options_header
from werkzeug.wrappers import Request

from otagw import errors, hosts, runtime

T = TypeVar("T")

# Far above what a kind with a charset or a boundary of 70 characters comes to.
_LONGEST_KIND: Final = 512
# In lower case and without "_": WSGI shows X-Y and x_y as one header, which could be signed under 2^n names.
_SIGNED: Final = re.compile(r"[a-z0-9;.!#$%&'*+^`|~-]+")
# RFC 2046, section 5.1.1. The time to look for a boundary grows with its length.
_BOUNDARY: Final = re.compile(r"(?=.{1,70}\Z) *[0-9A-Za-z'()+_,./:=?-]+(?: +[0-9A-Za-z'()+_,./:=?-]+)*")
FORM: Final = "multipart/form-data with a boundary of 1 to 70 characters of RFC 2046"
_ENCODINGS: Final = ("gzip", "x-gzip", "deflate", "br", "zstd", "compress")
_STRETCH: Final = 16 * 1024
# More than that takes longer to decode and to sign than others should wait: up to 5 ms.
LARGE: Final = 16 * 1024
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(slots=True)
class Received:
    """A request, of which the headers may be signed."""

    request: Request

    def header(self, name: str) -> str:
        """Return a header as it came (bytes as Latin-1), or an empty text."""
        key = name.upper().replace("-", "_")
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        return str(self.request.environ.get(key, ""))


def body(request: Request, longest: int) -> bytes:
    """Return the whole body; Werkzeug's own limit would cut a chunked one off without a word.

    Raises `errors.RequestTooLarge`, and `errors.Unreadable` for one that breaks off or is compressed.
    """
    if not request.environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in request.environ:
        return b""  # as most requests, whose headers need not be read for that
    check_length(request, longest)
    length = request.content_length
    if not length and "chunked" not in request.environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        return b""
    check_encoding(request)
    try:
        data = request.stream.read(longest + 1)
    except (HTTPException, OSError):
        raise errors.Unreadable("the body ended too early") from None
    if len(data) > longest:
        raise errors.RequestTooLarge(f"{longest} bytes")
    if length and len(data) < length:
        raise errors.Unreadable("the body ended too early")
    return data


def check_length(request: Request, longest: int, beside: int = 0) -> None:
    """Raise `errors.RequestTooLarge` for a Content-Length over ``longest + beside``, before the body is read.

    A chunked body has none; its reader has to count.
    """
    if (request.content_length or 0) > longest + beside:
        raise errors.RequestTooLarge(f"{longest} bytes")


def check_encoding(request: Request) -> None:
    """Raise `errors.Unreadable` for a body that is compressed: its digest and size would be those of something else."""
    encoding = str(request.headers.get("Content-Encoding", "")).strip().lower()
    if encoding not in ("", "identity"):
        known = encoding if encoding in _ENCODINGS else "another encoding"
        raise errors.Unreadable(f"the body is compressed (Content-Encoding: {known}): send it as it is")


def weighed(size: int, task: Callable[[], T]) -> T:
    """Return what a task makes of so many bytes of a request: in a thread where they are many."""
    return hosts.apart(task, hosts.COMPUTING) if size > LARGE else task()


def content_type(request: Request) -> tuple[str, dict[str, str]]:
    """Return the kind of a body, in lower case, and its options; none of a header over `_LONGEST_KIND` characters."""
    text = request.headers.get("Content-Type", "")
    kind, options = parse_options_header(text) if len(text) <= _LONGEST_KIND else ("", {})
    return kind.lower(), options


def boundary(request: Request) -> bytes:
    """Return what stands between the parts of a form; raise `errors.UnsupportedMediaType` for any other body."""
    kind, options = content_type(request)
    text = options.get("boundary", "")
    if kind != "multipart/form-data" or not _BOUNDARY.fullmatch(text):
        raise errors.UnsupportedMediaType(FORM)
    return text.encode()


def unquote(text: str) -> bytes:
    """Decode percent-encoding, ``+`` as a space, of a text whose characters are bytes (Latin-1).

    The standard library holds an object of 80 bytes for each escape of what it is given: that is a stretch at a time.
    """
    raw = text.replace("+", " ").encode("latin-1")
    if len(raw) <= _STRETCH:
        return unquote_to_bytes(raw)
    found, start = bytearray(), 0
    while len(raw) - start > _STRETCH:
        end = start + _STRETCH
        escape = raw.find(b"%", end - 2, end)  # one that the cut would go through
        end = escape if escape > start else end
        found += unquote_to_bytes(raw[start:end])
        start = end
    return bytes(found + unquote_to_bytes(raw[start:]))


def decode(text: str, name: str) -> str:
    """Return a parameter's text without its percent-encoding, or raise `errors.InvalidParameter` with its name."""
    try:
        return unquote(text).decode("utf-8")
    except UnicodeError:
        raise errors.InvalidParameter(ascii(name).strip("'")[:64], "percent-encoded UTF-8") from None


def signed_headers(text: str) -> list[str] | None:
    """Return the names in a list of signed headers; None unless they are different names in lower case."""
    names = text.split(";")
    return names if _SIGNED.fullmatch(text) and len(set(names)) == len(names) else None


def signed_pairs(call: Received, names: Iterable[str]) -> list[list[tuple[str, str]]]:
    """Return the signed headers with their values: as they came, and with each host of `signed_hosts` for theirs."""
    came = [(name, call.header(name)) for name in names]
    others = runtime.current().settings.signed_hosts if "host" in dict(came) else ()
    return [came, *([(name, host if name == "host" else value) for name, value in came] for host in others)]


def right_one(made: Iterable[tuple[str, str]], signature: str) -> tuple[str, str]:
    """Return that of several signatures, each with what it signs, which is ``signature``; or else the first."""
    found = list(made)
    right = (each for each in found if hmac.compare_digest(each[0].encode(), signature.encode()))
    return next(right, found[0])


def repeated(names: Iterable[str]) -> str | None:
    """Return the first name that comes a second time, or None; each is looked up once."""
    seen: set[str] = set()
    for name in names:
        count = len(seen)
        seen.add(name)
        if len(seen) == count:
            return name
    return None


def endpoint(request: Request) -> str:
    """Return the URL on which the links of an answer are built: the public one, or the one that the client used."""
    settings = runtime.current().settings
    # Some clients write the scheme into Host.
    host = str(request.environ.get("HTTP_HOST", "")).rpartition("://")[2]
    reached = f"{request.scheme}://{host}" if _HOST.fullmatch(host) else settings.endpoint
    return settings.public_url.rstrip("/") or reached
