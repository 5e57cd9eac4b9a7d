"""Forms with a file, which few operations of IoTDA take in the place of JSON."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio import multipart
from werkzeug.wrappers import Request

from otagw import errors
from otagw.dialects import http

# The most bytes of a form beside its file.
MAX_BESIDE: Final = 64 * 1024
_MAX_PARTS: Final = 16


class Upload(NamedTuple):
    """A file of a form: the name that it came under, without folders, and its bytes."""

    name: str
    data: bytes


def read(request: Request, body: bytes) -> dict[str, Any]:
    """Return the parts of a form by name, an `Upload` or a text each; an empty part is none.

    Raises `errors.UnsupportedMediaType`, `errors.Unreadable`, and `errors.InvalidParameter` for a name given twice.
    """
    if not body:
        return {}
    boundary = http.boundary(request)
    return http.weighed(len(body), lambda: _read(body, boundary))


def _read(body: bytes, boundary: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        for name, value in _parts(body, boundary):
            if name in found:
                raise errors.InvalidParameter(ascii(name).strip("'")[:64], "to be given once")
            found[name] = value
    except RequestEntityTooLarge:
        raise errors.RequestTooLarge(f"{_MAX_PARTS} parts") from None
    except ValueError:  # of bytes that are no UTF-8, too
        raise errors.Unreadable("the body is no well-formed multipart/form-data") from None
    return {name: value for name, value in found.items() if (value.data if isinstance(value, Upload) else value)}


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, Any]]:
    decoder = multipart.MultipartDecoder(boundary, max_parts=_MAX_PARTS)
    decoder.receive_data(body)
    decoder.receive_data(None)
    head: multipart.Field | multipart.File | None = None
    data: list[bytes] = []
    while not isinstance(event := decoder.next_event(), multipart.Epilogue):
        if isinstance(event, multipart.Field | multipart.File):
            head, data = event, []
        elif isinstance(event, multipart.Data) and head:
            data.append(event.data)
            if not event.more_data:
                yield head.name or "", _value(head, b"".join(data))


def _value(head: multipart.Field | multipart.File, data: bytes) -> Any:
    if isinstance(head, multipart.File):
        return Upload(head.filename.replace("\\", "/").rpartition("/")[2], data)
    return data.decode("utf-8")
