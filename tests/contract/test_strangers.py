"""What a stranger may cost: bytes that are read, memory that is held, steps that are taken, in every front."""

import importlib
import pkgutil
import re
from pathlib import Path
from re import _constants as ops
from re import _parser as parser
from urllib.parse import unquote_to_bytes

import pytest

import otagw.dialects
from otagw import access
from otagw.dialects import http
from otagw.dialects.aliyun import wire as aliyun
from otagw.dialects.ddi import route as ddi
from otagw.dialects.device import route as device
from otagw.dialects.iotda import wire as iotda
from otagw.ota import ids, versions
from otagw.ota.devices import devices
from otagw.ota.products import products
from tests import bodies, signer
from tests.bodies import Endless
from tests.conftest import KEY
from tests.iotda.conftest import Iotda
from tests.iotda.signer import PROJECT

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MIB = 1024 * 1024
PACKAGES = "/v5/iot/p/ota-upgrades/packages"
TOKENS = "/v3/auth/tokens"
# Every door behind which a body is read as a whole: its method, path, kind and limit, and the name of its code.
DOORS = {
    "actions": ("POST", "/", FORM, aliyun.MAX_BODY, "Code"),
    "iotda": ("POST", PACKAGES, JSON, iotda.MAX_BODY, "error_code"),
    "token": ("POST", TOKENS, JSON, iotda.MAX_CREDENTIALS, "error_code"),
    "device": ("PUT", "/device/v1/p/d/versions/default", JSON, device.Front.longest, "code"),
    "ddi": ("PUT", "/p/controller/v1/d/configData", JSON, ddi.Front.longest, "errorCode"),
}


@pytest.fixture(params=DOORS)
def door(request):
    return DOORS[request.param]


def test_a_body_that_is_announced_as_too_large_is_refused_unread(client, door):
    method, path, kind, longest, code = door
    stream = Endless(b"", b" ")
    response = bodies.send(client.http, method, path, stream, longest + 1, CONTENT_TYPE=kind)
    assert response.status_code == 413, response.text
    assert response.json[code]
    assert stream.pulled == 0


def test_a_body_without_an_end_is_refused_where_the_limit_is(client, door):
    method, path, kind, longest, _ = door
    stream = Endless(b"", b" ")
    assert bodies.send(client.http, method, path, stream, CONTENT_TYPE=kind).status_code == 413
    assert stream.pulled == longest + 1


def test_a_body_for_no_operation_is_refused_unread(client):
    for path in ("/v5/nothing", "/v3/nothing", "/device/v1/nothing", "/p/controller/v1/d/nothing", "/nothing"):
        stream = Endless(b"", b" ")
        assert bodies.send(client.http, "POST", path, stream, CONTENT_TYPE=JSON).status_code == 404
        assert stream.pulled == 0


def test_two_modules_read_bodies_and_both_count_them():
    root = Path(otagw.__file__).parent
    ways = re.compile(r"request\.(stream|form|files|values|data|json)\b|get_data\(|get_json\(|wsgi\.input|\.mimetype")
    readers = {str(path.relative_to(root)) for path in root.rglob("*.py") if ways.search(path.read_text("utf-8"))}
    readers = {reader for reader in readers if not reader.startswith("testing/")}  # which no stranger reaches
    assert readers == {"dialects/http.py", "dialects/oss/form.py"}


@pytest.mark.parametrize("again", [b"[],", b'{"a":1},', b"1,", b"[", b'"a",', b" "])
def test_json_of_a_stranger_costs_no_more_than_its_bytes(client, door, again):
    method, path, kind, longest, code = door
    start, end = b'{"auth":[', b"0]}"
    body = start + again * ((longest - len(start) - len(end)) // len(again)) + end
    with bodies.memory() as memory:
        response = client.http.open(path, method=method, data=body, content_type=kind)
    assert 400 <= response.status_code < 500
    assert response.json[code]
    assert memory.peak < 4 * longest + 4 * MIB


@pytest.mark.parametrize("unit", [b"[],", b'{"a":1},', b"1,"])
def test_json_of_a_caller_costs_a_few_times_its_bytes(app, unit):
    body = b'{"targets":[' + unit * ((12 * MIB - 20) // len(unit)) + b"0]}"
    with bodies.memory() as memory:
        found = Iotda(app).refused("POST", f"/v5/iot/{PROJECT}/batchtasks", body)
    assert found[:2] == (413, "APIGW.0201")
    assert memory.peak < 4 * len(body)


WIDE = {
    "many names": "&".join(f"p{number}=" for number in range(29_000)),
    "escaped names": "&".join(f"%70{number}=%70" for number in range(8_000)),
    "one value to escape": "x=" + "*" * (4 * MIB - 1000),
    "one escaped value": "x=" + "%E4%B8%AD" * (MIB // 9),
    "a key without end": "AccessKeyId=" + "k" * (4 * MIB - 1000),
}


@pytest.mark.parametrize("wide", WIDE.values(), ids=WIDE)
def test_a_form_of_an_unknown_key_costs_a_few_times_its_bytes(client, wide):
    params = signer.v1(("nobody", KEY[1]), "ListOTAFirmware", "POST")
    if wide.startswith("AccessKeyId"):
        del params["AccessKeyId"]
    body = f"{signer.query(params)}&{wide}"
    with bodies.memory() as memory:
        response = client.http.post("/", data=body, content_type=FORM)
    assert response.json["Code"] == "InvalidAccessKeyId.NotFound"
    assert memory.peak < 8 * len(body) + 8 * MIB


def test_a_header_is_signed_under_one_name(client):
    long, names = "x-a-b-c-d-e-f-g-h", ["x"]
    for letter in long[2::2]:
        names = [name + sign + letter for name in names for sign in "-_"]
    right = {name.lower(): value for name, value in signer.v3(KEY, "ListOTAFirmware", "gateway.test:8686").items()}
    signed = right["authorization"].replace("SignedHeaders=", f"SignedHeaders={';'.join(names)};")
    right |= {"authorization": signed, long: "y" * 100_000}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in right.items()}
    with bodies.memory() as memory:
        response = client.http.post("/", environ_overrides=environ)
    assert response.json["Code"] == "IncompleteSignature"
    assert memory.peak < 4 * MIB


@pytest.mark.parametrize("key", [("nobody", KEY[1]), (KEY[0], "wrong")], ids=["unknown key", "wrong secret"])
def test_long_names_of_parameters_are_not_kept(client, key):
    with bodies.memory() as memory:
        for number in range(20):
            params = signer.v1(key, "ListOTAFirmware", "POST")
            body = f"{signer.query(params)}&{number}{'n' * MIB}=1"
            assert not client.http.post("/", data=body, content_type=FORM).json["Success"]
    assert memory.kept < 4 * MIB


def test_long_names_of_signed_headers_are_not_kept(client):
    right = {name.lower(): value for name, value in signer.v3(KEY, "ListOTAFirmware", "gateway.test:8686").items()}
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in right.items()}
    with bodies.memory() as memory:
        for number in range(20):
            long = f"SignedHeaders=z{number}{'z' * 240_000};"
            environ["HTTP_AUTHORIZATION"] = right["authorization"].replace("SignedHeaders=", long)
            response = client.http.post("/", environ_overrides=environ)
            assert response.json["Code"] == "SignatureDoesNotMatch"
    assert memory.kept < 4 * MIB


def test_a_long_path_is_not_taken_apart_for_each_template():
    path = "/v5/iot/" + "/" * 240_000
    with bodies.memory() as memory:
        assert iotda.match("/v5/iot/{project_id}/devices", path) is None
    assert memory.peak < MIB


@pytest.mark.parametrize(
    "header", [" " * 240_000, "TargetToken" + " " * 240_000 + "x y", "TargetToken " + "a" * 240_000]
)
def test_a_token_of_any_length_is_judged_as_none_is(client, header):
    path = "/p/controller/v1/d"
    none, long = (client.http.get(path, environ_overrides=given) for given in ({}, {"HTTP_AUTHORIZATION": header}))
    assert long.status_code == none.status_code == 401
    assert long.json["errorCode"] == none.json["errorCode"]


@pytest.mark.parametrize("unit", ["%41", "%4", "%%41", "a+b%2B", "%E4%B8%AD", "%zz%", "x"])
def test_a_long_value_is_decoded_as_a_short_one_is(unit):
    for before in range(4):
        text = "-" * before + unit * 12_000
        assert http.unquote(text) == unquote_to_bytes(text.replace("+", " "))


class Counted(str):
    """A name that counts how often it is hashed, and compared with another."""

    hashed = compared = 0

    def __hash__(self):
        Counted.hashed += 1
        return str.__hash__(self)

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("again", [False, True])
def test_names_that_come_twice_are_found_in_one_pass(again, monkeypatch):
    monkeypatch.setattr(Counted, "hashed", 0)
    monkeypatch.setattr(Counted, "compared", 0)
    names = [Counted(f"name{number}") for number in range(iotda.MAX_PARAMETERS)] + [Counted("name7")] * again
    assert http.repeated(names) == ("name7" if again else None)
    assert Counted.hashed <= len(names)
    assert Counted.compared <= len(names) // 10  # of names whose hashes begin alike


def test_iotda_names_the_parameter_that_comes_twice(client):
    query = "&".join(f"n{number}=1" for number in range(998)) + "&n5=2"
    response = client.http.get(f"{PACKAGES}?{query}")
    assert (response.status_code, response.json["error_code"]) == (400, "IOTDA.000006")
    assert "n5 is not valid" in response.json["error_msg"]


# Patterns: each repeat ends where no character that it takes can follow, so no text is matched in two ways.
ALL = frozenset(range(256))  # WSGI shows headers as Latin-1
REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT)


def members(op, value):
    """Return the characters that one step of a pattern takes."""
    if op is ops.LITERAL:
        return {value}
    if op is ops.NOT_LITERAL:
        return ALL - {value}
    if op is ops.ANY:
        return ALL - {10}
    found = set()
    for kind, part in value:
        if kind is ops.RANGE:
            found |= set(range(part[0], part[1] + 1))
        elif kind is ops.CATEGORY:
            sign = {ops.CATEGORY_SPACE: r"\s", ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_WORD: r"\w"}[part]
            found |= {code for code in ALL if re.match(sign, chr(code))}
        elif kind is ops.LITERAL:
            found.add(part)
    return ALL - found if (ops.NEGATE, None) in value else found


def firsts(items, follow):
    """Return the characters that may come first in what is left of a pattern."""
    found = set()
    for op, value in items:
        if op in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
            continue
        if op is ops.SUBPATTERN:
            inner, empty = firsts(value[3], ()), not least(value[3])
        elif op is ops.BRANCH:
            inner = {code for way in value[1] for code in firsts(way, ())}
            empty = any(not least(way) for way in value[1])
        elif op in REPEATS:
            inner, empty = firsts(value[2], ()), value[0] == 0 or not least(value[2])
        else:
            inner, empty = members(op, value), False
        found |= set(inner)
        if not empty:
            return found
    return found | set(follow)


def least(items):
    return parser.SubPattern(items.state, list(items)).getwidth()[0]


def ambiguous(items, follow=()):
    """Return the first repeat after which a character that it takes may follow, or None."""
    for number, (op, value) in enumerate(items):
        behind = firsts(list(items)[number + 1 :], follow)
        if op is ops.SUBPATTERN:
            found = ambiguous(value[3], behind)
        elif op is ops.BRANCH:
            found = next((bad for way in value[1] if (bad := ambiguous(way, behind))), None)
            starts = [code for way in value[1] for code in firsts(way, behind)]
            found = found or ((op, value) if len(set(starts)) < len(starts) else None)
        elif op in REPEATS:
            low, high, body = value
            again = firsts(body, ()) if high > 1 else set()
            found = ambiguous(body, behind | again)
            if high > 1 and low != high and again & behind:
                found = found or (op, value)
        else:
            found = None
        if found:
            return found
    return None


def patterns():
    """Return every pattern that a module of a front, or one that judges what strangers send, keeps."""
    names = [found.name for found in pkgutil.walk_packages(otagw.dialects.__path__, "otagw.dialects.")]
    modules = [importlib.import_module(name) for name in names] + [http, access, devices, ids, products, versions]
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }


@pytest.mark.parametrize("pattern", patterns().values(), ids=patterns())
def test_a_pattern_takes_each_character_once(pattern):
    assert ambiguous(parser.parse(pattern.pattern, pattern.flags)) is None


@pytest.mark.parametrize(
    "pattern", [r"(a|b) +(.{1,512})", r"\s*\s*x", r"(a+)+b", r"(a*b?)*c", r"(ab|[ac]d)x", r"[a-z]*[a-c]x"]
)
def test_a_pattern_that_takes_a_character_in_two_ways_is_noticed(pattern):
    assert ambiguous(parser.parse(pattern)) is not None
