"""The two schemes, by the vendor's vectors, by another signer, and by whatever can be wrong with a request."""

import calendar
import json
import re
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from otagw.dialects.iotda import signature, wire
from tests.conftest import KEY, NOW, OTHER, Client
from tests.iotda import signer
from tests.iotda.conftest import BASE, PACKAGES, Iotda, package
from tests.signer import VECTORS

FILE = json.loads((VECTORS / "huawei/signatures.json").read_text(encoding="utf-8"))
PAIR = (FILE["ak"], FILE["sk"])
AT = 1_767_323_045  # 2026-01-02T03:04:05Z
every_vector = pytest.mark.parametrize("vector", FILE["vectors"], ids=lambda vector: vector["name"][:1])
schemes = pytest.mark.parametrize("scheme", signer.SCHEMES)


@pytest.fixture
def vendor(app, held_clock):
    """A gateway at the time of the vectors, with their key."""
    held_clock.seconds = AT
    app.extensions["otagw"]["runtime"].keys.create(key_id=PAIR[0], secret=PAIR[1])
    return Iotda(app, PAIR)


def send(vendor, vector, **changes):
    """Send a vector's request with something else in it; return the response."""
    asked = {**vector, **changes}
    headers = {**asked["headers"], "Authorization": asked["authorization"]}
    return vendor.send(asked["method"], asked["target"], headers, body=asked["body"].encode())


def is_believed(response):
    return response.status_code != 401


@every_vector
def test_the_vendors_vectors_are_believed(vendor, vector):
    assert is_believed(send(vendor, vector))


@every_vector
def test_the_tests_own_signer_agrees_with_the_vectors(vector):
    path, _, query = vector["target"].partition("?")
    headers = {n: vector["headers"][n] for n in vector["headers"] if n.lower() in vector["signed_headers"].split(";")}
    params = dict(pair.split("=") for pair in query.split("&")) if query else {}
    if "app_id" in params:
        params["app_id"] = "a b~c/\u4e2d"
    text, names = signer.canonical(vector["method"], path, params, headers, vector["body"].encode())
    scope = re.search(r"Credential=[^/]+/([^,]+)", vector["authorization"])
    date = vector["headers"]["X-Sdk-Date"]
    made = signer.authorization(PAIR, vector["algorithm"], date, text, names, scope and scope[1])
    assert made == vector["authorization"]


def tampered(vector):
    """Yield eight altered requests for each vector."""
    headers, target = vector["headers"], vector["target"]
    yield "as it is", {}
    yield "method", {"method": "PUT" if vector["method"] != "PUT" else "POST"}
    yield "path", {"target": target.replace("/v5/iot/0", "/v5/iot/1")}
    yield "query", {"target": target + ("&" if "?" in target else "?") + "extra=1"}
    yield "body", {"body": vector["body"] + " "}
    yield "host", {"headers": {**headers, "Host": "127.0.0.1:8081"}}
    yield "date", {"headers": {**headers, "X-Sdk-Date": "20260102T030406Z"}}
    yield "agent", {"headers": {**headers, "User-Agent": "vec/2"}}
    yield "project", {"headers": {**headers, "X-Project-Id": "0a1b2c3d4e5f60718293a4b5c6d7e8f8"}}


VARIANTS = [
    pytest.param(vector, changes, id=f"{vector['name'][:1]}-{name}")
    for vector in FILE["vectors"]
    for name, changes in tampered(vector)
]


@pytest.mark.parametrize(("vector", "changes"), VARIANTS)
def test_an_altered_request_is_refused(vendor, vector, changes):
    asked = {**vector, **changes}
    headers = {**asked["headers"], "Authorization": asked["authorization"]}
    host = headers.pop("Host")
    environ = EnvironBuilder(
        asked["target"], method=asked["method"], headers=headers, data=asked["body"].encode()
    ).get_environ()
    call = wire.RestCall(Request({**environ, "HTTP_HOST": host}), "")
    wire.parse(call)
    wire.take(call, wire.MAX_BODY)
    claim = signature.claim(call, str)
    assert (claim.sign(PAIR[1])[0] == claim.signature) is (not changes)
    if changes:
        response = send(vendor, vector, **changes)
        assert response.status_code == (405 if "method" in changes else 401)


def test_there_are_forty_of_them():
    assert len(VARIANTS) == 40 + len(FILE["vectors"])


@pytest.mark.parametrize(("offset", "believed"), [(-901, False), (-900, True), (900, True), (901, False)])
@schemes
def test_a_request_is_believed_for_a_quarter_of_an_hour(app, held_clock, scheme, offset, believed):
    iotda = Iotda(app, scheme=scheme)
    response = iotda("GET", PACKAGES, params={"package_type": "firmwarePackage"}, seconds=NOW + offset)
    assert response.status_code == (200 if believed else 401)
    if not believed:
        assert response.json["error_code"] == "APIGW.0303"
        assert f"It is 15 min 1 s {'ahead of' if offset > 0 else 'behind'}" in response.json["error_msg"]


@schemes
def test_local_time_is_named(app, held_clock, scheme):
    response = Iotda(app, scheme=scheme)("GET", PACKAGES, seconds=NOW + 8 * 3600)
    assert response.json["error_msg"].endswith("as local time in UTC+8 is: send UTC.")


@schemes
def test_the_same_request_may_come_twice(app, held_clock, scheme):
    iotda = Iotda(app, scheme=scheme)
    for _ in range(2):
        iotda.ok("POST", PACKAGES, package(), status=201)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("SDK-HMAC-SM3 Access=a, SignedHeaders=host;x-sdk-date, Signature=b", "scheme"),
        ("SDK-ECDSA-P256-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=b", "scheme"),
        ("Basic dGVzdGlkOnRlc3RzZWNyZXQ=", "scheme"),
        ("sdk-hmac-sha256 Access=a, SignedHeaders=host;x-sdk-date, Signature=b", "scheme"),
        ("SDK-HMAC-SHA256", "form"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=b, Signature=c", "form"),
        ("SDK-HMAC-SHA256 Access=a, Access=b, SignedHeaders=host;x-sdk-date, Signature=b", "form"),
        ("SDK-HMAC-SHA256 Credential=a/20261118/r/iotdm, SignedHeaders=host;x-sdk-date, Signature=b", "form"),
        ("V11-HMAC-SHA256 Credential=a, SignedHeaders=host;x-sdk-date, Signature=b", "form"),
        ("V11-HMAC-SHA256 Credential=a/20261118/r/iotda, SignedHeaders=host;x-sdk-date, Signature=b", "scope"),
        ("V11-HMAC-SHA256 Credential=a/20261119/r/iotdm, SignedHeaders=host;x-sdk-date, Signature=b", "date"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=b", "lacks x-sdk-date"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;user-agent;x-project-id, Signature=b", "lacks x-sdk-date"),
        ("V11-HMAC-SHA256 Credential=a/20261118/r/iotdm, SignedHeaders=host, Signature=b", "lacks x-sdk-date"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=b", "not exist"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;host;x-sdk-date, Signature=b", "different"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date;x_y, Signature=b", "different"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date;Accept, Signature=b", "different"),
        ("SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=\xe9", "not exist"),
    ],
)
def test_what_cannot_be_read_is_refused(iotda, held_clock, form, expected):
    headers = {**signer.headers(KEY, "GET", PACKAGES, seconds=NOW), "Authorization": form}
    response = iotda.send("GET", PACKAGES, headers)
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    assert expected in response.json["error_msg"]


@pytest.mark.parametrize("date", ["2026-11-18T11:06:40Z", "20261318T110640Z", "20261118T110640", "\u0662" * 8])
def test_a_time_is_read_in_one_form(iotda, held_clock, date):
    headers = {**signer.headers(KEY, "GET", PACKAGES, seconds=NOW), "X-Sdk-Date": date.encode().decode("latin-1")}
    response = iotda.send("GET", PACKAGES, headers)
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0303")


@schemes
@pytest.mark.parametrize("value", ["0" * 64, "unsigned-payload", "UNSIGNED-PAYLOAD,", "STREAMING-UNSIGNED-PAYLOAD"])
def test_a_wrong_digest_of_the_body_is_refused(app, scheme, value):
    response = Iotda(app, scheme=scheme)("POST", PACKAGES, package(), X_Sdk_Content_Sha256=value)
    assert response.status_code == 401
    assert "X-Sdk-Content-Sha256" in response.json["error_msg"]


@schemes
def test_a_body_may_be_left_out_of_the_signature(app, scheme):
    iotda, data = Iotda(app, scheme=scheme), signer.dump(package())
    headers = signer.headers(KEY, "POST", PACKAGES, {}, data, scheme=scheme, X_Sdk_Content_Sha256=signer.UNSIGNED)
    assert iotda.send("POST", PACKAGES, headers, body=data).status_code == 201
    assert is_believed(iotda.send("POST", PACKAGES, headers, body=data + b" "))
    assert not is_believed(iotda.send("POST", f"{PACKAGES}/", {**headers, "X-Sdk-Date": signer.stamp(1)}, body=data))
    # Signed over the digest, it does not pass for one that leaves the body out, nor the other way round.
    headers = signer.headers(KEY, "POST", PACKAGES, {}, data, scheme=scheme)
    assert not is_believed(
        iotda.send("POST", PACKAGES, {**headers, "X-Sdk-Content-Sha256": signer.UNSIGNED}, body=data)
    )


@schemes
def test_that_a_body_is_not_signed_has_to_be_signed(app, scheme):
    data, asked = signer.dump(package()), {"scheme": scheme, "only": ("Host", "X-Sdk-Date")}
    headers = signer.headers(KEY, "POST", PACKAGES, {}, data, X_Sdk_Content_Sha256=signer.UNSIGNED, **asked)
    response = Iotda(app, scheme=scheme).send("POST", PACKAGES, headers, body=data)
    assert response.status_code == 401
    assert "X-Sdk-Content-Sha256" in response.json["error_msg"]


@schemes
@pytest.mark.parametrize(
    "names",
    [
        ("User-Agent", "X-Project-Id", "X-Sdk-Date"),
        ("X-Sdk-Date",),
        ("Content-Type", "X-Sdk-Date"),
        ("Host", "X-Sdk-Date"),
    ],
)
def test_only_the_date_has_to_be_signed(app, scheme, names):
    iotda, params = Iotda(app, scheme=scheme), {"package_type": "firmwarePackage"}
    headers = signer.headers(KEY, "GET", PACKAGES, params, scheme=scheme, only=names, User_Agent="an SDK")
    assert f"SignedHeaders={';'.join(sorted(name.lower() for name in names))}," in headers["Authorization"]
    assert iotda.send("GET", PACKAGES, headers, params).status_code == 200
    for name in names:
        assert not is_believed(iotda.send("GET", PACKAGES, {**headers, name: "20261118T110640Z"}, params))


@schemes
def test_a_signature_may_name_a_host_of_the_settings(make_app, scheme):
    iotda = Iotda(make_app(signed_hosts='["iotda.example.com"]'), scheme=scheme)
    params = {"package_type": "firmwarePackage"}
    headers = signer.headers(KEY, "GET", PACKAGES, params, scheme=scheme, Host="iotda.example.com")
    assert iotda.send("GET", PACKAGES, {**headers, "Host": signer.HOST}, params).status_code == 200
    headers = signer.headers(KEY, "GET", PACKAGES, params, scheme=scheme, Host="other.example.com")
    assert not is_believed(iotda.send("GET", PACKAGES, {**headers, "Host": signer.HOST}, params))


@schemes
def test_the_project_of_the_header_is_that_of_the_path(app, scheme):
    response = Iotda(app, scheme=scheme)("GET", PACKAGES, project="other")
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")


def test_a_signature_of_the_wrong_key_says_what_we_signed_and_no_secret(iotda, log_lines):
    response = iotda.by((KEY[0], "wrong"))("GET", PACKAGES)
    assert "verify aksk signature fail" in response.json["error_msg"]
    sent = response.request.headers["Authorization"].rpartition("=")[2]
    for text in (response.text, json.dumps(log_lines())):
        assert KEY[1] not in text
        assert sent not in text


def test_a_forgotten_project_is_refused_by_name(iotda):
    response = iotda("GET", "/v5/iot/{project_id}/ota-upgrades/packages", project=None)
    assert (response.status_code, response.json["error_code"]) == (400, "IOTDA.000006")
    assert "project_id" in response.json["error_msg"]


def test_the_instance_is_logged_and_not_answered(iotda, log_lines):
    response = iotda("GET", PACKAGES, params={"package_type": "firmwarePackage"}, Instance_Id="inst-1")
    assert log_lines()[-1]["instance_id"] == "inst-1"
    assert "inst-1" not in response.text + str(response.headers)


def test_paths_are_served_without_redirects(iotda):
    for path in (f"{PACKAGES}/", PACKAGES):
        iotda.ok("GET", path, params={"package_type": "firmwarePackage"})
    assert iotda.refused("GET", f"{BASE}/nothing")[:2] == (404, "APIGW.0101")
    for path in ("/v5", "/v5/", "/v3", "/v3/x", "/v5//iot", f"{PACKAGES}//"):
        response = iotda.http.get(path)
        assert (response.status_code, response.json["error_code"]) == (404, "APIGW.0101")
    for method in ("PATCH", "OPTIONS", "TRACE", "PUT", "BREW", "HEAD"):
        response = iotda.http.open(PACKAGES, method=method)
        assert response.status_code == 405
        assert response.headers["X-Request-Id"]
        if method not in ("HEAD", "BREW"):
            assert response.json["error_code"] == "IOTDA.900405"
            assert set(response.headers["Allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize("day", [-1, 1])
def test_a_scope_of_another_day_is_refused(iotda, day):
    right = signer.headers(KEY, "GET", PACKAGES, scheme=signer.SCHEMES[1])
    date = right["X-Sdk-Date"]
    other = signer.stamp(calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ")) + day * 86_400)[:8]
    text, names = signer.canonical("GET", PACKAGES, {}, {n: v for n, v in right.items() if n != "Authorization"}, b"")
    signed = signer.authorization(KEY, signer.SCHEMES[1], date, text, names, f"{other}/local-1/iotdm")
    response = iotda.send("GET", PACKAGES, {**right, "Authorization": signed})
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    assert "another date" in response.json["error_msg"]


def test_a_parameter_comes_once(iotda):
    headers = signer.headers(KEY, "GET", PACKAGES)
    response = iotda.send("GET", f"{PACKAGES}?app_id=a&app_id=a", headers)
    assert (response.status_code, response.json["error_code"]) == (400, "IOTDA.000006")


WORDS = st.text(max_size=8)
PAIRS = st.dictionaries(st.text(min_size=1, max_size=6), WORDS, max_size=4)


def utf8(text):
    return not re.search("[\ud800-\udfff]", text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    PAIRS.filter(lambda p: all(utf8(n + v) for n, v in p.items())),
    st.binary(max_size=20),
    st.sampled_from(signer.SCHEMES),
)
def test_whatever_is_signed_is_believed_and_nothing_else(app, params, body, scheme):
    iotda = Iotda(app, scheme=scheme)
    headers = signer.headers(KEY, "POST", PACKAGES, params, body, scheme=scheme)
    assert is_believed(iotda.send("POST", PACKAGES, headers, params, body))
    assert not is_believed(iotda.send("POST", PACKAGES, headers, params, body + b"x"))
    assert not is_believed(iotda.send("POST", PACKAGES, headers, {**params, "another name": "x"}, body))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.binary(max_size=40), st.text(max_size=60))
def test_no_rubbish_is_more_than_refused(app, target, body, authorization):
    path = "/v5/" + "".join(f"%{byte:02X}" if byte % 3 else chr(byte % 94 + 33) for byte in target)
    headers = {
        "Authorization": authorization.encode("utf-8", "replace").decode("latin-1").translate({10: 32, 13: 32, 0: 32})
    }
    response = Iotda(app).send("POST", path, headers, body=body)
    assert 400 <= response.status_code < 500


@given(st.text("ab%2F/~ ", max_size=12))
def test_a_path_is_canonical_in_two_ways_at_most(path):
    found = signature.canonical_paths(path)
    assert 1 <= len(found) <= 2
    assert all(re.fullmatch(r"(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*/", way) for way in found)


@pytest.mark.parametrize(
    ("path", "found"),
    [("/a/1", {"x": "1"}), ("/a/1/", {"x": "1"}), ("/a/%31", {"x": "1"}), ("/a/b%2Fc", {"x": "b/c"}), ("/a", None),
     ("/a/1/2", None), ("/b/1", None), ("/a/1//", None), ("/a//", None)],
)  # fmt: skip
def test_a_path_is_matched_segment_by_segment(path, found):
    assert wire.match("/a/{x}", path) == found


def test_a_token_stands_for_its_key(app, held_clock):
    iotda = Iotda(app)
    token = ask(iotda, KEY).headers["X-Subject-Token"]
    response = with_token(iotda, token)
    assert response.status_code == 200
    held_clock.seconds += 86_399
    assert with_token(iotda, token).status_code == 200
    held_clock.seconds += 1
    assert with_token(iotda, token).status_code == 401
    held_clock.seconds += 7200
    assert with_token(iotda, token).json["error_msg"].endswith("token has expired 2 h ago.")


def ask(iotda, key, methods=("hw_ak_sk",), headers=None, scope=None, **members):
    """Ask for a token; the key pair is there for every method that there is, unless ``members`` say otherwise."""
    identity = {
        "methods": list(methods),
        "hw_ak_sk": {"access": {"key": key[0]}, "secret": {"key": key[1]}},
        "password": {"user": {"name": key[0], "password": key[1], "domain": {"name": "any"}}},
        **members,
    }
    scope = {"project": {"name": "local-1"}} if scope is None else scope
    body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
    return iotda.send("POST", "/v3/auth/tokens", {"Content-Type": "application/json", **(headers or {})}, body=body)


def with_token(iotda, token, **headers):
    return iotda.send("GET", PACKAGES, {"X-Auth-Token": token, **headers}, {"package_type": "firmwarePackage"})


def test_a_token_comes_in_a_header_and_nowhere_else(app, log_lines):
    response = ask(Iotda(app), KEY)
    assert response.status_code == 201
    assert response.json["token"]["methods"] == ["hw_ak_sk"]
    token = response.headers["X-Subject-Token"]
    assert token not in response.text
    assert token not in json.dumps(log_lines())
    assert KEY[1] not in json.dumps(log_lines())


@pytest.mark.parametrize("key", [(KEY[0], "wrong"), ("nobody", KEY[1]), (KEY[0], OTHER[1]), (KEY[0], ""), (KEY[0], 5)])
def test_a_wrong_key_pair_gets_no_token(app, key):
    response = ask(Iotda(app), key)
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    assert "X-Subject-Token" not in response.headers
    assert noted(app) == []


def test_each_token_leaves_a_row_of_the_audit_without_the_token(app):
    tokens = [ask(Iotda(app), KEY).headers["X-Subject-Token"] for _ in range(2)]
    found = noted(app)
    assert [(each["Operation"], each["ObjectKind"], each["ObjectId"]) for each in found] == [
        ("CreateToken", "token", KEY[0])
    ] * 2
    assert not any(part in json.dumps(found) for token in tokens for part in token.split(".")[1:])


def noted(app):
    return Client(app).ok("ListAuditEvents", PageSize=100)["Data"]["AuditEvent"]


@pytest.mark.parametrize("methods", [["token"], ["hw_ak_sk", "password"], ["hw_assume_role"], [], [["password"]], [5]])
def test_other_methods_are_refused(app, methods):
    response = ask(Iotda(app), KEY, methods)
    assert response.status_code == 401
    assert '["hw_ak_sk"] or ["password"]' in response.json["error_msg"]


def test_a_key_pair_is_a_user_name_and_a_password(app):
    iotda = Iotda(app)
    response = ask(iotda, KEY, ["password"])
    assert response.status_code == 201
    assert response.json["token"]["methods"] == ["password"]
    assert with_token(iotda, response.headers["X-Subject-Token"]).status_code == 200
    assert [each["Operation"] for each in noted(app)] == ["CreateToken"]


@pytest.mark.parametrize("key", [(KEY[0], "wrong"), ("nobody", KEY[1]), (KEY[0], OTHER[1]), (KEY[0], ""), (KEY[0], 5)])
def test_a_wrong_password_gets_no_token(app, key):
    response = ask(Iotda(app), key, ["password"])
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    assert str(key[1]) not in ("", "5") or "auth.identity.password.user.password" in response.json["error_msg"]
    assert noted(app) == []


@pytest.mark.parametrize("password", [None, 5, [], {"user": None}, {"user": {"id": KEY[0], "password": KEY[1]}}])
def test_a_password_without_a_user_name_is_refused(app, password):
    response = ask(Iotda(app), KEY, ["password"], password=password)
    assert (response.status_code, response.json["error_code"]) == (401, "APIGW.0301")
    assert "auth.identity.password.user.name" in response.json["error_msg"]


def test_the_project_of_a_token_is_that_of_its_scope(app):
    iotda = Iotda(app)
    iotda.ok("POST", PACKAGES, package(), status=201)
    first, second = (each["id"] for each in iotda.ok("GET", "/v3/projects", project=None)["projects"])
    assert second == signer.PROJECT
    domain = {"id": "main", "name": "main"}
    for scope, expected in (
        ({"project": {"name": "cn-north-4"}}, {"project": {"id": first, "name": "cn-north-4", "domain": domain}}),
        ({"project": {"id": second}}, {"project": {"id": second, "name": second, "domain": domain}}),
        ({"project": {"id": "nobodys"}}, {"project": {"id": "nobodys", "name": "nobodys", "domain": domain}}),
        ({"domain": {"name": "main"}}, {"domain": domain}),
        ({}, {"project": {"id": first}}),
    ):
        token = ask(iotda, KEY, scope=scope).json["token"]
        assert {name: token[name] for name in ("project", "domain") if name in token} == expected


def test_a_scope_of_another_accounts_project_is_refused(app, make_app):
    (theirs,) = (each["id"] for each in Iotda(app, OTHER).ok("GET", "/v3/projects", project=None)["projects"])
    response = ask(Iotda(app), KEY, scope={"project": {"id": theirs}})
    assert (response.status_code, response.json["error_code"]) == (403, "IOTDA.900403")
    assert theirs in response.json["error_msg"]
    strict = Iotda(make_app(unknown_products="refuse"))
    assert ask(strict, KEY, scope={"project": {"id": "nobodys"}}).json["error_code"] == "IOTDA.900403"


@pytest.mark.parametrize("scope", [[], 5, "x", {"project": 5}, {"project": {"id": 5}}, {"project": {"name": []}},
                                   {"unscoped": {}}, {"project": {}, "domain": {}}])  # fmt: skip
def test_a_scope_that_cannot_be_read_is_refused_by_name(app, scope):
    response = ask(Iotda(app), KEY, scope=scope)
    assert (response.status_code, response.json["error_code"]) == (400, "IOTDA.000006")
    assert "auth.scope" in response.json["error_msg"]


def test_a_key_pair_beside_other_credentials_is_refused(app):
    assert ask(Iotda(app), KEY, headers={"X-Auth-Token": "x"}).status_code == 401


def test_no_other_token_is_believed(app, held_clock):
    iotda = Iotda(app)
    token = ask(iotda, KEY).headers["X-Subject-Token"]
    name, until, mac = token.split(".")
    theirs = ask(iotda, OTHER).headers["X-Subject-Token"].split(".")
    for wrong in (
        "x", "", f"{name}.{int(until) + 1}.{mac}", f"{theirs[0]}.{until}.{mac}", f"{name}.{until}.{theirs[2]}",
        f"{name}.{until}.{'0' * 64}", f"{name}x.{until}.{mac}", f"{token},{token}", f"====.{until}.{mac}",
    ):  # fmt: skip
        assert with_token(iotda, wrong).status_code == 401
    headers = signer.headers(KEY, "GET", PACKAGES, {"package_type": "firmwarePackage"})
    assert with_token(iotda, token, **headers).json["error_code"] == "APIGW.0301"


def test_a_token_ends_with_its_key(app):
    iotda, keys = Iotda(app), app.extensions["otagw"]["runtime"].keys
    keys.create(key_id="short", secret="one")
    token = ask(iotda, ("short", "one")).headers["X-Subject-Token"]
    assert with_token(iotda, token).status_code == 200
    keys.enable("short", False)
    assert with_token(iotda, token).status_code == 401
    keys.delete("short")
    keys.create(key_id="short", secret="two")
    assert with_token(iotda, token).status_code == 401


def test_the_actions_do_not_take_these_signatures(app):
    headers = signer.headers(KEY, "GET", "/")
    assert Client(app).http.get("/?Action=ListOTAFirmware", headers=headers).status_code == 400
