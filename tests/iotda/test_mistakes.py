"""Mistakes in signing calls of IoTDA: each is made here by code of its own, and must be named by the gateway."""

import base64
import hashlib
import hmac
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from otagw import errors
from otagw.dialects.hints import canonical as hinted
from otagw.dialects.hints import pace
from otagw.dialects.iotda import mistakes, wire
from tests.aliyun import test_mistakes as aliyun
from tests.aliyun.test_mistakes import COMPONENT, DOT_NET, JAVA, LOWER, SLASH, UNSEEN, URI, encoder, plain, right, twice
from tests.conftest import KEY, OTHER
from tests.iotda import signer
from tests.iotda.conftest import PACKAGES, Iotda, package

SECRET = "testsecret"
SDK, V11 = SCHEMES = signer.SCHEMES
DATE, SCOPE = "20260102T030405Z", "20260102/local-1/iotdm"
PLAIN_PATH = "/v5/iot/p/devices/固 件*:(1)'"
PATH = "/".join(map(right, PLAIN_PATH.split("/"))) + "/"
# A value for every mistake in encoding, names for every mistake in sorting.
QUERY = {"name": "固件 é*~/(1)!':", "none": "", "X.2": "b", "X.1": "a", "X.10": "c", "a": "1"}
BODY = json.dumps({"name": "固件", "b": [1, 2], "a": None}).encode()
HEADERS = {"content-type": "application/json", "host": "gateway.test:8686", "x-project-id": "p", "x-sdk-date": DATE}
NAMES = sorted(HEADERS)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def b64(data):
    return base64.b64encode(data).decode()


def text(
    method="POST", path=PATH, query=None, headers=HEADERS, lines=None, names=None, digest=None, colon=":", blank="\n"
):
    """Return a canonical request; ``lines`` are the headers that are signed, in their order."""
    query = aliyun.canonical(QUERY) if query is None else query
    shown = "".join(f"{name}{colon}{headers[name]}\n" for name in (lines or sorted(headers)))
    digest = sha256(BODY) if digest is None else digest
    return f"{method}\n{path}\n{query}\n{shown}{blank}{';'.join(names or sorted(headers))}\n{digest}"


def string(scheme, over, date=DATE, scope=SCOPE):
    return "\n".join((scheme, date, *([scope] if scheme == V11 else []), sha256(over.encode())))


def key_of(scheme, secret=SECRET, key_id="testid", scope=SCOPE):
    return signer.derived_key((key_id, secret), scope) if scheme == V11 else secret


def mac(key, signed, algorithm="sha256"):
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, signed.encode(), algorithm).digest()


def call(
    scheme, over=None, signed=None, key=None, signature=None, *, method="POST", path=PATH[:-1], query=None, body=BODY,
    names=None, **changed,
):  # fmt: skip
    """Return a call as the gateway reads it, signed over ``over``, or over the string ``signed``."""
    found = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    key = key_of(scheme) if key is None else key
    made = mac(key, signed or string(scheme, over or text())).hex() if signature is None else signature
    who = "Access=testid" if scheme == SDK else f"Credential=testid/{SCOPE}"
    found["authorization"] = f"{scheme} {who}, SignedHeaders={';'.join(names or NAMES)}, Signature={made}"
    environ = EnvironBuilder(method=method, data=body or None).get_environ()
    environ.update({"HTTP_" + name.upper().replace("-", "_"): value for name, value in found.items()})
    environ["CONTENT_TYPE"] = found["content-type"]
    query = aliyun.signer.query(QUERY) if query is None else query
    environ["RAW_URI"] = f"{path}?{query}" if query else path
    request = wire.RestCall(Request(environ), "id")
    wire.parse(request)
    request.body = body
    return request


def with_host(host, **options):
    return text(headers={**HEADERS, "host": host}, **options)


def queried(encode=right, order=aliyun.by_name):
    return text(query=aliyun.canonical(QUERY, encode, order))


def typed(kind):
    return text(headers={**HEADERS, "content-type": kind})


def dated(date):
    return text(headers={**HEADERS, "x-sdk-date": date})


BARE = {**QUERY, "name": "v1+2"}
UNICODE = right("固件 é")
CAPITALS = re.sub("(?m)^[a-z-]+(?=:)", lambda name: name[0].title(), text())
FRENCH = {**QUERY, "name": "é"}
ISO = "2026-01-02T03:04:05Z"


def common(s):
    """Yield the mistakes of either scheme; each is what goes wrong, and the call."""
    made = string(s, text())
    for secret in (f"{SECRET}\n", f"{SECRET}\r\n", f" {SECRET}", f"{SECRET} "):
        yield "secret-with-blank", call(s, key=key_of(s, secret))
    for secret in UNSEEN:
        yield "secret-with-unseen", call(s, key=key_of(s, secret))
    yield "secret-quoted", call(s, key=key_of(s, f'"{SECRET}"'))
    yield "key-id-for-secret", call(s, key=key_of(s, "testid"))
    yield "id-and-secret", call(s, key=key_of(s, f"testid{SECRET}"))
    for name, encode in (
        ("plus-for-space", encoder(space="+")), ("star-literal", encoder("-_.~*")), ("tilde-encoded", encoder("-_.")),
        ("form-encoding", JAVA), ("encode-uri-component", COMPONENT), ("slash-literal", SLASH), ("encode-uri", URI),
        ("colon-literal", encoder("-_.~:")), ("lower-case-escapes", LOWER), ("http-utility", DOT_NET),
        ("encoded-twice", twice), ("not-encoded", plain), ("gbk", encoder(charset="gbk")),
    ):  # fmt: skip
        yield name, call(s, queried(encode))
    latin = aliyun.canonical(FRENCH, encoder(charset="latin-1"))
    yield "latin-1", call(s, text(query=latin), query=aliyun.signer.query(FRENCH))
    sent = aliyun.signer.query(BARE).replace("v1%2B2", "v1+2")
    yield "plus-sent-bare", call(s, text(query=aliyun.canonical(BARE)), query=sent)
    yield "sent-encoded-twice", call(s, query=aliyun.signer.query(QUERY).replace(UNICODE, right(UNICODE)))
    yield "unsorted", call(s, queried(order=list))
    yield "numeric-order", call(s, queried(order=aliyun.numeric))
    small = {"B": "1", "a": ""}
    yield (
        "case-insensitive-order",
        call(s, text(query=aliyun.canonical(small, order=aliyun.insensitive)), query=aliyun.signer.query(small)),
    )
    yield "sorted-as-pairs", call(s, queried(order=aliyun.as_pairs))
    yield "blanks-dropped", call(s, queried(order=aliyun.no_blanks))
    yield "blanks-without-equals", call(s, text(query=aliyun.canonical(QUERY).replace("none=", "none")))
    yield "query-left-out", call(s, text(query=""))
    for method in ("GET", "PUT", "post"):
        yield "method", call(s, text(method))
    yield "no-empty-line", call(s, text(blank=""))
    yield "line-end-behind", call(s, text() + "\n")
    yield "blank-behind-colon", call(s, text(colon=": "))
    yield "host", call(s, with_host("https://gateway.test:8686"))
    yield "host", call(s, host="127.0.0.1:9", x_forwarded_host="gateway.test:8686")
    for port in (80, 443):
        yield "host-with-port", call(s, with_host(f"gateway.test:{port}"), host="gateway.test")
        yield "host-without-port", call(s, with_host("gateway.test"), host=f"gateway.test:{port}")
    yield "host-without-port", call(s, with_host("gateway.test"))
    yield "host-capitals", call(s, with_host("Gateway.Test:8686"))
    yield "host-loopback", call(s, with_host("localhost:8686"))
    yield "host-of-the-vendor", call(s, with_host("iotda.cn-north-4.myhuaweicloud.com"))
    yield "header-order", call(s, names=NAMES[::-1])
    yield "header-order", call(s, text(lines=NAMES[::-1]), names=NAMES[::-1])
    yield "header-left-out", call(s, text(lines=NAMES[1:]))
    yield "header-left-out", call(s, text(lines=NAMES[1:], names=NAMES[1:]))
    yield "header-name-capitals", call(s, CAPITALS)
    yield "header-value-capitals", call(s, typed("Application/JSON".upper()))
    yield "header-value-capitals", call(s, dated(DATE.lower()))
    yield "content-type", call(s, typed("application/json; charset=utf-8"))
    yield "content-type", call(s, typed("application/json"), content_type="application/json;charset=UTF-8")
    yield "path-without-slash", call(s, text(path=PATH[:-1]))
    for encode in (plain, encoder("-_.~:@"), URI, LOWER):
        path = "/".join(map(encode, PLAIN_PATH.split("/")))
        yield "path-encoding", call(s, text(path=path + "/"))
        yield "path-encoding", call(s, text(path=path))
    for path in ("/", "", f"https://gateway.test:8686{PATH}"):
        yield "path", call(s, text(path=path))
    yield "path", call(s, text(path=f"{PATH[:-1]}?{aliyun.signer.query(QUERY)}", query=""))
    yield "unsigned-payload", call(s, text(digest="UNSIGNED-PAYLOAD"))
    for digest in (sha256(b""), "", sha256(BODY).upper(), b64(hashlib.sha256(BODY).digest()), BODY.decode()):
        yield "digest", call(s, text(digest=digest))
    unsigned = {"x-sdk-content-sha256": "UNSIGNED-PAYLOAD"}
    yield (
        "digest",
        call(
            s,
            text(headers={**HEADERS, **unsigned}),
            names=sorted({**HEADERS, **unsigned}),
            x_sdk_content_sha256="UNSIGNED-PAYLOAD",
        ),
    )
    for body in (
        json.dumps(json.loads(BODY), separators=(",", ":")), json.dumps(json.loads(BODY), ensure_ascii=False),
        json.dumps(json.loads(BODY), sort_keys=True), BODY.decode() + "\n",
    ):  # fmt: skip
        yield "body-rewritten", call(s, text(digest=sha256(body.encode())))
    for date in (ISO, "20260102", "1767323045000", "Fri, 02 Jan 2026 03:04:05 GMT"):
        yield "date-form", call(s, signed=string(s, text(), date))
        yield "date-form", call(s, dated(date))
        yield "date-form", call(s, signed=string(s, dated(date), date))
    lines = made.split("\n")
    yield "first-lines", call(s, signed="\n".join(lines[1:]))
    yield "first-lines", call(s, signed=lines[-1])
    yield "first-lines", call(s, signed="\n".join([V11 if s == SDK else SDK, *lines[1:]]))
    yield "not-hashed", call(s, signed=text())
    yield "not-hashed", call(s, signed="\n".join([*lines[:-1], text()]))
    yield "hash-form", call(s, signed="\n".join([*lines[:-1], lines[-1].upper()]))
    yield "base64-for-hex", call(s, signature=b64(mac(key_of(s), made)))
    yield "upper-case-hex", call(s, signature=mac(key_of(s), made).hex().upper())
    yield "sha1", call(s, signature=mac(key_of(s), made, "sha1").hex())


def scoped(scope, in_key=True, in_text=True):
    key, over = key_of(V11, scope=scope if in_key else SCOPE), string(V11, text(), scope=scope if in_text else SCOPE)
    return call(V11, signed=over, key=key)


EXTRACTED = hmac.new(b"testid", SECRET.encode(), "sha256").digest()
SWAPPED = hmac.new(SECRET.encode(), b"testid", "sha256").digest()
SDK_CASES = [
    *common(SDK),
    *(
        ("derived-key", call(SDK, key=key_of(V11, scope=f"20260102/{region}/iotdm")))
        for region in ("cn-north-4", "local-1")
    ),
]
V11_CASES = [
    *common(V11),
    ("plain-secret", call(V11, key=SECRET)),
    ("derived-key-form", call(V11, key=bytes.fromhex(key_of(V11)))),
    ("derived-key-form", call(V11, key=key_of(V11).upper())),
    ("derivation", call(V11, key=EXTRACTED.hex())),
    ("derivation", call(V11, key=mac(SWAPPED, f"{SCOPE}\x01").hex())),
    ("derivation", call(V11, key=mac(EXTRACTED, SCOPE).hex())),
    ("derivation", call(V11, key=mac(EXTRACTED, SCOPE))),
    *(
        ("scope", scoped(scope, *where))
        for scope in (
            "20260103/local-1/iotdm",
            "20260102/cn-north-4/iotdm",
            "20260102/local-1/iotda",
            f"{SCOPE}/sdk_request",
        )
        for where in ((True, True), (True, False), (False, True))
    ),
]
CASES = {"sdk": SDK_CASES, "v11": V11_CASES}
TABLES = {"sdk": mistakes.PLAIN, "v11": mistakes.DERIVED}
SENTENCES = {scheme: {each.name: each.sentence for each in table.mistakes} for scheme, table in TABLES.items()}
PARAMS = [
    pytest.param(scheme, name, wrong, id=f"{scheme}-{name}-{number}")
    for scheme, cases in CASES.items()
    for number, (name, wrong) in enumerate(cases)
]
every_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@pytest.mark.parametrize(("scheme", "name", "wrong"), PARAMS)
def test_mistake_is_named(scheme, name, wrong):
    assert mistakes.explain(wrong, SECRET) == SENTENCES[scheme][name]


@pytest.mark.parametrize("scheme", CASES)
def test_every_known_mistake_is_made_here(scheme):
    assert {name for name, _ in CASES[scheme]} | {aliyun.ELSEWHERE} == set(SENTENCES[scheme])


@pytest.mark.parametrize("scheme", TABLES)
def test_names_and_sentences_are_different(scheme):
    table = TABLES[scheme].mistakes
    assert len({each.name for each in table}) == len({each.sentence for each in table}) == len(table)


@every_scheme
def test_right_call_has_no_mistake(scheme):
    assert mistakes.explain(call(scheme), SECRET) == ""


@every_scheme
def test_unknown_mistake_has_no_name(scheme):
    assert mistakes.explain(call(scheme, key="another"), SECRET) == ""


@every_scheme
def test_blank_around_the_given_secret_is_named(scheme):
    assert mistakes.explain(call(scheme), f"\ufeff{SECRET}\n") == SENTENCES["sdk"][aliyun.ELSEWHERE]


def test_plain_secret_is_named_along_with_a_second_mistake():
    wrong = call(V11, text(path=PATH[:-1]), key=SECRET)
    expected = f"{SENTENCES['v11']['plain-secret']} {SENTENCES['v11']['path-without-slash']}"
    assert mistakes.explain(wrong, SECRET) == expected


@every_scheme
def test_huge_calls_are_not_explained(scheme):
    long = "x" * mistakes.MAX_SIZE
    assert mistakes.explain(call(scheme, text(blank=""), query=f"a={long}"), SECRET) == ""
    names = [*NAMES, *(f"x-{number}" for number in range(hinted.MAX_HEADERS))]
    assert mistakes.explain(call(scheme, key=f"{SECRET}\n", names=names), SECRET) == ""


def test_no_sentence_holds_the_secret_or_a_signature():
    for name, wrong in (*SDK_CASES, *V11_CASES):
        said = mistakes.explain(wrong, SECRET)
        assert SECRET not in said, name
        assert not re.search("[A-Za-z0-9+/=]{27,}", said), name


@settings(deadline=None)
@given(
    st.text(st.characters(max_codepoint=255), max_size=80),
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(SCHEMES),
    st.binary(max_size=40),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
def test_explaining_never_fails(path, query, secret, scheme, body, value):
    names, values = [*NAMES, "self", "name"], {"host": value, "self": value, "name": value}
    try:
        found = call(scheme, path=f"/v5/{path}", query=query, body=body, names=names, **values)
    except errors.Fault:
        return
    assert isinstance(mistakes.explain(found, secret), str)


def test_page_lists_every_mistake_with_what_is_said_of_it_and_no_other():
    written = {key: cell[2] for key, cell in aliyun.rows().items() if key[0] not in ("V1", "V3")}
    known = {(s.upper(), name): said for s, table in SENTENCES.items() for name, said in table.items()}
    assert written == known


# --- in answers


def refused(iotda, **headers):
    """Send a call whose signature is over another method; return what is said."""
    made = signer.headers(iotda.key, "GET", PACKAGES, None, signer.dump(package()), scheme=iotda.scheme, **headers)
    response = iotda.send("POST", PACKAGES, made, body=signer.dump(package()))
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    return response.json["error_msg"]


@every_scheme
def test_refusal_ends_in_the_mistake(app, scheme):
    said = refused(Iotda(app, scheme=scheme))
    assert (
        re.fullmatch(
            r"Incorrect IAM authentication information: verify aksk signature fail, our string to sign is \S+\. (.*)",
            said,
        )[1]
        == SENTENCES["sdk"]["method"]
    )


def test_refusal_of_an_unknown_mistake_points_to_the_command(app):
    said = Iotda(app, (KEY[0], "wrong")).refused("GET", PACKAGES)[2]
    assert re.search(r"our string to sign is \S+\. Run `otagw explain` ", said)


def test_hints_pause_for_the_key_and_the_address(app, held_clock):
    iotda = Iotda(app)
    said = [refused(iotda, seconds=held_clock.seconds) for _ in range(31)]
    assert all(text.endswith(SENTENCES["sdk"]["method"]) for text in said[:30])
    assert said[30].endswith(pace.PAUSED)
    assert refused(iotda.by(OTHER), seconds=held_clock.seconds).endswith(SENTENCES["sdk"]["method"])


def test_log_has_the_mistake(app, log_lines):
    refused(Iotda(app))
    assert log_lines()[-1]["hint"] == SENTENCES["sdk"]["method"]
