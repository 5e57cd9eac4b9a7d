"""Mistakes in signing: each is made here by code of its own, and must be named by the gateway."""

import base64
import hashlib
import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from otagw import errors
from otagw.dialects.aliyun import mistakes, mistakes_v1, mistakes_v3, wire
from otagw.dialects.hints import times
from tests import signer
from tests.conftest import ROOT

SECRET = "testsecret"
KEY = ("testid", SECRET)
FORM = "application/x-www-form-urlencoded"
PAGE = ROOT / "docs" / "wire" / "signing-mistakes.md"
# A value for every mistake in encoding, names for every mistake in sorting.
PARAMS = {
    "Action": "CreateOTAFirmware",
    "Version": "2018-01-20",
    "Format": "JSON",
    "AccessKeyId": "testid",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "n-1",
    "Timestamp": "2026-01-02T03:04:05Z",
    "FirmwareName": "固件 é*~/(1)!'",
    "FirmwareDesc": "",
    "X.2": "b",
    "X.1": "a",
    "X.10": "c",
    "a": "1",
}


def encoder(keep="-_.~", space="%20", charset="utf-8", escape="%{:02X}"):
    """Return a percent-encoder that leaves ``keep`` alone."""
    literal = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + keep.encode())

    def encode(text):
        raw = text.encode(charset, "replace")
        return "".join(chr(b) if b in literal else space if b == 0x20 else escape.format(b) for b in raw)

    return encode


right = encoder()


def plain(text):
    return text


def twice(text):
    return right(right(text))


def by_name(pairs):
    return sorted(pairs, key=lambda pair: pair[0].encode())


def canonical(params, encode=right, order=by_name):
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in order(params.items()))


def v1_text(params=PARAMS, method="GET", inner=right, outer=right, path="%2F", order=by_name):
    return f"{method}&{path}&{outer(canonical(params, inner, order))}"


def mac(text, key=SECRET + "&", algorithm="sha1"):
    return hmac.new(key.encode(), text.encode(), algorithm).digest()


def b64(digest):
    return base64.b64encode(digest).decode()


def message(query, method="GET", body=None, headers=()):
    """Return a request as the gateway reads it; the query is as it came."""
    builder = EnvironBuilder(method=method, data=body, headers=[("Content-Type", FORM)] if body else [])
    environ = builder.get_environ()
    environ["QUERY_STRING"] = query
    environ.update({"HTTP_" + name.upper().replace("-", "_"): value for name, value in dict(headers).items()})
    environ["CONTENT_TYPE"] = dict(headers).get("content-type", environ.get("CONTENT_TYPE", ""))
    found = wire.ActionCall(Request(environ), "id", "documented")
    wire.parse(found, lambda is_alibaba: None)
    found.key_id = "testid"
    return found


def v1(text=None, signature=None, key=SECRET + "&", params=PARAMS, method="GET", form=None, sent=None):
    """Return a V1 request with the signature over ``text``."""
    given = b64(mac(text or v1_text(params, method), key)) if signature is None else signature
    query = sent or signer.query(params)
    return message(f"{query}&Signature={signer.percent(given)}", method, signer.query(form) if form else None)


def without(*names, params=PARAMS):
    return {name: value for name, value in params.items() if name not in names}


def with_plus(over):
    """Return a digest whose Base64 holds what the other alphabets and the URL change, by trying nonces."""
    for count in range(1000):
        params = {**PARAMS, "SignatureNonce": f"n-{count}"}
        digest = mac(v1_text(params))
        if all(character in b64(digest) for character in over):
            return params, digest
    raise AssertionError(over)


# A byte order mark as it is and read as Latin-1, a no-break space, one without a width.
UNSEEN = [f"\ufeff{SECRET}", f"\xef\xbb\xbf{SECRET}", f"{SECRET}\xa0", f"\xa0{SECRET}", f"{SECRET}\u200b"]
PLUS, PLUS_DIGEST = with_plus("+/")
BUSINESS = without(*mistakes_v1.COMMON)
JAVA = encoder("-_.*", "+")
COMPONENT = encoder("-_.~!'()*")
URI = encoder("-_.~!'()*;,/?:@&=+$#")
SLASH = encoder("-_.~/")
LOWER = encoder(escape="%{:02x}")
DOT_NET = encoder("-_.!*()", "+", escape="%{:02x}")
FRENCH = {**PARAMS, "FirmwareName": "é"}
BARE = {**PARAMS, "FirmwareName": "v1+2"}
FORM_PARAMS = {"FirmwareName": "in the form"}
QUERY_PARAMS = without("FirmwareName")
UNICODE = right("固件 é")


def insensitive(pairs):
    return sorted(pairs, key=lambda pair: pair[0].upper())


def numeric(pairs):
    return sorted(pairs, key=lambda pair: [int(part) if part.isdigit() else part for part in pair[0].split(".")])


def as_pairs(pairs):
    return sorted(pairs, key=lambda pair: f"{right(pair[0])}={right(pair[1])}")


def no_blanks(pairs):
    return [pair for pair in by_name(pairs) if pair[1]]


V1 = [
    ("no-ampersand", v1(key=SECRET)),
    ("secret-with-blank", v1(key=SECRET + "\n&")),
    ("secret-with-blank", v1(key=SECRET + "\r\n&")),
    ("secret-with-blank", v1(key=" " + SECRET + "&")),
    ("secret-with-blank", v1(key=SECRET + " &")),
    ("secret-with-blank", v1(key=SECRET + "&\n")),
    *(("secret-with-unseen", v1(key=f"{secret}&")) for secret in UNSEEN),
    ("secret-quoted", v1(key=f'"{SECRET}"&')),
    ("key-id-for-secret", v1(key="testid&")),
    ("id-and-secret", v1(key=f"testid&{SECRET}&")),
    ("plus-for-space", v1(v1_text(inner=encoder(space="+")))),
    ("star-literal", v1(v1_text(inner=encoder("-_.~*")))),
    ("star-literal", v1(v1_text(inner=encoder("-_.~*"), outer=encoder("-_.~*")))),
    ("tilde-encoded", v1(v1_text(inner=encoder("-_.")))),
    ("form-encoding", v1(v1_text(inner=JAVA))),
    ("form-encoding", v1(v1_text(inner=JAVA, outer=JAVA))),
    ("encode-uri-component", v1(v1_text(inner=COMPONENT))),
    ("encode-uri-component", v1(v1_text(inner=COMPONENT, outer=COMPONENT))),
    ("slash-literal", v1(v1_text(inner=SLASH))),
    ("slash-literal", v1(v1_text(inner=SLASH, outer=SLASH))),
    ("slash-literal", v1(v1_text(inner=SLASH, outer=SLASH, path="/"))),
    ("colon-literal", v1(v1_text(inner=encoder("-_.~:")))),
    ("encode-uri", v1(v1_text(inner=URI))),
    ("encode-uri", v1(v1_text(inner=URI, outer=URI, path="/"))),
    ("lower-case-escapes", v1(v1_text(inner=LOWER))),
    ("lower-case-escapes", v1(v1_text(inner=LOWER, outer=LOWER, path="%2f"))),
    ("http-utility", v1(v1_text(inner=DOT_NET, outer=DOT_NET, path="%2f"))),
    ("encoded-twice", v1(v1_text(inner=twice))),
    ("encoded-twice", v1(v1_text(inner=twice, outer=twice))),
    ("not-encoded", v1(v1_text(inner=plain))),
    ("not-encoded", v1(v1_text(inner=plain, outer=plain))),
    ("not-encoded", v1(v1_text(inner=plain, outer=plain, path="/"))),
    ("gbk", v1(v1_text(inner=encoder(charset="gbk")))),
    ("latin-1", v1(v1_text(FRENCH, inner=encoder(charset="latin-1")), params=FRENCH)),
    ("plus-sent-bare", v1(params=BARE, sent=signer.query(BARE).replace("v1%2B2", "v1+2"))),
    ("sent-encoded-twice", v1(sent=signer.query(PARAMS).replace(UNICODE, right(UNICODE)))),
    ("unsorted", v1(v1_text(order=list))),
    ("numeric-order", v1(v1_text(order=numeric))),
    ("case-insensitive-order", v1(v1_text(order=insensitive))),
    ("sorted-as-pairs", v1(v1_text(order=as_pairs))),
    ("blanks-dropped", v1(v1_text(order=no_blanks))),
    ("blanks-without-equals", v1(f"GET&%2F&{right(canonical(PARAMS).replace('Desc=', 'Desc'))}")),
    ("not-encoded-again", v1(v1_text(outer=plain))),
    ("not-encoded-again", v1(v1_text(outer=plain, path="/"))),
    ("method", v1(v1_text(method="POST"))),
    ("method", v1(v1_text(method="GET"), method="POST")),
    ("method", v1(v1_text(method="get"))),
    ("path-not-encoded", v1(v1_text(path="/"))),
    ("path", v1(v1_text(path="%2F%2F"))),
    ("path", v1(v1_text(path=""))),
    ("signature-signed", v1(v1_text({**PARAMS, "Signature": ""}))),
    *(("common-left-out", v1(v1_text(without(name)))) for name in mistakes_v1.COMMON if name in PARAMS),
    ("common-left-out", v1(v1_text(BUSINESS))),
    ("form-left-out", v1(v1_text(QUERY_PARAMS, "POST"), params=QUERY_PARAMS, method="POST", form=FORM_PARAMS)),
    ("query-left-out", v1(v1_text(FORM_PARAMS, "POST"), params=QUERY_PARAMS, method="POST", form=FORM_PARAMS)),
    ("signature-plus-sent-bare", v1(params=PLUS, signature=b64(PLUS_DIGEST).replace("+", " "))),
    ("signature-encoded-twice", v1(params=PLUS, signature=right(b64(PLUS_DIGEST)))),
    ("signature-with-line-end", v1(signature=b64(mac(v1_text())) + "\n")),
    ("no-padding", v1(signature=b64(mac(v1_text()))[:-1])),
    ("url-safe-base64", v1(params=PLUS, signature=base64.urlsafe_b64encode(PLUS_DIGEST).decode())),
    ("hex-for-base64", v1(signature=mac(v1_text()).hex())),
    ("hex-for-base64", v1(signature=mac(v1_text()).hex().upper())),
    ("base64-of-hex", v1(signature=b64(mac(v1_text()).hex().encode()))),
    ("sha256", v1(signature=b64(mac(v1_text(), algorithm="sha256")))),
    ("sha256", v1(signature=mac(v1_text(), algorithm="sha256").hex())),
]

QUERY = {name: value for name, value in PARAMS.items() if name in ("FirmwareName", "FirmwareDesc", "a") or "X" in name}
EMPTY = hashlib.sha256(b"").hexdigest()
HEADERS = {
    "host": "gateway.test:8686",
    "x-acs-action": "CreateOTAFirmware",
    "x-acs-version": "2018-01-20",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "n-1",
}


def v3_text(
    query=None, method="POST", path="/", headers=None, names=None, lines=None, digest=EMPTY, colon=":", blank="\n"
):
    """Return a canonical request; ``lines`` are the headers that are signed, in their order."""
    headers = {**HEADERS, "x-acs-content-sha256": EMPTY} if headers is None else headers
    shown = "".join(f"{name}{colon}{headers[name]}\n" for name in (lines or sorted(headers)))
    query = canonical(QUERY) if query is None else query
    return f"{method}\n{path}\n{query}\n{shown}{blank}{';'.join(names or sorted(headers))}\n{digest}"


def v3_sts(text):
    return "ACS3-HMAC-SHA256\n" + hashlib.sha256(text.encode()).hexdigest()


def v3_mac(text, key=SECRET, algorithm="sha256"):
    return mac(v3_sts(text), key, algorithm)


def v3(text=None, signature=None, key=SECRET, query=QUERY, method="POST", form="", sent=None, names=None, **changed):
    """Return a V3 request with the signature over ``text``."""
    headers = {**HEADERS, "x-acs-content-sha256": hashlib.sha256(form.encode()).hexdigest(), **changed}
    given = v3_mac(text or v3_text(), key).hex() if signature is None else signature
    signed = ";".join(names or sorted({**HEADERS, "x-acs-content-sha256": ""}))
    authorization = f"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders={signed},Signature={given}"
    return message(sent or signer.query(query), method, form, {**headers, "authorization": authorization})


def v3_over(**parts):
    return v3(v3_text(**parts))


def with_host(host):
    return {**HEADERS, "x-acs-content-sha256": EMPTY, "host": host}


def v3_query(encode=right, order=by_name, query=QUERY):
    return v3_over(query=canonical(query, encode, order))


NAMES = sorted({**HEADERS, "x-acs-content-sha256": ""})
CAPITALS = re.sub("(?m)^[a-z0-9-]+(?=:)", lambda name: name[0].title(), v3_text())
TYPED = sorted([*NAMES, "content-type"])


def typed(kind):
    return v3_text(headers={**HEADERS, "x-acs-content-sha256": EMPTY, "content-type": kind})


FORM_TEXT = "DeviceName.1=dev"
FORM_DIGEST = hashlib.sha256(FORM_TEXT.encode()).hexdigest()
FORM_HEADERS = {**HEADERS, "x-acs-content-sha256": FORM_DIGEST}
V3_FRENCH = {**QUERY, "FirmwareName": "é"}
V3_BARE = {**QUERY, "FirmwareName": "v1+2"}
V3 = [
    ("ampersand", v3(key=SECRET + "&")),
    ("secret-with-blank", v3(key=SECRET + "\n")),
    *(("secret-with-unseen", v3(key=secret)) for secret in UNSEEN),
    ("secret-quoted", v3(key=f"'{SECRET}'")),
    ("key-id-for-secret", v3(key="testid")),
    ("id-and-secret", v3(key="testid" + SECRET)),
    ("plus-for-space", v3_query(encoder(space="+"))),
    ("star-literal", v3_query(encoder("-_.~*"))),
    ("tilde-encoded", v3_query(encoder("-_."))),
    ("form-encoding", v3_query(JAVA)),
    ("encode-uri-component", v3_query(COMPONENT)),
    ("slash-literal", v3_query(SLASH)),
    ("colon-literal", v3(v3_text(canonical({"a": ":"}, encoder("-_.~:"))), query={"a": ":"})),
    ("encode-uri", v3_query(URI)),
    ("lower-case-escapes", v3_query(LOWER)),
    ("http-utility", v3_query(DOT_NET)),
    ("encoded-twice", v3_query(twice)),
    ("not-encoded", v3_query(plain)),
    ("gbk", v3_query(encoder(charset="gbk"))),
    ("latin-1", v3(v3_text(canonical(V3_FRENCH, encoder(charset="latin-1"))), query=V3_FRENCH)),
    ("plus-sent-bare", v3(v3_text(canonical(V3_BARE)), sent=signer.query(V3_BARE).replace("v1%2B2", "v1+2"))),
    ("sent-encoded-twice", v3(sent=signer.query(QUERY).replace(UNICODE, right(UNICODE)))),
    ("unsorted", v3_query(order=list)),
    ("numeric-order", v3_query(order=numeric)),
    (
        "case-insensitive-order",
        v3(v3_text(canonical({"a": "", "B": "1"}, order=insensitive)), query={"B": "1", "a": ""}),
    ),
    ("sorted-as-pairs", v3_query(order=as_pairs)),
    ("blanks-dropped", v3_query(order=no_blanks)),
    ("blanks-without-equals", v3_over(query=canonical(QUERY).replace("Desc=", "Desc"))),
    ("query-left-out", v3_over(query="")),
    (
        "form-in-query",
        v3(
            v3_text(canonical({**QUERY, "DeviceName.1": "dev"}), headers=FORM_HEADERS, digest=FORM_DIGEST),
            form=FORM_TEXT,
        ),
    ),
    ("method", v3_over(method="GET")),
    ("method", v3(v3_text(), method="GET")),
    ("method", v3_over(method="post")),
    ("path", v3_over(path="")),
    ("path", v3_over(path="%2F")),
    ("no-empty-line", v3_over(blank="")),
    ("line-end-behind", v3(v3_text() + "\n")),
    ("blank-behind-colon", v3_over(colon=": ")),
    ("host", v3_over(headers=with_host("http://gateway.test:8686"))),
    *(("host-with-port", v3(v3_text(headers=with_host(f"gateway.test:{p}")), host="gateway.test")) for p in (80, 443)),
    ("host-with-port", v3_over(headers=with_host("gateway.test:443"))),
    ("host-without-port", v3_over(headers=with_host("gateway.test"))),
    *(("host-without-port", v3(v3_text(headers=with_host("[::1]")), host=f"[::1]:{port}")) for port in (80, 443)),
    ("host-capitals", v3_over(headers=with_host("Gateway.Test:8686"))),
    ("host-capitals", v3(host="Gateway.TEST:8686")),
    *(
        ("host-loopback", v3_over(headers=with_host(host)))
        for host in ("localhost", "localhost:8686", "127.0.0.1:8686")
    ),
    ("host-of-the-vendor", v3_over(headers=with_host("iot.cn-shanghai.aliyuncs.com"))),
    ("host-of-the-vendor", v3_over(headers=with_host("openapi.tuyaus.com"))),
    ("host", v3(v3_text(), host="127.0.0.1:9", **{"x-forwarded-host": "gateway.test:8686"})),
    ("header-order", v3(v3_text(), names=NAMES[::-1])),
    ("header-order", v3(v3_text(names=NAMES[::-1]), names=NAMES[::-1])),
    ("header-order", v3(v3_text(lines=NAMES[::-1]), names=NAMES[::-1])),
    ("header-left-out", v3_over(lines=NAMES[:-1])),
    ("header-left-out", v3_over(lines=NAMES[:-1], names=NAMES[:-1])),
    ("header-name-capitals", v3(CAPITALS)),
    ("header-name-capitals", v3(CAPITALS.replace(";".join(NAMES), ";".join(map(str.title, NAMES))))),
    ("header-value-capitals", v3_over(headers={**with_host("gateway.test:8686"), "x-acs-action": "createotafirmware"})),
    (
        "header-value-capitals",
        v3_over(headers={**with_host("gateway.test:8686"), "x-acs-date": "2026-01-02t03:04:05z"}),
    ),
    ("content-type", v3(typed(f"{FORM};charset=utf-8"), names=TYPED, **{"content-type": FORM})),
    ("content-type", v3(typed(FORM), names=TYPED, **{"content-type": f"{FORM}; charset=UTF-8"})),
    ("content-type", v3(typed(""), names=TYPED, **{"content-type": FORM})),
    ("digest", v3_over(digest="")),
    ("digest", v3_over(digest="UNSIGNED-PAYLOAD")),
    ("digest", v3(v3_text(headers=FORM_HEADERS, digest=EMPTY), form=FORM_TEXT)),
    ("base64-for-hex", v3(signature=b64(v3_mac(v3_text())))),
    ("upper-case-hex", v3(signature=v3_mac(v3_text()).hex().upper())),
    ("not-hashed", v3(signature=mac(v3_text(), SECRET, "sha256").hex())),
    ("not-hashed", v3(signature=mac("ACS3-HMAC-SHA256\n" + v3_text(), SECRET, "sha256").hex())),
    ("algorithm-left-out", v3(signature=mac(v3_sts(v3_text()).split("\n")[1], SECRET, "sha256").hex())),
    ("sha1", v3(signature=v3_mac(v3_text(), algorithm="sha1").hex())),
]
# This one is in the secret that is given to judge with, so its request is right and has no place in the lists.
ELSEWHERE = "secret-given-with-blank"
SENTENCES = {
    scheme: {mistake.name: mistake.sentence for mistake in table.mistakes}
    for scheme, table in (("v1", mistakes_v1.SCHEME), ("v3", mistakes_v3.SCHEME))
}
CASES = [
    pytest.param(scheme, name, request, id=f"{scheme}-{name}-{number}")
    for scheme, cases in (("v1", V1), ("v3", V3))
    for number, (name, request) in enumerate(cases)
]


@pytest.mark.parametrize(("scheme", "name", "wrong"), CASES)
def test_mistake_is_named(scheme, name, wrong):
    assert mistakes.explain(wrong, SECRET) == SENTENCES[scheme][name]


@pytest.mark.parametrize(("scheme", "cases"), [("v1", V1), ("v3", V3)])
def test_every_known_mistake_is_made_here(scheme, cases):
    assert {name for name, _ in cases} | {ELSEWHERE} == set(SENTENCES[scheme])


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_names_and_sentences_are_different(scheme):
    table = (mistakes_v1 if scheme == "v1" else mistakes_v3).SCHEME.mistakes
    assert len({mistake.name for mistake in table}) == len({mistake.sentence for mistake in table}) == len(table)


@pytest.mark.parametrize("request_", [v1(), v3()], ids=["v1", "v3"])
def test_blank_around_the_given_secret_is_named(request_):
    for pasted in (f" {SECRET}\n", f"\ufeff{SECRET}", f"{SECRET}\xa0\n"):
        assert mistakes.explain(request_, pasted) == SENTENCES["v1"][ELSEWHERE]


@pytest.mark.parametrize(
    ("scheme", "other", "name", "wrong"),
    [
        ("v1", "no-ampersand", "plus-for-space", v1(v1_text(inner=encoder(space="+")), key=SECRET)),
        ("v1", "no-ampersand", "method", v1(v1_text(method="POST"), key=SECRET)),
        ("v1", "no-ampersand", "sha256", v1(signature=mac(v1_text(), SECRET, "sha256").hex())),
        ("v3", "ampersand", "star-literal", v3(v3_text(canonical(QUERY, encoder("-_.~*"))), key=SECRET + "&")),
        ("v3", "ampersand", "base64-for-hex", v3(signature=b64(v3_mac(v3_text(), SECRET + "&")))),
    ],
)
def test_key_of_the_other_scheme_is_named_along_with_a_second_mistake(scheme, other, name, wrong):
    assert mistakes.explain(wrong, SECRET) == f"{SENTENCES[scheme][other]} {SENTENCES[scheme][name]}"


@pytest.mark.parametrize("request_", [v1(), v3()], ids=["v1", "v3"])
def test_right_request_has_no_mistake(request_):
    assert mistakes.explain(request_, SECRET) == ""


@pytest.mark.parametrize("request_", [v1(key="another"), v3(key="another")], ids=["v1", "v3"])
def test_unknown_mistake_has_no_name(request_):
    assert mistakes.explain(request_, SECRET) == ""


@pytest.mark.parametrize(
    "params",
    [{f"X.{number}": "1" for number in range(mistakes.MAX_PARAMETERS)}, {"X": "x" * mistakes.MAX_SIZE}],
    ids=["parameters", "bytes"],
)
def test_huge_request_is_not_explained(params):
    assert mistakes.explain(v1(params={**PARAMS, **params}, key=SECRET), SECRET) == ""


def test_too_many_signed_headers_are_not_explained():
    names = [*NAMES, *(f"x-{number}" for number in range(mistakes_v3.MAX_HEADERS))]
    assert mistakes.explain(v3(names=names), SECRET) == ""


def test_no_sentence_holds_the_secret_or_a_signature():
    for name, wrong in (*V1, *V3):
        said = mistakes.explain(wrong, SECRET)
        assert SECRET not in said, name
        assert not re.search("[A-Za-z0-9+/=]{27,}", said), name


@given(st.text(st.characters(max_codepoint=255), max_size=20))
def test_explaining_any_header_never_fails(value):
    values = {"host": value, "self": value, "name": value}
    assert mistakes.explain(v3(key="another", names=[*NAMES, "self", "name"], **values), SECRET) == ""


@settings(deadline=None)
@given(
    st.text(st.characters(max_codepoint=255), max_size=80),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host;é,Signature=é", "ACS3-HMAC-SHA256 "])
    | st.text(st.characters(max_codepoint=255), max_size=40).map(
        lambda names: f"ACS3-HMAC-SHA256 Credential=a,SignedHeaders={names},Signature=b"
    ),
)
def test_explaining_never_fails(query, secret, authorization):
    try:
        found = message(f"Action=A&{query}", headers={"authorization": authorization, "x-acs-action": "A"})
    except errors.Fault:
        return
    assert isinstance(mistakes.explain(found, secret), str)


@pytest.mark.parametrize(
    ("hours", "age", "zone"),
    [
        (8, 0, "UTC+8"),
        (8, 170, "UTC+8"),
        (5.5, 30, "UTC+5:30"),
        (5.75, 0, "UTC+5:45"),
        (-5, 60, "UTC-5"),
        (8, 200, ""),
        (0, 0, ""),
        (0.25, 0, ""),
        (14, 0, "UTC+14"),
        (15, 0, ""),
    ],
)
def test_local_time_is_recognised(hours, age, zone):
    assert times.zone(int(hours * 3_600_000) - age * 1000) == zone


def test_recommendation_names_the_mistake_and_the_text_stays_the_vendors(client):
    params = signer.v1(client.key, "ListOTAFirmware", Version="2018-01-20")
    unsigned = without("Signature", params=params)
    params["Signature"] = b64(mac(v1_text(unsigned), client.key[1]))
    answer = client.send(params)
    vendors = "Specified signature is not matched with our calculation. server string to sign is:" + v1_text(unsigned)
    assert (answer.status_code, answer.json["Code"]) == (400, "SignatureDoesNotMatch")
    assert answer.json["Message"] == vendors
    assert answer.json["Recommend"] == SENTENCES["v1"]["no-ampersand"]


def test_recommendation_of_an_unknown_mistake_points_to_the_command(client):
    answer = client.by((client.key[0], "wrong"))("ListOTAFirmware", Version="2018-01-20")
    assert "otagw explain" in answer.json["Recommend"]


def rows():
    lines = Path(PAGE).read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("| `")]
    return {(scheme, cell[0].strip("`")): cell for cell in cells for scheme in cell[1].split(", ")}


def test_page_lists_every_mistake_with_what_is_said_of_it_and_no_other():
    written = {key: cell[2] for key, cell in rows().items() if key[0] in ("V1", "V3")}
    known = {(s.upper(), name): said for s, table in SENTENCES.items() for name, said in table.items()}
    assert written == known
