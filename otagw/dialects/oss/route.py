"""The front of files: one form to upload to, one signed address to download from."""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import BinaryIO, Final
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

from werkzeug.http import quote_etag
from werkzeug.wrappers import Request

from otagw import errors, gateway, runtime
from otagw.call import AddressedCall, Answer
from otagw.dialects import http
from otagw.dialects.addressed import AddressedFront, Download
from otagw.dialects.oss import codes, form, ranges
from otagw.dialects.oss.handover import Handover
from otagw.dialects.oss.running import Running
from otagw.files import links
from otagw.ops import metrics
from otagw.ota.packages import stored_files
from otagw.ota.packages.arrivals import Arrival
from otagw.ota.packages.stored_files import File

XML: Final = "application/xml"
BEARER: Final = "bearer"
# What a name is in a header for clients that know no other form.
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]")
POST, GET = OPERATIONS = ("PostObject", "GetObject")


class Front(AddressedFront):
    """The form and the links; ``handover`` says who may send bytes in our place."""

    name = "oss"

    def __init__(self, handover: Handover) -> None:
        self._handover, self._running = handover, Running()

    def answer(self, request: Request, operation: str, sender: str, act: Callable[[AddressedCall], Answer]) -> Answer:
        """Answer a request as any front does, with the vendor's name for its id."""
        answer = super().answer(request, operation, sender, act)
        return answer._replace(headers={**answer.headers, "x-oss-request-id": answer.request_id})

    def owns(self, path: str) -> bool:
        """Tell whether an address is that of the form or of a file."""
        return path == links.PATH or path.startswith(f"{links.PATH}/")

    def post(self, request: Request) -> Answer:
        """Take an upload: 204, or the 200 or 201 that the form asks for, once the file is durable."""
        return self.answer(request, POST, "", lambda call: _upload(request, call, self._running))

    def get(self, request: Request, key: str) -> Answer:
        """Give a file, or parts of it, to a client that has a link to it, or have it given."""
        return self.answer(request, GET, "", lambda call: _download(request, call, key, self._handover))

    def give(self, request: Request, call: AddressedCall, download: Download) -> Answer:
        """Answer the request of another front with a file, as a link to it is answered."""
        seconds = runtime.current().settings.link_life_seconds
        return _given(request, call, download, seconds, self._handover)

    def refusal(self, request: Request, call: AddressedCall, fault: errors.Fault) -> Answer:
        """Spell a refusal."""
        code, status, text = codes.spell(fault)
        host = request.environ.get("HTTP_HOST", "")
        facts = {"Code": code, "Message": text, "RequestId": call.request_id, "HostId": host}
        found = {"Retry-After": str(-(-fault.wait // 1000))} if isinstance(fault, errors.Throttled) else {}
        if isinstance(fault, errors.MethodNotAllowed):
            found["Allow"] = ", ".join(fault.allowed)
        return Answer(status, _xml("Error", facts), XML, call.request_id, code, found)


def _xml(root: str, facts: Mapping[str, str]) -> bytes:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in facts.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>{inner}</{root}>'.encode()


def _upload(request: Request, call: AddressedCall, running: Running) -> Answer:
    with contextlib.ExitStack() as stack:
        return _written(request, call, running, stack)


def _written(request: Request, call: AddressedCall, running: Running, stack: contextlib.ExitStack) -> Answer:
    """Write the file of a form; ``stack`` is left when the upload is over."""

    def begin(fields: dict[str, str]) -> tuple[Arrival, int]:
        key, longest, holder = form.check(fields)
        call.parameters = {"key": key}
        stack.enter_context(running.one(key, holder, runtime.current().settings.uploads_per_key))
        gateway.meet(call, request)
        http.check_length(request, longest, beside=form.MAX_BESIDE)
        return Arrival(key, (request.content_length or 0) - form.MAX_BESIDE), longest

    longest = max(runtime.current().settings.max_package_bytes, links.LONGEST_LIST)
    fields, arrival = form.read(request, begin, longest)
    facts = arrival.keep()
    metrics.count("otagw_upload_bytes_total", by=facts.size)
    return _uploaded(fields, call, facts.md5)


def _uploaded(fields: Mapping[str, str], call: AddressedCall, md5: str) -> Answer:
    """Answer with the status that the form asked for."""
    etag = f'"{md5.upper()}"'
    if form.redirect(fields):
        facts = urlencode({"bucket": "ota", "key": fields["key"], "etag": etag})
        address = urlsplit(form.redirect(fields))
        address = address._replace(query="&".join(filter(None, (address.query, facts))), fragment="")
        return Answer(303, b"", XML, call.request_id, headers={"ETag": etag, "Location": address.geturl()})
    status = {"200": 200, "201": 201}.get(fields.get("success_action_status", ""), 204)
    body = b""
    if status == 201:
        body = _xml(
            "PostResponse",
            {"Bucket": "ota", "Location": f"{links.PATH}/{fields['key']}", "Key": fields["key"], "ETag": etag},
        )
    return Answer(status, body, XML, call.request_id, headers={"ETag": etag})


def _download(request: Request, call: AddressedCall, key: str, handover: Handover) -> Answer:
    token = _bearer(request)
    left = _left(request, key) if token is None else runtime.current().links.bearer_left(key, token)
    if left is None or left < 0:
        raise errors.ExpiredTimestamp(left)
    call.parameters = {"key": key}
    gateway.meet(call, request)
    file = stored_files.find(key)
    if file is None:
        raise errors.NotFound(kind=stored_files.KIND, key=key)
    name = key.rpartition("/")[2]
    if token is not None:  # clients that have one follow no redirects
        name, handover = links.short_name(key), replace(handover, redirect=False)
    return _given(request, call, Download(file, name), left // 1000, handover)


def _bearer(request: Request) -> str | None:
    """Return the bearer token of a request, if it has one, and no signature in its address."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == BEARER and not request.args else None


def _left(request: Request, key: str) -> int | None:
    """Return for how long a request may have a file by the signature in its address."""
    signed = (request.args.get(name, "") for name in ("Expires", "OSSAccessKeyId", "Signature"))
    return runtime.current().links.left(key, *signed)


def _given(request: Request, call: AddressedCall, download: Download, seconds: int, handover: Handover) -> Answer:
    """Answer with a file, or send the client for some seconds to where it is, by the conditions of the request."""
    file = download.file
    tag = file.facts.sha256
    headers = {
        "ETag": quote_etag(tag),
        "Accept-Ranges": "bytes",
        "Content-Disposition": _disposition(download.name),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private",
    }
    if request.if_none_match.contains_weak(tag):
        return Answer(304, b"", ranges.KIND, call.request_id, headers=headers)
    address = handover.to_store(request, file, headers["Content-Disposition"], seconds)
    if address:
        headers = {"Location": address, "Cache-Control": "private, no-store"}
        return Answer(302, b"", ranges.KIND, call.request_id, headers=headers)
    if request.if_match and not request.if_match.contains(tag):
        return Answer(412, b"", ranges.KIND, call.request_id, "PreconditionFailed", headers)
    return _bytes(request, call, file, headers, handover)


def _disposition(name: str) -> str:
    """Return the header that names a file: in letters that every client reads, and as it is where that differs."""
    plain = _PLAIN.sub("_", name)
    return f"attachment; filename={plain}; filename*=UTF-8''{quote(name)}"


def _bytes(request: Request, call: AddressedCall, file: File, headers: dict[str, str], handover: Handover) -> Answer:
    """Answer with the whole file, the parts asked for, or that there are no such parts."""
    size = file.facts.size
    # Compared as it came: a weak tag, or a date, is no ground to join parts.
    applies = request.headers.get("If-Range", headers["ETag"]).strip() == headers["ETag"]
    parts = ranges.wanted(request.range, size) if applies else None
    if parts == []:
        headers["Content-Range"] = f"bytes */{size}"
        return Answer(416, b"", ranges.KIND, call.request_id, "InvalidRange", headers)
    opened = _open(file) if request.method == "GET" else None
    path = handover.to_nginx(request, file, parts)
    if opened and path:
        opened.close()
        del headers["Accept-Ranges"]  # nginx would put its own beside it
        headers["X-Accel-Redirect"] = path
        metrics.count("otagw_download_bytes_total", by=size)
        return Answer(200, b"", ranges.KIND, call.request_id, headers=headers)
    kind, status = ranges.KIND, 206
    stream: Iterable[bytes] = ()  # for HEAD: nothing, of the length that is announced
    if parts and len(parts) > 1:
        several = ranges.Several(parts, size)
        kind, length = f"multipart/byteranges; boundary={several.boundary}", several.length
        stream = several.read(opened) if opened else ()
    else:
        part = parts[0] if parts else ranges.Part(0, size)
        length, status = part.stop - part.start, 206 if parts else 200
        stream = ranges.read(opened, part) if opened else ()
        if parts:
            headers["Content-Range"] = ranges.content_range(part, size)
    headers["Content-Length"] = str(length)
    if opened:
        metrics.count("otagw_download_bytes_total", by=length)
    return Answer(status, b"", kind, call.request_id, headers=headers, stream=stream)


def _open(file: File) -> BinaryIO:
    try:
        return runtime.current().storage.open(file.path)
    except FileNotFoundError:  # deleted since it was found
        raise errors.NotFound(kind=stored_files.KIND, key=file.key) from None
