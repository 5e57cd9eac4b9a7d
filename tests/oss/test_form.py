"""The form, however its bytes come in: the outcome depends on what was sent, never on how it was cut into reads."""

import itertools
import string
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from otagw import errors
from otagw.dialects.oss import form
from tests.oss.conftest import body_of, fields_of, post

ROOM = 2000  # the most bytes that the files here may have


class Stream:
    """A body that comes in pieces of the given sizes, over and over."""

    def __init__(self, body, sizes):
        self.rest, self.sizes = body, itertools.cycle(sizes)

    def read(self, size):
        size = min(size, next(self.sizes))
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


class Recorder:
    """Take the place of an `Arrival`."""

    def __init__(self):
        self.data, self.discarded = b"", False

    def write(self, data):
        self.data += data

    def discard(self):
        self.discarded = True


def outcome(body, boundary, sizes):
    """Return what comes of a body: the fields as they were when the file began, the file, or the fault."""
    recorder, seen = Recorder(), []

    def begin(fields):
        seen.append(dict(fields))
        return recorder, ROOM

    headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
    try:
        fields, arrival = form.read(
            SimpleNamespace(headers=headers, content_length=None, stream=Stream(body, sizes)), begin, ROOM
        )
    except errors.Fault as fault:
        assert recorder.discarded is bool(seen)
        return type(fault), vars(fault), seen
    assert not recorder.discarded
    assert arrival is recorder
    return fields, recorder.data, seen


def part(boundary, name, value):
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"


def bodies_of(boundary, fields, content):
    """Return a whole form: fields, in their order, and the file."""
    head = b"".join(part(boundary, name, value.encode()) for name, value in fields)
    return head + part(boundary, 'file"; filename="x.bin', content) + f"--{boundary}--\r\n".encode()


BOUNDARIES = st.text(string.ascii_letters + string.digits + "'()+_,-./:=?", min_size=1, max_size=70)
SIZES = st.lists(st.integers(1, 60) | st.integers(1, 100_000), min_size=1, max_size=20)
NAMES = st.lists(st.sampled_from(["key", "policy", "OSSAccessKeyId", "Signature", "x"]), unique=True)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@st.composite
def forms(draw):
    """Draw a boundary, fields, and a file full of what looks like the boundary."""
    boundary = draw(BOUNDARIES)
    names = draw(st.permutations(draw(NAMES)))
    fields = [(name, draw(VALUES)) for name in names]
    mark = boundary.encode()
    nearly = st.sampled_from(
        [b"\r\n", b"\r", b"\n", b"-", b"--", b"\r\n--", b"\0", mark, mark[:-1], b"\r\n--" + mark[:-1], b"\r\n-" + mark]
    )
    content = b"".join(draw(st.lists(nearly | st.binary(max_size=40), max_size=25)))
    assume(len(content) <= ROOM)
    assume(not any(b"--" + mark in text for text in (content, *(value.encode() for _, value in fields))))
    return boundary, fields, content


@settings(deadline=None, max_examples=300)
@given(forms(), SIZES)
def test_a_form_is_read_as_it_was_meant_however_it_comes(drawn, sizes):
    boundary, fields, content = drawn
    found = {name.lower(): value for name, value in fields}
    assert outcome(bodies_of(*drawn), boundary, sizes) == (found, content, [found])


@settings(deadline=None, max_examples=300)
@given(forms(), SIZES, st.data())
def test_a_damaged_form_is_judged_alike_however_it_comes(drawn, sizes, data):
    boundary, _, _ = drawn
    body = bytearray(bodies_of(*drawn))
    start, stop = sorted(data.draw(st.integers(0, len(body))) for _ in range(2))
    body[start:stop] = data.draw(st.binary(max_size=20) | st.just(bytes(body[start:stop]) * 2))
    assert outcome(bytes(body), boundary, sizes) == outcome(bytes(body), boundary, [len(body) + 1])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 64, 65, 66, 67, 68])
@pytest.mark.parametrize("value", ["", "a", "\r\n", "--0"])
def test_a_delimiter_right_behind_a_head_is_one_however_it_comes(size, value):
    head = part("0", "key", b"").removesuffix(b"\r\n")
    body = head + bodies_of("0", [("key", value), ("policy", value)], b"content")
    whole = outcome(body, "0", [len(body) + 1])
    assert whole[:2] == (errors.InvalidParameter, {"name": "key", "expected": "to be given once"})
    assert outcome(body, "0", [size]) == whole


@settings(deadline=None, max_examples=100)
@given(forms(), SIZES, st.integers(1, 50))
def test_a_file_over_the_limit_is_refused_however_it_comes(drawn, sizes, more):
    boundary, fields, _ = drawn
    found = outcome(bodies_of(boundary, fields, b"\1" * (ROOM + more)), boundary, sizes)
    assert found[0] is errors.RequestTooLarge


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80), st.booleans())
def test_no_other_key_than_the_announced_one_is_taken(client, announce, stored, text, within):
    fields = fields_of(announce())
    key = ("ota/firmware/" if within else "") + text
    response = post(client, body_of({**fields, "key": key}, b"content"))
    assert response.status_code == 403
    assert stored() == []


@pytest.mark.parametrize("odd", ["\0", "\n", "é", "\x7f"])
def test_a_key_with_odd_characters_is_refused_before_it_is_looked_up(client, announce, odd):
    response = post(client, body_of({**fields_of(announce()), "key": f"ota/firmware/{odd}.bin"}, b""))
    assert response.status_code == 403
