"""``otagw explain``: the command, from a shell's side."""

import base64
import hashlib
import hmac
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from otagw.cli import explained_fronts, main
from otagw.dialects.aliyun.mistakes_v1 import SCHEME
from otagw.dialects.iotda import mistakes as iotda_mistakes
from tests import signer
from tests.conftest import NOW
from tests.iotda import signer as huawei
from tests.iotda.conftest import DEVICES, PACKAGES, Iotda
from tests.patience import HANG_SECONDS

KEY = ("testid", "testsecret-of-some-length")
HOST = "gateway.test:8686"
SENTENCES = {mistake.name: mistake.sentence for mistake in SCHEME.mistakes}


@pytest.fixture(autouse=True)
def own_environment(environment, monkeypatch, held_clock):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "HUAWEICLOUD_SDK_SK"):
        monkeypatch.delenv(name, raising=False)


def run(*words, secret=KEY[1], **options):
    """Run the command; return its exit status and what it printed."""
    given = ["--secret", secret] if secret else []
    result = CliRunner().invoke(main, ["explain", *words, *given], **options)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert not secret or secret == "-" or secret not in result.output
    return result.exit_code, result.output


def url(params, path="/"):
    return f"http://{HOST}{path}?{signer.query(params)}"


def v1(method="GET", seconds=NOW, **params):
    return signer.v1(KEY, "CreateOTAFirmware", method, seconds, **{"FirmwareName": "固件 *", **params})


def wrong_v1(secret=KEY[1], **changes):
    """Sign without the ampersand."""
    params = {**v1(), **changes}
    del params["Signature"]
    mac = hmac.new(secret.encode(), signer.v1_string("GET", params).encode(), hashlib.sha1)
    return {**params, "Signature": base64.b64encode(mac.digest()).decode()}


def v3(**options):
    params = {"FirmwareName": "固件 *"}
    headers = signer.v3(KEY, "CreateOTAFirmware", HOST, seconds=NOW, **options, **params)
    words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    return [url(params), "-X", "POST", *words]


def test_right_v1_request_ends_with_0():
    params = v1()
    status, shown = run(url(params))
    assert status == 0
    assert "signature   right" in shown
    del params["Signature"]
    assert f"    {signer.v1_string('GET', params)}\n" in shown


@pytest.mark.parametrize("path", ["", "//"])
def test_other_spellings_of_the_path_are_right(path):
    assert run(url(v1(), path))[0] == 0


def test_right_v3_request_ends_with_0_and_shows_what_was_signed():
    status, shown = run(*v3())
    assert status == 0
    assert f"    host:{HOST}\n" in shown
    assert "    FirmwareName=%E5%9B%BA%E4%BB%B6%20%2A\n" in shown


def test_canonical_request_that_is_shown_is_the_one_that_is_judged():
    words = v3()
    _, shown = run(*words)
    lines = shown.partition("signed\n")[2].partition("signature   ")[0].splitlines()
    digest = hashlib.sha256("\n".join(line[4:] for line in lines).encode()).hexdigest()
    mac = hmac.new(KEY[1].encode(), f"ACS3-HMAC-SHA256\n{digest}".encode(), hashlib.sha256)
    assert words[-1].endswith(f"Signature={mac.hexdigest()}")


def test_mistake_is_named_with_what_the_gateway_answers():
    status, shown = run(url(wrong_v1()))
    assert status == 1
    assert "400 SignatureDoesNotMatch" in shown
    assert f"mistake     {SENTENCES['no-ampersand']}" in shown


def test_unknown_mistake_is_said_to_be_unknown():
    status, shown = run(url(v1()), secret="another-secret")
    assert status == 1
    assert "none that is known" in shown


def test_neither_the_right_signature_nor_the_given_one_is_shown():
    right = v1()
    wrong = wrong_v1(SignatureNonce=right["SignatureNonce"])
    _, shown = run(url(wrong))
    for signature in (right["Signature"], wrong["Signature"]):
        assert signature not in shown
        assert signer.percent(signature) not in shown


def test_secret_that_stands_in_the_request_is_not_repeated():
    status, shown = run(url(v1(AccessKeyId=KEY[1])))
    assert status == 2
    assert "make a new key" in shown


def test_old_request_is_expired_though_its_signature_is_right():
    status, shown = run(url(v1(seconds=NOW - 3900)))
    assert status == 1
    assert "400 InvalidTimeStamp.Expired" in shown
    assert "1 h 5 min 0 s ago" in shown
    assert "signature   right" in shown


def test_local_time_is_suspected():
    status, shown = run(url(v1(seconds=NOW + 8 * 3600 - 30)))
    assert status == 1
    assert "local time (UTC+8): send UTC" in shown


def test_clock_skew_is_that_of_the_settings(monkeypatch):
    monkeypatch.setenv("OTAGW_CLOCK_SKEW_SECONDS", "60")
    assert run(url(v1(seconds=NOW - 61)))[0] == 1


def test_nonce_is_said_to_be_unknown():
    assert "nonce       cannot be told from here" in run(url(v1()))[1]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ([f"http://{HOST}/?Action=A"], "400 MissingAccessKeyId: AccessKeyId is mandatory for this action."),
        ([f"http://{HOST}/"], "400 MissingAction"),
        ([f"http://{HOST}/?Action=A&Action=B"], "400 InvalidParameter"),
        ([f"http://{HOST}/x?Action=A"], "404 InvalidApi.NotFound"),
        ([f"http://{HOST}/?Action=A", "-X", "PUT"], "405 UnsupportedHTTPMethod"),
        ([f"http://{HOST}/?Action=A", "-H", "Authorization: Basic x"], "400 InvalidSignatureMethod"),
        ([url(v1(Timestamp="2026-01-02 03:04:05"))], "400 InvalidTimeStamp.Format"),
        ([f"http://{HOST}/?Action=A", "-d", "{}", "-H", "Content-Type: application/json"], "415 UnsupportedMediaType"),
    ],
)
def test_refusal_before_the_signature_is_shown_as_the_gateway_answers_it(words, refusal):
    status, shown = run(*words)
    assert status == 1
    assert f"refused     {refusal}" in shown


@pytest.mark.parametrize("data", ["-d", "--data", "--data-raw"])
def test_form_makes_it_a_post(data):
    every = v1("POST")
    form = {"FirmwareName": every.pop("FirmwareName")}
    assert run(url(every), data, signer.query(form))[0] == 0


@pytest.mark.parametrize("quoted", [True, False], ids=["one argument", "as it is"])
def test_curl_line_is_read(quoted):
    line = shlex.join(["curl", "-s", "--compressed", *v3()])
    assert run(*([line.replace(" -H ", " \\\n  -H ")] if quoted else shlex.split(line)))[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["curl 'http://h/?Action=A"],
        ["curl -s"],
        ["Action=A"],
        [f"http://{HOST}/?Action=A", "--secrte", "x"],
        ["curl", f"http://{HOST}/", "--data-urlencode", "A=b"],
        [f"http://{HOST}/", "-H", "no colon, and then"],
        [f"http://{HOST}/", "-H", ": x"],
        [f"http://{HOST}/", "-d", "@form.txt"],
        [f"http://{HOST}/", "-H", "A: b\nc"],
        ["http://[h/?Action=A"],
    ],
)
def test_what_cannot_be_read_is_a_usage_error(words):
    assert run(*words)[0] == 2


def test_secret_comes_from_standard_input():
    assert run(url(v1()), secret="-", input=KEY[1] + "\n")[0] == 0


def test_secret_comes_from_the_environment():
    assert run(url(v1()), secret=None, env={"ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY[1]})[0] == 0


def test_secret_comes_from_the_key_kept_here():
    for words in (["migrate"], ["keys", "create", "--id", KEY[0], "--secret", KEY[1]]):
        assert CliRunner().invoke(main, words).exit_code == 0
    status, shown = run(url(v1()), secret=None)
    assert (status, KEY[1] in shown) == (0, False)


def test_key_that_is_not_kept_here_is_refused_and_the_way_out_is_named():
    assert CliRunner().invoke(main, ["migrate"]).exit_code == 0
    status, shown = run(url(v1()), secret=None)
    assert status == 1
    assert "404 InvalidAccessKeyId.NotFound" in shown
    assert "--secret" in shown


def test_paths_and_methods_are_those_of_the_gateway(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("actions")]
    assert {rule.rule for rule in rules} | {""} == set(explained_fronts.PATHS)
    assert {method for rule in rules for method in rule.methods} - {"HEAD", "OPTIONS"} == set(explained_fronts.METHODS)


def test_verdicts_are_those_of_the_gateway(client):
    for secret, verdict in ((client.key[1], 0), ("another", 1)):
        params = signer.v1((client.key[0], secret), "ListOTAFirmware", seconds=NOW)
        is_wrong = client.send(params).json["Code"] == "SignatureDoesNotMatch"
        assert run(url(params), secret=client.key[1])[0] == is_wrong == verdict


# --- calls of IoTDA

schemes = pytest.mark.parametrize("scheme", huawei.SCHEMES)
HUAWEI = {mistake.name: mistake.sentence for mistake in iotda_mistakes.DERIVED.mistakes}
FILTER = {"package_type": "firmwarePackage"}


def rest(scheme=huawei.SCHEMES[0], method="GET", path=PACKAGES, params=FILTER, body=b"", key=KEY, as_=None, **options):
    """Return a curl line of a call; ``as_`` is the path that is signed, where it is another."""
    options = {"seconds": NOW, **options}
    headers = huawei.headers(key, method, as_ or path, params, body, scheme=scheme, **options)
    words = ["curl", "-X", method, f"http://{HOST}{path}" + (f"?{huawei.query(params)}" if params else "")]
    words += [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    return shlex.join([*words, *(["--data-raw", body.decode()] if body else [])])


@schemes
def test_right_call_ends_with_0_and_shows_what_was_signed(scheme):
    status, shown = run(rest(scheme))
    assert status == 0
    assert f"scheme      {scheme}\n" in shown
    assert "operation   ListOtaPackageInfo\n" in shown
    assert f"    {PACKAGES}/\n    package_type=firmwarePackage\n" in shown
    assert "signature   right" in shown
    assert "nonce" not in shown


@schemes
def test_right_call_with_a_body_ends_with_0(scheme):
    assert run(rest(scheme, "POST", DEVICES, None, b'{"node_id": "\xe5\x9b\xba", "product_id": "p"}'))[0] == 0


@schemes
def test_mistake_in_a_call_is_named_with_what_the_gateway_answers(scheme):
    status, shown = run(rest(scheme, Host="localhost").replace("Host: localhost", f"Host: {HOST}"))
    assert status == 1
    assert "401 APIGW.0301" in shown
    assert f"mistake     {HUAWEI['host-loopback']}" in shown


def test_old_call_is_expired_though_its_signature_is_right():
    status, shown = run(rest(seconds=NOW + 8 * 3600 - 30))
    assert status == 1
    assert "401 APIGW.0303; looks like local time (UTC+8): send UTC" in shown
    assert "signature   right" in shown


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ([f"http://{HOST}/v5/nowhere"], "404 APIGW.0101"),
        ([f"http://{HOST}{PACKAGES}", "-X", "PATCH"], "405 IOTDA.900405"),
        ([f"http://{HOST}{PACKAGES}"], "401 APIGW.0301"),
        ([f"http://{HOST}{PACKAGES}", "-H", "Authorization: Basic x"], "401 APIGW.0301"),
    ],
)
def test_refusal_of_a_call_is_shown_as_the_gateway_answers_it(words, refusal):
    status, shown = run(*words)
    assert status == 1
    assert f"refused     {refusal}" in shown


@pytest.mark.parametrize(
    "words", [[f"http://{HOST}{PACKAGES}", "-H", "X-Auth-Token: x"], [f"http://{HOST}/v3/auth/tokens", "-d", "{}"]]
)
def test_call_without_a_signature_is_not_judged(words):
    status, shown = run(*words)
    assert status == 1
    assert "signature   there is none" in shown


@pytest.mark.parametrize(
    "names",
    [{"HUAWEICLOUD_SDK_SK": KEY[1]}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY[1]},
     {"HUAWEICLOUD_SDK_SK": KEY[1], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "another"}],
)  # fmt: skip
def test_secret_of_a_call_comes_from_the_environment(names):
    assert run(rest(), secret=None, env=names)[0] == 0


def test_secret_of_an_action_is_not_that_of_huawei():
    names = {"HUAWEICLOUD_SDK_SK": "another", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY[1]}
    assert run(url(v1()), secret=None, env=names)[0] == 0


@schemes
def test_verdicts_on_calls_are_those_of_the_gateway(app, scheme):
    for secret, verdict in ((KEY[1], 0), ("another", 1)):
        app.extensions["otagw"]["runtime"].keys.create(key_id=f"id{verdict}", secret=KEY[1])
        iotda = Iotda(app, (f"id{verdict}", secret), scheme)
        is_wrong = iotda("GET", PACKAGES, params=FILTER).status_code == 401
        assert run(rest(scheme, key=iotda.key))[0] == is_wrong == verdict


@pytest.mark.parametrize(
    "words", [[url(v1())], v3(), [rest()], [rest(huawei.SCHEMES[1])]], ids=["v1", "v3", "sdk", "v11"]
)
def test_a_shell_finds_the_command_as_the_tests_do(words):
    """The tests have a gateway at hand, which a shell has not."""
    command = [sys.executable, "-m", "otagw", "explain", *words, "--secret", KEY[1]]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert "signature   right" in shown.stdout, shown.stderr
