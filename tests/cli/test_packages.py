"""`otagw packages`, `keys signing` and `products minimum`: signed releases that do not go back by accident."""

import base64
import json
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tests.conftest import KEY, OTHER, Client, need
from tests.oss.conftest import link_of

KNOWN = {"ProductKey": "p", "FirmwareUrl": "https://files.test/x", "SignMethod": "SHA256", "FirmwareSign": "a" * 64}


@pytest.fixture
def make(otagw, make_app):
    """Create a firmware through the API; return its id."""

    def make(name="fw", key=KEY, **params):
        return Client(make_app(), key).make(name, "2.0", **{**KNOWN, "NeedToVerify": "false", **params})

    return make


def test_usage_shows_packages_and_bytes_of_each_account(otagw, make_app, monkeypatch):
    client = Client(make_app())
    link_of(client, b"x" * 1000)
    client.make("elsewhere", FirmwareUrl="https://files.test/x", FirmwareSize=7)
    assert otagw("packages", "usage").splitlines() == [
        "main                  2 packages, 1000 bytes",
        "other                 0 packages, 0 bytes",
    ]
    for name, value in (("PACKAGE_QUOTA", "5"), ("BYTES_PER_ACCOUNT", "2000")):
        monkeypatch.setenv(f"OTAGW_{name}", value)
    assert "2 of 5 packages, 1000 of 2000 bytes" in otagw("packages", "usage")


def test_usage_has_the_singular_for_one(otagw, make_app, monkeypatch):
    Client(make_app()).make("elsewhere", FirmwareUrl="https://files.test/x", FirmwareSize=7)
    assert "main                  1 package, 0 bytes\n" in otagw("packages", "usage")
    monkeypatch.setenv("OTAGW_PACKAGE_QUOTA", "1")
    assert "main                  1 of 1 package, 0 bytes\n" in otagw("packages", "usage")
    assert "other                 0 of 1 package, 0 bytes\n" in otagw("packages", "usage")


@pytest.fixture
def pair(tmp_path):
    """An Ed25519 pair made elsewhere; its public part is in ``public.pem``."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(public)
    return private, str(tmp_path / "public.pem")


def signed_by(otagw, package):
    return re.findall(r"^Signed by +(.*)$", otagw("packages", "show", package), re.M)


def test_a_key_is_made_listed_disabled_and_deleted(otagw):
    otagw("products", "create", "Lock", "--key", "lock")
    said = otagw("keys", "signing", "create", "team", "--product", "lock", "--auto")
    pem = otagw("keys", "signing", "public", "team")
    assert load_pem_public_key(pem.encode())
    assert pem in said
    assert "PRIVATE" not in said
    assert re.search(r"^team +enabled +auto +[-0-9: ]+ lock$", otagw("keys", "signing", "list"), re.M)
    assert otagw("keys", "signing", "disable", "team") == "team is disabled\n"
    assert "disabled" in otagw("keys", "signing", "list")
    assert otagw("keys", "signing", "enable", "team") == "team is enabled\n"
    assert "there is a signing key team already" in otagw("keys", "signing", "create", "team", status=1)
    otagw("keys", "signing", "delete", "team")
    assert "There is no signing key" in otagw("keys", "signing", "list")
    for command in ("disable", "enable", "delete", "public"):
        assert "there is no signing key team" in otagw("keys", "signing", command, "team", status=1)


def test_an_offline_key_is_shown_once(otagw, make):
    said = otagw("keys", "signing", "create", "safe", "--offline")
    private = load_pem_private_key(said[: said.index("-----END") + 25].encode(), None)
    public = load_pem_public_key(otagw("keys", "signing", "public", "safe").encode())
    assert private.public_key() == public
    package = make()
    for words in (("keys", "signing", "list"), ("packages", "show", package)):
        assert "PRIVATE" not in otagw(*words)
    assert "its private part is not here" in otagw("packages", "sign", package, "--key", "safe", status=1)
    assert "--auto: expected" in otagw("keys", "signing", "create", "x", "--offline", "--auto", status=1)


@pytest.mark.parametrize("kind", ["other curve", "private", "garbage", "empty", "certificate"])
def test_what_is_no_public_key_is_not_added_and_not_repeated(otagw, tmp_path, kind):
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other = ec_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    content = {
        **{"other curve": other, "private": private, "garbage": b"\xff\x00", "empty": b""},
        "certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }[kind]
    (tmp_path / "key.pem").write_bytes(content)
    said = otagw("keys", "signing", "add", "k", str(tmp_path / "key.pem"), status=1)
    assert "PUBLIC: expected an Ed25519 public key in PEM" in said
    assert private.splitlines()[1].decode() not in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("create", "a b"), "NAME: expected 1 to 64"),
        (("create", "k", "--product", "none"), "there is no product none"),
        (("create", "k", "--account", "nobody"), "there is no account nobody"),
    ],
)
def test_a_key_that_cannot_be_is_refused(otagw, words, reason):
    assert reason in otagw("keys", "signing", *words, status=1)


def test_packages_are_signed_and_shown(otagw, make):
    package = make("door-lock")
    assert re.search(rf"^{package} .* p default 2.0  door-lock$", otagw("packages", "list"), re.M)
    assert "door-lock" in otagw("packages", "list", "--product", "p")
    assert "door-lock" not in otagw("packages", "list", "--product", "q")
    assert signed_by(otagw, package) == ["nobody"]
    assert "there is no signing key for the product p" in otagw("packages", "sign", package, status=1)
    otagw("keys", "signing", "create", "one")
    otagw("keys", "signing", "create", "two")
    assert otagw("packages", "sign", package, "--key", "two") == f"{package} is signed by two\n"
    assert otagw("packages", "sign", package, "--not-before", "4000000000").count("is signed by") == 2
    assert signed_by(otagw, package) == [f"{key}, not before 2096-10-02 07:06:40" for key in ("one", "two")]
    assert "has signatures on packages" in otagw("keys", "signing", "delete", "one", status=1)
    otagw("keys", "signing", "disable", "one")
    assert len(signed_by(otagw, package)) == 1
    assert "the signing key one is disabled" in otagw("packages", "sign", package, "--key", "one", status=1)


def test_a_package_whose_digest_is_unknown_is_not_signed(otagw, make):
    otagw("keys", "signing", "create", "team", "--auto")
    package = make(SignMethod=None, FirmwareSign=None)
    assert "SHA-256 is not known: upload it" in signed_by(otagw, package)[0]
    for command in ("sign", "statement"):
        said = otagw("packages", command, package, status=1)
        assert f"the package {package} has a file whose SHA-256 is not known" in said


def test_a_signature_made_elsewhere_is_attached(otagw, make, pair):
    private, file = pair
    assert otagw("keys", "signing", "add", "safe", file) == "safe is added\n"
    package = make()
    text = otagw("packages", "statement", package)
    assert json.loads(text)["sha256"] == "a" * 64
    assert not text.endswith("\n")
    signature = base64.b64encode(private.sign(text.encode())).decode()
    wrong = base64.b64encode(private.sign(text.encode() + b"\n")).decode()
    said = otagw("packages", "attach", package, wrong, "--key", "safe", status=1)
    assert "SIGNATURE: expected the signature, in Base64, of the statement" in said
    assert wrong not in said
    otagw("packages", "attach", package, signature, "--key", "safe", "--not-before", "5", status=1)
    assert signed_by(otagw, package) == ["nobody"]
    wrapped = "\n".join((signature[:60], signature[60:], ""))
    assert otagw("packages", "attach", package, "-", "--key", "safe", input=wrapped) == f"{package} is signed by safe\n"
    assert signed_by(otagw, package)[0].startswith("safe, not before ")
    (noted,) = re.findall(r" packages attach +(.*)  ", otagw("audit", "--operation", "packages attach"))
    assert noted == f"package {package}"


def test_openssl_signs_what_the_page_says(otagw, make, tmp_path):
    openssl = need("openssl")

    def run(*words):
        return subprocess.run([openssl, *words], cwd=tmp_path, check=True, capture_output=True, timeout=60).stdout

    run("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
    run("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
    otagw("keys", "signing", "add", "safe", str(tmp_path / "public.pem"))
    package = make()
    (tmp_path / "statement").write_text(otagw("packages", "statement", package), encoding="utf-8")
    raw = run("pkeyutl", "-sign", "-inkey", "private.pem", "-rawin", "-in", "statement")
    assert "is signed by safe" in otagw("packages", "attach", package, base64.b64encode(raw).decode(), "--key", "safe")


def test_another_accounts_package_is_not_there(otagw, make):
    package = make(key=OTHER, ProductKey="theirs")
    otagw("keys", "signing", "create", "team")
    for command in ("show", "sign", "statement"):
        assert f"there is no package {package}" in otagw("packages", command, package, status=1)
        assert "there is no package x" in otagw("packages", command, "x", status=1)
    assert "theirs" in otagw("packages", "list", "--account", "other")


def test_a_minimum_is_set_shown_and_only_lowered_by_force(otagw):
    otagw("products", "create", "Lock", "--key", "lock")
    assert otagw("products", "minimum", "lock", "2.1") == "lock default has the minimum 2.1\n"
    said = otagw("products", "minimum", "lock", "default", "2.0", status=1)
    assert "VERSION: expected 2.1, the minimum now, or a higher one, unless forced" in said
    assert "Minimum      2.1 of default" in otagw("products", "show", "lock")
    assert "Lock  minimum default 2.1\n" in otagw("products", "list")
    otagw("products", "minimum", "lock", "2.0", "--force")
    assert "Minimum      2.0 of default" in otagw("products", "show", "lock")
    assert otagw("products", "minimum", "lock", "--clear") == "lock default has no minimum\n"
    assert "Minimum" not in otagw("products", "show", "lock")
    assert "minimum" not in otagw("products", "list")


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [
        (("lock",), 2, "expected PRODUCT"),
        (("lock", "default", "1", "2"), 2, "expected PRODUCT"),
        (("lock", "default", "1", "--clear"), 2, "expected PRODUCT"),
        (("lock", "--clear", "--force"), 2, "--clear needs no --force"),
        (("lock", "--clear"), 1, "there is no minimum version of default"),
        (("lock", "mcu", "1"), 1, "there is no module mcu"),
        (("none", "1"), 1, "there is no product none"),
        (("lock", "1 0"), 1, "VERSION: expected 1 to 256"),
        (("lock", "1", "--account", "other"), 1, "there is no product lock"),
    ],
)
def test_a_minimum_that_cannot_be_is_refused(otagw, words, status, reason):
    otagw("products", "create", "Lock", "--key", "lock")
    assert reason in otagw("products", "minimum", *words, status=status)


def test_the_api_refuses_what_is_below_by_its_code(otagw, make, make_app):
    package = make()
    otagw("products", "minimum", "p", "2.1")
    client = Client(make_app())
    job = {"FirmwareId": package, "ProductKey": "p", "TargetSelection": "ALL"}
    text = "The version 2.0 is below 2.1, the minimum of the module default."
    for dry_run in ("false", "true"):
        refused = client.refused("CreateOTAStaticUpgradeJob", DryRun=dry_run, **job)
        assert refused == (409, "iot.ota.VersionBelowMinimum", text)
    dynamic = {"FirmwareId": package, "ProductKey": "p", "SrcVersion.1": "1.0"}
    assert client.refused("CreateOTADynamicUpgradeJob", **dynamic)[1] == "iot.ota.VersionBelowMinimum"
