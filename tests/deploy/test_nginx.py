"""nginx by config/nginx.conf before gunicorn by config/gunicorn.conf.py, over TLS with the test's own authority."""

import subprocess

import pytest

from otagw.ota.products import products
from tests import signer
from tests.conftest import KEY, free_port
from tests.deploy import servers
from tests.deploy.fronts import FRONTS
from tests.deploy.servers import assert_alibaba, assert_documented, parse, send
from tests.iotda import test_sdk
from tests.patience import eventually

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("nginx")]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    gateway = servers.Gunicorn(folder, trusted_proxies=1).prepare().start()
    site = servers.Site(folder, gateway.port, gateway)
    site.nginx.start()
    yield site
    site.nginx.stop()
    gateway.stop()


@pytest.fixture(scope="module")
def orphan(tmp_path_factory):
    """nginx with no gateway behind it."""
    site = servers.Site(tmp_path_factory.mktemp("orphan"), free_port())
    site.nginx.start()
    yield site
    site.nginx.stop()


def v1(action="ListOTAFirmware", **params):
    return "/?" + signer.query(signer.v1(KEY, action, **params))


def headers(pairs):
    return [word for name, value in pairs.items() for word in ("-H", f"{name}: {value}")]


def test_the_configuration_is_clean(site):
    done = subprocess.run(site.nginx.command("-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "warn" not in done.stderr


def test_curl_with_v1_passes(site):
    reply = site.curl(v1("CreateOTAFirmware", FirmwareName="by-v1", DestVersion="1"))
    assert reply.json["Success"] is True


def test_curl_with_v3_passes_host_user_agent_and_accept_unchanged(site):
    extra = {"accept": "application/json;q=1,*/*", "user-agent": "Some/1.0  (two spaces)"}
    params = {"FirmwareName": "by-v3", "DestVersion": "1"}
    signed = signer.v3(KEY, "CreateOTAFirmware", site.host, extra=extra, **params)
    reply = site.curl("/?" + signer.query(params), "-X", "POST", *headers(signed))
    assert reply.json["Success"] is True


@pytest.mark.parametrize("algorithm", [None, "v2"])
def test_the_unmodified_tea_sdk_passes_with_its_default_protocol(site, algorithm):
    from alibabacloud_iot20180120 import models
    from alibabacloud_iot20180120.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(
        access_key_id=KEY[0],
        access_key_secret=KEY[1],
        endpoint=site.host,
        ca=site.ca,
        signature_algorithm=algorithm,
    )
    request = models.CreateOTAFirmwareRequest(firmware_name=f"by-tea-{algorithm}", dest_version="1")
    assert Client(config).create_otafirmware(request).body.success is True


def test_a_doubled_slash_reaches_the_gateway_as_it_is(site):
    assert site.curl("/" + v1("CreateOTAFirmware", FirmwareName="doubled", DestVersion="1")).json["Success"] is True
    assert site.curl("//nowhere").json["Code"] == "InvalidApi.NotFound"


def test_no_path_is_redirected(site):
    assert [site.curl(path).status for path in ("/nowhere/", "/nowhere//", "/nowhere/../")] == [404] * 3
    assert site.curl("/oss").status == 405


def test_a_long_address_passes(site):
    reply = site.curl(v1("CreateOTAFirmware", Padding="x" * 37_000))
    assert reply.json["Code"] == "MissingDestVersion"


def test_the_log_has_the_clients_address(site):
    assert '"client": "127.0.0.2"' in site.line(site.curl(v1(), "--interface", "127.0.0.2"))


def test_an_address_that_the_client_claims_is_not_believed(site):
    claims = [f"{name}: 6.6.6.6" for name in ("X-Forwarded-For", "X-Real-IP", "X_Forwarded_For", "Forwarded")]
    line = site.line(site.curl(v1(), "--interface", "127.0.0.2", *[word for claim in claims for word in ("-H", claim)]))
    assert '"client": "127.0.0.2"' in line
    assert "6.6.6.6" not in line


def test_schemes_that_the_client_claims_change_nothing(site):
    claims = {"X-Forwarded-Proto": "http", "X-Forwarded-Ssl": "off", "X-Forwarded-Protocol": "x"}
    assert site.curl("/healthz", *headers(claims)).status == 200


def test_the_access_log_has_no_query(site):
    site.curl("/logged?Signature=should-stay-unseen")
    eventually(lambda: " GET /logged 404 " in site.nginx.log())
    assert "?" not in site.nginx.log()
    assert "should-stay-unseen" not in site.nginx.log() + site.nginx.log("error.log") + site.gateway.log()


def test_a_body_over_the_limit_is_refused_in_both_spellings(site, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"a" * (4 * 1024 * 1024 + 1))
    body = ("--data-binary", f"@{large}")
    assert_documented(site.curl("/", *body), 413, "RequestEntityTooLarge")
    assert_alibaba(site.curl("/", *body, "-H", "x-acs-version: 2018-01-20"), 413, "RequestEntityTooLarge")


def test_an_upload_below_oss_may_be_larger(site, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"a" * (4 * 1024 * 1024 + 1))
    # The answer is the gateway's own: nginx let the body through.
    assert site.curl("/oss", "--data-binary", f"@{large}").headers["x-request-id"] in site.gateway.log()


def test_an_address_over_64_kib_is_refused(site):
    assert_documented(site.curl("/?" + "a" * 70_000), 414, "RequestEntityTooLarge")


def test_a_header_over_64_kib_is_refused_in_both_spellings(site):
    large = ("-H", "A: " + "a" * 70_000)
    assert_documented(site.curl("/", *large), 431, "RequestEntityTooLarge")
    assert_alibaba(site.curl("/?Version=2018-01-20", *large), 431, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"garbage\r\n\r\n"], ids=["plain http", "garbage"]
)
def test_what_is_not_tls_is_answered_with_an_envelope(site, data):
    assert_documented(parse(send(site.nginx.port, data)), 400, "InvalidRequest")


@pytest.mark.parametrize("header", ["Host: http://127.0.0.1:8080", "Host:", "Content-Length: x", "Bad Name"])
def test_a_broken_request_is_answered_with_an_envelope(site, header):
    reply = site.curl("/", "-H", header)
    assert_documented(reply, reply.status, reply.json["Code"])
    assert reply.status in {400, 404}


def test_without_a_gateway_the_answer_is_an_envelope_in_both_spellings(orphan):
    assert_documented(orphan.curl(v1()), 502, "ServiceUnavailable")
    for alibaba in (orphan.curl(v1(Version="2018-01-20")), orphan.curl("/", "-H", "Authorization: ACS3-HMAC-SHA256 x")):
        assert_alibaba(alibaba, 502, "ServiceUnavailable")
        assert alibaba.json["HostId"] == orphan.host


def test_without_a_gateway_an_upload_is_answered_with_an_envelope_too(orphan, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"a" * (5 * 1024 * 1024))
    reply = orphan.curl("/oss", "--data-binary", f"@{large}")
    assert (reply.status, FRONTS["upload"].code(reply)) == (502, "ServiceUnavailable")


# What nginx refuses without asking the gateway: options of curl, the status, the reason.
REFUSED = {
    "no gateway": ([], 502, "orphan"),
    "a large body": (["-X", "POST", "-H", "Content-Length: 2000000000"], 413, "large"),
    "a large header": (["-H", "A: " + "a" * 70_000], 431, "large"),
    "a method that no path takes": (["-X", "TRACE"], 405, "method"),
    "a header that is none": (["-H", "Content-Length: x"], 400, "broken"),
    "an encoding that is unknown": (["-X", "POST", "-H", "Transfer-Encoding: gzip"], 501, "unknown"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", FRONTS)
def test_each_refusal_of_nginx_is_in_the_words_of_each_front(orphan, name, case):
    options, status, reason = REFUSED[case]
    front = FRONTS[name]
    reply = orphan.curl(front.path, *front.options, *options)  # nginx knows the headers before the one it refuses
    assert (reply.status, front.code(reply)) == (status, front.codes[reason])
    waits = reason == "orphan" and name in {"device", "ddi"}
    assert reply.headers.get("retry-after") in (["30", "40", "50", "60"] if waits else [None])


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/nothing?Version=1", "//nothing", "/v5", "/v5x", "/v5/", "/v3/x", "/V3/x", "/ossify"),
        *("/device/v1/x", "/device/v1", "/device/v2/x", "/device/v1x/y"),
        *("/key/controller/v1", "/key/controller/v1/x/y/z", "/key/controller/v1?a", "/key/controller/v2/x"),
        *("/key/controller/v1x/y", "/key/Controller/v1/x", "/a/key/controller/v1/x", "/?x=/key/controller/v1/x"),
        *(f"/{key}/controller/v1/x/y/z" for key in products.RESERVED_KEYS if key != "oss"),
        *(f"/{key.upper()}/controller/v1/x/y/z" for key in products.RESERVED_KEYS),
        *(f"/{key}s/controller/v1/x/y/z" for key in products.RESERVED_KEYS),
    ],
)
def test_nginx_and_the_gateway_agree_which_front_a_path_belongs_to(site, orphan, path):
    ours, nginxs = site.curl(path), orphan.curl(path)
    assert nginxs.status == 502
    assert set(nginxs.json) == {*ours.json} - {"time"}
    assert nginxs.headers["content-type"] == ours.headers["content-type"]


def test_a_host_that_is_no_host_does_not_break_the_envelope(orphan):
    assert_alibaba(orphan.curl("/?Version=1", "-H", 'Host: a"b'), 502, "ServiceUnavailable")


def test_every_refusal_has_a_request_id_of_its_own(orphan):
    assert len({orphan.curl("/").json["RequestID"] for _ in range(3)}) == 3


def test_nginx_does_not_tell_its_version(orphan):
    assert orphan.curl("/").headers["server"] == "nginx"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("scheme", ["SDK", "V11"])
def test_the_unmodified_iotda_sdk_passes(site, scheme):
    assert test_sdk.create(test_sdk.connect(site, scheme, ca=site.ca), description="\u56fa\u4ef6").status_code == 201


def test_refusals_of_iotda_have_its_envelope(site, orphan, tmp_path):
    large = tmp_path / "large"
    large.write_bytes(b"a" * (12 * 1024 * 1024 + 1))
    for found, status, code in (
        (site.curl("/v5/iot/p/ota-upgrades/packages", "--data-binary", f"@{large}"), 413, "APIGW.0201"),
        (site.curl("/v5/nothing"), 404, "APIGW.0101"),
        (orphan.curl("/v5/iot/p/ota-upgrades/packages"), 502, "IOTDA.900503"),
        (orphan.curl("/v3/projects"), 502, "IOTDA.900503"),
    ):
        assert (found.status, found.json["error_code"]) == (status, code)
        assert set(found.json) == {"error_code", "error_msg"}
        assert servers.UUID.fullmatch(found.headers["x-request-id"])
