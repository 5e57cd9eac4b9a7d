"""What a form may have beside its file: a bounded number of bytes, whatever is sent and however it is announced."""

import base64
import json
from types import SimpleNamespace

import pytest

from otagw.dialects.oss import form
from tests import bodies
from tests.bodies import Endless
from tests.oss.conftest import BOUNDARY, body_of, fields_of
from tests.oss.test_form import bodies_of, outcome, part
from tests.oss.test_upload import refused

KIND = f"multipart/form-data; boundary={BOUNDARY}"
# What the gateway reads at most before it refuses: what is beside the file, and one read more.
PULLED = form.MAX_BESIDE + 2 * form.CHUNK
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"'.encode()
END = f"\r\n--{BOUNDARY}--\r\n".encode()
# The default of `max_package_bytes`.
LONGEST = 1 << 30


def send(client, stream, length=None, kind=KIND):
    return bodies.send(client.http, "POST", "/oss", stream, length, CONTENT_TYPE=kind)


def endless(fields):
    """Return every stretch of a form that could go on forever."""
    values = b"".join(part(BOUNDARY, name, value.encode()) for name, value in fields.items())
    whole = body_of(fields, b"content")
    return {
        "preamble": (b"", b"x"),
        "preamble of lines": (b"", b"\r\n"),
        "preamble of dashes": (b"", b"-"),
        "head of one line": (HEAD, b"x"),
        "head of lines": (HEAD, b"\r\na: b"),
        "head of continued lines": (HEAD, b"\r\n "),
        "blanks behind a boundary": (f"--{BOUNDARY}".encode(), b" "),
        "value": (values + part(BOUNDARY, "x", b"")[:-2], b"y"),
        "parts": (values, part(BOUNDARY, "x", b"")),
        "files": (whole[: -len(END)] + b"\r\n", part(BOUNDARY, "file", b"")),
        "part behind the file": (whole[: -len(END)] + b"\r\n" + HEAD + b"\r\n\r\n", b"z"),
        "epilogue": (whole, b"x"),
        "epilogue of boundaries": (whole, END),
    }


@pytest.mark.parametrize("length", [None, 500_000_000])
@pytest.mark.parametrize("where", list(endless(dict.fromkeys("abcd", ""))))
def test_what_has_no_end_is_refused_after_a_bounded_number_of_bytes(client, announce, stored, where, length):
    stream = Endless(*endless(fields_of(announce()))[where])
    with bodies.memory() as memory:
        found = refused(send(client, stream, length))
    assert found[0] == 400
    assert found[1] in ("EntityTooLarge", "InvalidArgument")  # the second: a field comes twice
    assert stream.pulled <= PULLED
    assert memory.peak < 4 * 1024 * 1024
    assert stored() == []


@pytest.mark.parametrize("sizes", [[1 << 20], [1, 7], [4096], [63 * 1024]])
@pytest.mark.parametrize("where", ["preamble", "value", "head", "behind", "epilogue"])
def test_the_limit_depends_on_the_bytes_and_not_on_how_they_come(where, sizes):
    def form_of(filled):
        room = {where: filled}
        fields = [("x", "y" * room.get("value", 0))]
        head = f'file"; filename="{"x" * room.get("head", 0)}'
        return (
            b"p" * room.get("preamble", 0)
            + b"\r\n"
            + bodies_of(BOUNDARY, fields, b"")[: -len(part(BOUNDARY, 'file"; filename="x.bin', b"") + END) + 2]
            + part(BOUNDARY, head, b"content")
            + part(BOUNDARY, "late", b"z" * room.get("behind", 0))
            + END[2:]
            + b"e" * room.get("epilogue", 0)
        )

    beside = len(form_of(0)) - len(b"content")
    most = form.MAX_BESIDE - beside
    assert outcome(form_of(most), BOUNDARY, sizes)[1] == b"content"
    assert outcome(form_of(most + 1), BOUNDARY, sizes)[0].__name__ == "RequestTooLarge"


@pytest.mark.parametrize(("more", "found"), [(0, None), (1, (400, "EntityTooLarge"))])
def test_a_form_has_sixty_four_parts_at_most(client, announce, more, found):
    fields = fields_of(announce())
    others = {f"x{number}": "" for number in range(form.MAX_PARTS - len(fields) - 1 + more)}
    response = client.http.post("/oss", data=body_of({**others, **fields}, b"content"), content_type=KIND)
    assert (refused(response) if found else response.status_code) == (found or 204)


def test_what_is_announced_as_larger_than_any_policy_allows_is_refused_unread(client):
    stream = Endless(b"", b"x")
    assert refused(send(client, stream, LONGEST + form.MAX_BESIDE + 1)) == (400, "EntityTooLarge")
    assert stream.pulled == 0


@pytest.mark.parametrize(
    ("operation", "size"), [("GenerateDeviceNameListURL", 5 * 1024 * 1024), ("GenerateOTAUploadURL", LONGEST)]
)
def test_what_is_announced_as_larger_than_its_policy_allows_is_refused_with_the_fields(client, stored, operation, size):
    fields = fields_of(client.ok(operation)["Data"])
    stream = Endless(body_of(fields, b"")[: -len(END)], b"x")
    assert refused(send(client, stream, size + form.MAX_BESIDE + 1)) == (400, "EntityTooLarge")
    assert stream.pulled <= form.CHUNK
    assert stored() == []


def test_no_policy_allows_more_than_a_form_may_announce(client, announce):
    for data in (announce(), client.ok("GenerateDeviceNameListURL")["Data"]):
        ((_, _, longest), _) = json.loads(base64.b64decode(data["Policy"]))["conditions"]
        assert longest <= LONGEST


def test_a_long_file_costs_no_memory():
    head = bodies_of(BOUNDARY, [("key", "x")], b"")[: -len(END)]
    nearly = b"\r\n--" + BOUNDARY.encode()[:-1]
    size = 32 * 1024 * 1024 // len(nearly) * len(nearly)
    bytes_left, tail, written = [len(head) + size], [END], []
    endless = Endless(head, nearly)

    def read(count):
        count = min(count, bytes_left[0])
        bytes_left[0] -= count
        return endless.read(count) if count else tail.pop() if tail else b""

    body = SimpleNamespace(headers={"Content-Type": KIND}, content_length=None, stream=SimpleNamespace(read=read))
    arrival = SimpleNamespace(write=lambda data: written.append(len(data)))
    with bodies.memory() as memory:
        form.read(body, lambda fields: (arrival, LONGEST), LONGEST)
    assert sum(written) == size
    assert memory.peak < 2 * 1024 * 1024


# Each is what a client puts into Content-Type, its random part filled in.
REAL = {
    "curl": "------------------------d74496d66958873e",
    "curl, eight": "------------------------" + "aZ09" * 5 + "xy",
    "requests": "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "aiohttp": "fd8e1e8f3cf04d0f9ba7cd3c4b1ea07b",
    "Chromium, WebKit": "----WebKitFormBoundary7MA4YWxkTrZu0gW5",
    "Firefox": "---------------------------974767299852498929531610575",
    "Firefox, new": "----geckoformboundary8e7ad6e2d2d3bd4f0b7ee1c9e7c0c3f",
    "Go": "a" * 60,
    "Apache HttpClient": "-gNF5_2ZNvvhvQ7lXr-NiIDOk2TmUJ0iLGmrdu_",
    "OkHttp, Java": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ".NET": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    ".NET, WebClient": "---------------------8d9f1c2b3a4e5f6",
    "Node, form-data": "--------------------------515890814546601021194782",
    "undici": "----formdata-undici-0" + "12345678901",
    "Dart": "dart-http-boundary-" + "A+_-.z" * 8 + "abc",
    "Perl": "xYzZY",
    "Python email": "===============7330845974216740156==",
    "Ruby": "-----------RubyMultipartPost-4f5e6d7c",
    "RFC 2046": "gc0pJq0M:08jU534c0p",
    "all that may be": "0aA'()+_,-./:=? x",
    "70": "b" * 70,
}


def under(client, announce, boundary, quoted=True):
    body = body_of(fields_of(announce()), b"content").replace(BOUNDARY.encode(), boundary.encode("latin-1"))
    mark = f'"{boundary}"' if quoted else boundary
    return client.http.post("/oss", data=body, headers={"Content-Type": f"multipart/form-data; boundary={mark}"})


@pytest.mark.parametrize("boundary", REAL.values(), ids=REAL)
def test_the_boundaries_of_real_clients_are_taken(client, announce, boundary):
    assert under(client, announce, boundary).status_code == 204
    if not set(boundary) & set("()<>@,;:/[]?= "):  # others are quoted by every client, RFC 2045
        assert under(client, announce, boundary, quoted=False).status_code == 204


@pytest.mark.parametrize("boundary", ["b" * 71, "-" * 32_000, "x ", "a*b", "a\tb", "a\xe9", "a<b>", ""])
def test_another_boundary_is_refused_unread(client, boundary):
    stream = Endless(b"", b"-")
    assert refused(send(client, stream, kind=f'multipart/form-data; boundary="{boundary}"')) == (
        400,
        "MalformedPOSTRequest",
    )
    assert stream.pulled == 0


def test_a_kind_with_options_without_end_is_refused_unread(client):
    stream = Endless(b"", b"-")
    kind = "multipart/form-data" + "; a=b" * 10_000 + f"; boundary={BOUNDARY}"
    assert refused(send(client, stream, kind=kind)) == (400, "MalformedPOSTRequest")
    assert stream.pulled == 0
