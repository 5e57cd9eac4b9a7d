"""The command line: what it prints, what it refuses, and its exit status."""

import json
import re
import shlex
import subprocess
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner

from otagw.cli import main
from tests import signer
from tests.conftest import KEY
from tests.iotda import signer as huawei
from tests.iotda.conftest import BASE
from tests.iotda.test_device import product
from tests.patience import HANG_SECONDS


@pytest.fixture
def otagw(run):
    """Run a command on an empty data folder."""
    return run


@pytest.fixture
def store(otagw):
    otagw("migrate")
    otagw("keys", "create", "--id", KEY[0], "--secret", KEY[1])
    return otagw


def test_every_command_explains_itself(otagw):
    assert "serve" in otagw("--help")
    for name, command in main.commands.items():
        assert command.help, name
        otagw(name, "--help")


def test_migrate_may_be_repeated(otagw):
    assert "Applied 0001_first_tables" in otagw("migrate")
    assert "up to date" in otagw("migrate")


def test_what_needs_the_database_says_when_it_is_not_migrated(otagw):
    assert "run `otagw migrate`" in otagw("keys", "list", status=1)
    assert "run `otagw migrate`" in otagw("serve", status=1)


def test_a_wrong_setting_ends_with_its_name(otagw, monkeypatch):
    monkeypatch.setenv("OTAGW_WORKERS", "many")
    assert "OTAGW_WORKERS: expected an integer from 1 to 64" in otagw("serve", status=1)


def test_a_generated_secret_is_shown_once(store):
    shown = store("keys", "create", "--account", "ci", "--grant", "ota:List*")
    secret = re.search(r"AccessKeySecret  (\w{30})\n", shown)[1]
    assert "ota:List*" in shown
    listed = store("keys", "list")
    assert secret not in listed
    assert re.search(r"OTAK\w{20}  ci +enabled .* ota:List\*", listed)


def test_a_key_without_a_grant_says_that_it_may_do_everything(otagw):
    otagw("migrate")
    assert "everything" in otagw("keys", "create")


def test_a_given_secret_is_not_shown_at_all(otagw):
    otagw("migrate")
    assert "hush" not in otagw("keys", "create", "--id", "mine", "--secret", "hush")


def test_a_short_secret_is_taken_with_a_warning(store):
    made = CliRunner().invoke(main, ["keys", "create", "--id", "short", "--secret", "x" * 15])
    assert made.exit_code == 0
    assert "Warning: the secret has 15 characters." in made.stderr
    assert "Warning" not in made.stdout
    assert store("sign", "--id", "short", "ListOTAFirmware").startswith("http")


@pytest.mark.parametrize("words", [["--secret", "x" * 16], []])
def test_a_long_secret_is_taken_without_a_warning(store, words):
    assert "Warning" not in store("keys", "create", *words)


@pytest.mark.parametrize("grant", ["*", "ota:*", "ota:Li*", "ota:CreateOTAFirmware*", "ota:ShowBatchTask"])
def test_a_grant_that_covers_an_operation_is_taken(store, grant):
    assert f"Grants           {grant}\n" in store("keys", "create", "--grant", grant)


def test_a_refused_grant_makes_no_key(store):
    store("keys", "create", "--id", "none", "--grant", "ota:*", "--grant", "ota:Nothing", status=1)
    assert "none" not in store("keys", "list")


def test_a_secret_can_come_from_standard_input(store):
    store("keys", "create", "--id", "piped", "--secret", "-", input="pipedsecret\n")
    url = store("sign", "--id", "piped", "ListOTAFirmware").strip()
    params = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    given = params.pop("Signature")
    assert given == signer.v1_signature("pipedsecret", "GET", params)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "--id", KEY[0]], "already"),
        (["create", "--id", "a b"], "--id: expected"),
        (["create", "--secret", "a b"], "--secret: expected"),
        (["create", "--grant", "List"], "--grant: expected"),
        (["create", "--grant", "ota:CreateOtaFirmware"], "ota:CreateOtaFirmware covers none"),
        (["create", "--grant", "ota:*", "--grant", "ota:Lst*"], "--grant: expected a grant that covers an operation"),
        (["disable", "nobody"], "there is no access key nobody"),
        (["enable", "nobody"], "there is no access key nobody"),
        (["delete", "nobody"], "there is no access key nobody"),
    ],
)
def test_keys_refuses_by_name(store, words, said):
    assert said in store("keys", *words, status=1)


def test_a_key_can_be_disabled_enabled_and_deleted(store):
    store("keys", "disable", KEY[0])
    assert "disabled" in store("keys", "list")
    store("keys", "enable", KEY[0])
    assert "disabled" not in store("keys", "list")
    store("keys", "delete", KEY[0])
    assert KEY[0] not in store("keys", "list")


def test_sign_prints_a_url_that_an_independent_signer_agrees_with(store):
    url = store("sign", "CreateOTAFirmware", "FirmwareName=固件 *~", "DestVersion=1", "Udi=").strip()
    assert url.startswith("http://127.0.0.1:8686/?Action=CreateOTAFirmware&")
    params = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    given = params.pop("Signature")
    assert params["FirmwareName"] == "固件 *~"
    assert given == signer.v1_signature(KEY[1], "GET", params)


def test_sign_v3_prints_a_curl_line_that_an_independent_signer_agrees_with(store):
    words = shlex.split(store("sign", "--scheme", "v3", "ListOTAFirmware", "CurrentPage=1", "PageSize=2"))
    headers = dict(word.split(": ", 1) for word in words if ": " in word)
    given = headers.pop("Authorization")
    params = {"CurrentPage": "1", "PageSize": "2"}
    digest = headers["x-acs-content-sha256"]
    assert given == signer.v3_authorization(*KEY, "POST", params, headers, digest)


def test_sign_refuses_what_is_no_pair(store):
    assert "NAME=VALUE" in store("sign", "ListOTAFirmware", "CurrentPage", status=2)
    assert "each name once" in store("sign", "ListOTAFirmware", "A=1", "A=2", status=2)


def test_sign_without_any_key_says_what_to_give(otagw):
    otagw("migrate")
    assert "--id and --secret" in otagw("sign", "ListOTAFirmware", status=1)


def test_sign_with_a_key_needs_no_database(otagw):
    otagw("sign", "--id", "a", "--secret", "b", "--endpoint", "http://h", "ListOTAFirmware")


def test_an_endpoint_needs_no_scheme(store):
    assert store("sign", "--endpoint", "127.0.0.1:9", "ListOTAFirmware").startswith("http://127.0.0.1:9/?")
    assert store("sign", "--endpoint", "https://a.example", "ListOTAFirmware").startswith("https://a.example/?")


@pytest.mark.parametrize(
    ("action", "said"),
    [("CreateOtaFirmware", "did you mean CreateOTAFirmware?"), ("ListOTAFirmwares", "did you mean ListOTAFirmware?"),
     ("x", "x: no Action of this gateway\n")],
)  # fmt: skip
def test_a_misspelt_action_is_told_the_nearest_and_signed_all_the_same(store, action, said):
    shown = store("sign", "--endpoint", "127.0.0.1:9", action)
    assert said in shown
    assert f"Action={action}&" in shown


def test_call_to_nobody_says_so(store):
    said = store("call", "--endpoint", "http://127.0.0.1:9", "ListOTAFirmware", status=1)
    assert "http://127.0.0.1:9/ cannot be reached" in said
    assert "Signature" not in said


def test_actions_lists_every_action(otagw):
    assert re.search(r"^CreateOTAFirmware +Add a firmware", otagw("actions"), re.M)


def test_welcome_makes_a_key_only_once(otagw):
    otagw("migrate")
    first, second = otagw("welcome"), otagw("welcome")
    secret = re.search(r"AccessKeySecret  (\w{30})\n", first)[1]
    assert secret not in second
    assert re.search(r"AccessKeyId +(\w+)", first)[1] == re.search(r"AccessKeyId +(\w+)", second)[1]
    assert "curl 'http://127.0.0.1:8686/?Action=CreateOTAFirmware" in second


@pytest.mark.parametrize(("scheme", "signing"), [("sdk", huawei.SCHEMES[0]), ("v11", huawei.SCHEMES[1])])
def test_sign_of_a_path_prints_a_curl_line_that_an_independent_signer_agrees_with(store, scheme, signing):
    path = f"{BASE}/devices/固 件(1)"
    words = shlex.split(store("sign", "--scheme", scheme, f"{path}?limit=1", "app_id=a b~", "--data", '{"a": 1}'))
    assert words[:3] == ["curl", "-X", "POST"]
    assert words[-3:-1] == ["--data-raw", '{"a": 1}']
    headers = dict(word.split(": ", 1) for word in words if ": " in word and not word.startswith("{"))
    given = headers.pop("Authorization")
    text, names = huawei.canonical("POST", path, {"app_id": "a b~", "limit": "1"}, headers, b'{"a": 1}')
    assert given == huawei.authorization(KEY, signing, headers["X-Sdk-Date"], text, names)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere"], "a path below /v5 or /v3"),
        ([f"{BASE}/products", "--scheme", "v1"], "--scheme: expected sdk or v11"),
        (["ListOTAFirmware", "--scheme", "v11"], "--scheme: expected v1 or v3"),
        (["ListOTAFirmware", "--data", "{}"], "not for an Action"),
        (["ListOTAFirmware", "--method", "DELETE"], "not for an Action"),
        (["ListOTAFirmware", "Action=A"], "each name once"),
        ([f"{BASE}/products", "limit"], "NAME=VALUE"),
    ],
)
def test_sign_refuses_what_does_not_go_together(store, words, said):
    assert said in store("sign", *words, status=2)


def test_the_key_of_a_path_is_huaweis_where_the_environment_has_it(otagw):
    def signer_of(*words, **variables):
        return re.search(r"Access=(\w+)|AccessKeyId=(\w+)", otagw("sign", *words, env=variables)).group(0)

    ali = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "ali", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
    both = {**ali, "HUAWEICLOUD_SDK_AK": "hua", "HUAWEICLOUD_SDK_SK": "s"}
    assert signer_of(f"{BASE}/products", **both) == "Access=hua"
    assert signer_of(f"{BASE}/products", **ali) == "Access=ali"
    assert signer_of("ListOTAFirmware", **both) == "AccessKeyId=ali"


@pytest.mark.live
@pytest.mark.parametrize("scheme", ["sdk", "v11"])
def test_call_of_a_path_shows_the_answer_and_ends_by_its_status(live, otagw, monkeypatch, scheme):
    for name, value in live.environ.items():
        monkeypatch.setenv(name, value)

    def call(*words, **options):
        return otagw("call", "--scheme", scheme, *words, **options)

    made = json.loads(call(f"{BASE}/products", "--data", json.dumps(product(product_id=None, name=f"固件 {scheme}"))))
    path = f"{BASE}/products/{made['product_id']}"
    assert json.loads(call(path))["name"] == f"固件 {scheme}"
    assert made["product_id"] in call(f"{BASE}/products", "limit=50")
    assert call(path, "--method", "DELETE") == ""
    assert "error_code" in call(path, status=1)
    assert "APIGW.0301" in call(path, "--id", KEY[0], "--secret", "wrong", status=1)


@pytest.mark.live
@pytest.mark.parametrize("scheme", ["v1", "v3"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_call_shows_the_answer_and_ends_by_success(live, otagw, monkeypatch, scheme, method):
    for name, value in live.environ.items():
        monkeypatch.setenv(name, value)
    words = ["call", "--scheme", scheme, "--method", method, "ListOTAFirmware", "CurrentPage=1"]
    assert json.loads(otagw(*words, "PageSize=1"))["Success"] is True
    assert "MissingPageSize" in otagw(*words, status=1)


@pytest.mark.live
@pytest.mark.live
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_call_goes_to_this_machine_past_a_proxy(live, otagw, monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY[0])
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY[1])
    for host in (live.host, live.host.replace("127.0.0.1", "localhost")):
        assert json.loads(otagw("call", "--endpoint", host, "ListOTAFirmware", "CurrentPage=1", "PageSize=1"))[
            "Success"
        ]


@pytest.mark.live
def test_a_signed_curl_line_can_be_pasted(live):
    for scheme in ("v1", "v3"):
        words = ["--scheme", scheme, "ListOTAFirmware", "CurrentPage=1", "PageSize=1"]
        line = live.cli("sign", "--curl", *words).stdout
        answer = subprocess.run(
            line, shell=True, check=True, capture_output=True, text=True, timeout=HANG_SECONDS
        ).stdout
        assert json.loads(answer)["Success"] is True
