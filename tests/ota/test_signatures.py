"""Signed packages, on both engines; signatures are judged by the library's own verification of the exact text."""

import base64
import hashlib
import json
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from otagw import clock, errors
from otagw.db import database
from otagw.ota import accounts
from otagw.ota.packages import insertion, packages, signatures, signing_keys, stored_files
from otagw.ota.packages.records import PackageDraft
from otagw.ota.products import products
from otagw.security import derived_secrets
from tests.conftest import NOW
from tests.races import race

DIGEST = "aB" * 32
KNOWN = {"url": "https://files.test/x", "size": 7, "sign_method": "SHA256", "sign": DIGEST}


@pytest.fixture
def make(account):
    def make(name="fw", **more):
        identity, _ = insertion.create(
            account, PackageDraft(name=name, version="2.0", **{"product_key": "p", **KNOWN, **more})
        )
        return str(identity)

    return make


def judge(key, signature):
    """Return what a text says, after checking its signature; raise what the library raises."""
    public = load_pem_public_key(key.pem.encode())
    public.verify(base64.b64decode(signature.signature, validate=True), signature.statement.encode())
    return json.loads(signature.statement)


def of(package):
    return signatures.of(int(package))


def test_the_text_is_exact_to_the_byte(account, make):
    said = signatures.statement(account, make(product_key="p", module="mcu"))
    assert said == (
        f'{{"format":"otagw-release-2","kind":"module","module":"mcu","not_before":{NOW},"product":"p",'
        f'"sha256":"{DIGEST.lower()}","size":7,"version":"2.0"}}'
    )


@pytest.mark.parametrize(
    ("more", "kind", "module"),
    [
        ({}, "firmware", "default"),
        ({"kind": "software"}, "software", "software"),
        ({"module": "mcu"}, "module", "mcu"),
        ({"module": "software"}, "module", "software"),
        ({"module": "mcu", "kind": "software"}, "module", "mcu"),
    ],
)
def test_the_text_names_the_kind_and_the_module_of_the_device(account, make, more, kind, module):
    said = json.loads(signatures.statement(account, make(**more)))
    assert (said["kind"], said["module"]) == (kind, module)


def older(name):
    """Make a key one of before the second format."""
    database.execute("UPDATE signing_key SET statement_format = 1 WHERE name = ?", name)


def test_an_older_key_goes_on_with_the_first_format_to_the_byte(account, make):
    key, _ = signing_keys.create(account, "old")
    older("old")
    package = make(kind="software")
    (signature,) = signatures.sign(account, package)
    assert (
        signature.statement
        == signatures.statement(account, package)
        == (
            f'{{"format":"otagw-release-1","module":"default","not_before":{NOW},"product":"p",'
            f'"sha256":"{DIGEST.lower()}","size":7,"version":"2.0"}}'
        )
    )
    assert judge(key, signature)


def test_where_keys_of_two_formats_may_sign_one_is_named(account, make):
    for name in ("old", "new"):
        signing_keys.create(account, name)
    older("old")
    package = make()
    with pytest.raises(errors.InvalidParameter) as refused:
        signatures.statement(account, package)
    assert refused.value.name == "key"
    with pytest.raises(errors.NotFound):
        signatures.statement(account, package, name="none")
    said = {name: json.loads(signatures.statement(account, package, name=name)) for name in ("old", "new")}
    assert ("kind" in said["old"], "kind" in said["new"]) == (False, True)
    made = {one.key: json.loads(one.statement) for one in signatures.sign(account, package)}
    assert made == said
    signing_keys.enable(account, "old", False)
    assert json.loads(signatures.statement(account, package)) == said["new"]


def test_a_signature_of_the_other_format_is_refused(account, make, elsewhere):
    package = make()
    newer = elsewhere.sign(signatures.statement(account, package))
    older("offline")
    with pytest.raises(errors.InvalidParameter):
        signatures.attach(account, package, "offline", newer)
    assert of(package) == []
    signatures.attach(account, package, "offline", elsewhere.sign(signatures.statement(account, package)))
    assert "kind" not in json.loads(of(package)[0].statement)


def test_the_text_has_characters_as_they_are(account):
    draft = PackageDraft(name="f", version='2"é门\\', product_key="p", **KNOWN)
    said = signatures.statement(account, str(insertion.create(account, draft)[0]))
    assert '"version":"2\\"é门\\\\"' in said


def test_a_package_of_several_files_lists_them_in_its_order(account, make):
    parts = [
        {"name": name, "url": KNOWN["url"], "size": size, "file_md5": None, "sign_value": digit * 64}
        for name, size, digit in (("b", 2, "b"), ("a", None, "a"))
    ]
    said = json.loads(signatures.statement(account, make(url=None, size=None, sign=None, files=tuple(parts))))
    assert said["files"] == [
        {"name": "b", "sha256": "b" * 64, "size": 2},
        {"name": "a", "sha256": "a" * 64, "size": None},
    ]
    assert "sha256" not in said
    assert "size" not in said


def test_an_uploaded_file_is_known_whatever_its_sign(account, make):
    key = stored_files.announce(account, "", "bin")
    facts = stored_files.Measure()
    facts.update(b"bytes")
    stored_files.uploaded(key, f"{key}/1", facts.facts())
    package = make(object_key=key, url=None, size=None, sign_method=None, sign=None)
    said = json.loads(signatures.statement(account, package))
    assert (said["sha256"], said["size"]) == (hashlib.sha256(b"bytes").hexdigest(), 5)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"sign_method": None, "sign": None}, "SHA-256 is not known"),
        ({"sign_method": "MD5", "sign": "a" * 32}, "SHA-256 is not known"),
        ({"sign_method": "SHA256", "sign": None}, "SHA-256 is not known"),
        ({"product_key": None}, "is of no product"),
        (
            {
                **{"url": None, "sign": None, "size": None},
                "files": ({"name": "a", "url": "https://h/x", "size": 1, "file_md5": "0" * 32, "sign_value": None},),
            },
            "SHA-256 is not known",
        ),
    ],
)
def test_what_is_not_known_is_not_signed(account, make, more, reason):
    key, _ = signing_keys.create(account, "k", auto=True)
    package = make(**more)
    assert of(package) == []
    for act in (
        lambda: signatures.sign(account, package),
        lambda: signatures.sign(account, package, key.name),
        lambda: signatures.statement(account, package),
        lambda: signatures.attach(account, package, "k", "AAAA"),
    ):
        with pytest.raises(errors.WrongState) as fault:
            act()
        assert (fault.value.kind, fault.value.key) == ("package", package)
        assert reason in fault.value.state


def test_a_package_is_signed_by_each_key_that_is_here(account, make):
    first, _ = signing_keys.create(account, "first")
    second, _ = signing_keys.create(account, "second")
    signing_keys.create(account, "offline", offline=True)
    package = make()
    assert of(package) == []
    made = signatures.sign(account, package)
    assert [one.key for one in made] == ["first", "second"]
    assert of(package) == made
    for key, one in zip((first, second), made, strict=True):
        assert judge(key, one)["not_before"] == NOW
    with pytest.raises(InvalidSignature):
        judge(first, made[1])


def test_one_character_of_the_text_changed_is_noticed(account, make):
    key, _ = signing_keys.create(account, "k")
    (one,) = signatures.sign(account, make())
    for position in range(0, len(one.statement), 7):
        changed = one.statement[:position] + "X" + one.statement[position + 1 :]
        with pytest.raises(InvalidSignature):
            judge(key, one._replace(statement=changed))


def test_signing_again_replaces(account, make):
    key, _ = signing_keys.create(account, "k")
    package = make()
    signatures.sign(account, package)
    signatures.sign(account, package, "k", NOW + 500)
    (one,) = of(package)
    assert judge(key, one)["not_before"] == NOW + 500


def test_a_key_that_signs_on_its_own_signs_its_products_alone(account, make):
    with database.write():
        products.require(account, "p")
    key, _ = signing_keys.create(account, "k", product_keys=["p"], auto=True)
    signing_keys.create(account, "by-hand")
    mine, other = make("one"), make("two", product_key="q")
    assert judge(key, *of(mine))["product"] == "p"
    assert of(other) == []


def test_a_creation_asked_for_twice_is_signed_once(account):
    signing_keys.create(account, "k", auto=True)
    draft = PackageDraft(name="f", version="2.0", product_key="p", **KNOWN)
    first, again = (insertion.create(account, draft, "token") for _ in range(2))
    assert first == again
    assert len(signatures.of(first[0])) == 1


def test_a_disabled_key_signs_nothing_and_is_not_shown(account, make):
    signing_keys.create(account, "k", auto=True)
    package = make()
    signing_keys.enable(account, "k", False)
    assert of(package) == []
    assert of(make("another")) == []
    with pytest.raises(errors.WrongState, match="is disabled"):
        signatures.sign(account, package, "k")
    with pytest.raises(errors.NotFound):
        signatures.sign(account, package)
    signing_keys.enable(account, "k", True)
    assert len(of(package)) == 1


def test_a_key_for_another_product_does_not_sign(account, make):
    with database.write():
        products.require(account, "q")
    signing_keys.create(account, "k", product_keys=["q"])
    package = make()
    with pytest.raises(errors.WrongState, match="is not for the product p"):
        signatures.sign(account, package, "k")
    with pytest.raises(errors.NotFound, match="for the product p"):
        signatures.sign(account, package)


@pytest.fixture
def elsewhere(account):
    """A key pair whose public part alone is known to the gateway, as ``offline``."""
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = signing_keys.add(account, "offline", pem)

    def sign(text):
        return base64.b64encode(private.sign(text.encode())).decode()

    return SimpleNamespace(key=key, sign=sign)


def test_a_signature_made_elsewhere_is_kept_once_it_is_checked(account, make, elsewhere):
    package = make()
    text = signatures.statement(account, package, NOW + 1)
    signatures.attach(account, package, "offline", elsewhere.sign(text), NOW + 1)
    (one,) = of(package)
    assert one.statement == text
    assert judge(elsewhere.key, one)["not_before"] == NOW + 1


@pytest.mark.parametrize("wrong", ["other text", "other package", "other time", "no base64", "short", "empty", "é"])
def test_a_signature_that_is_not_of_this_is_refused(account, make, elsewhere, wrong):
    package, other = make(), make("other", sign="c" * 64)
    text = signatures.statement(account, package)
    signature = {
        "other text": elsewhere.sign(text + " "),
        "other package": elsewhere.sign(signatures.statement(account, other)),
        "other time": elsewhere.sign(signatures.statement(account, package, NOW + 1)),
        "no base64": elsewhere.sign(text)[:-2] + "!!",
        "short": "AAAA",
        "empty": "",
        "é": "é" * 88,
    }[wrong]
    with pytest.raises(errors.InvalidParameter) as fault:
        signatures.attach(account, package, "offline", signature)
    assert fault.value.name == "signature"
    assert of(package) == []


def test_a_key_that_is_elsewhere_does_not_sign_here(account, make, elsewhere):
    with pytest.raises(errors.WrongState, match="not here"):
        signatures.sign(account, make(), "offline")


def test_a_key_is_deleted_only_without_signatures(account, make):
    signing_keys.create(account, "k")
    package = make()
    signatures.sign(account, package)
    with pytest.raises(errors.InUse):
        signing_keys.delete(account, "k")
    packages.delete(account, package)
    assert of(package) == []
    signing_keys.delete(account, "k")
    assert signing_keys.every(account) == []


def test_a_key_that_signs_while_it_is_deleted_is_one_or_the_other(account, make):
    made = [make(f"fw{number}") for number in range(4)]
    signing_keys.create(account, "k")
    outcomes = race(
        lambda: signing_keys.delete(account, "k"), *(lambda p=p: signatures.sign(account, p, "k") for p in made)
    )
    assert len(outcomes) == 5
    assert all(out in (None, errors.InUse, errors.NotFound) or isinstance(out, list) for out in outcomes), outcomes
    (left,) = database.execute("SELECT COUNT(*) FROM package_signature").fetchone()
    assert bool(left) is bool(signing_keys.every(account))


def test_nothing_that_changes_a_package_changes_what_was_signed(account, make):
    key, _ = signing_keys.create(account, "k", auto=True)
    package = make()
    before = of(package)
    packages.modify(account, package, name="new", description="d", custom_info="{}")
    packages.set_status(int(package), 3)
    clock.hold(lambda: NOW * 1000 + 10**9)
    assert of(package) == before
    assert signatures.statement(account, package) == before[0].statement
    assert judge(key, before[0])["version"] == "2.0"


def test_another_accounts_keys_and_packages_are_not_there(account, make):
    package, other = make(), accounts.ensure("other")
    signing_keys.create(account, "k")
    signing_keys.create(other, "theirs", auto=True)
    for act in (
        lambda: signatures.sign(other, package),
        lambda: signatures.sign(other, package, "theirs"),
        lambda: signatures.attach(other, package, "theirs", "AAAA"),
        lambda: signatures.statement(other, package),
        lambda: signatures.sign(account, package, "theirs"),
        lambda: signing_keys.enable(other, "k", False),
        lambda: signing_keys.delete(other, "k"),
        lambda: signing_keys.get(other, "k"),
        lambda: signing_keys.create(other, "mine", product_keys=["p"]),
    ):
        with pytest.raises(errors.NotFound):
            act()
    assert of(make("second")) == []


@pytest.mark.parametrize("name", ["", "a b", "a\n", "k" * 65, "é", "../k"])
def test_a_name_that_is_none_is_refused(account, name):
    with pytest.raises(errors.InvalidParameter):
        signing_keys.create(account, name)


def test_a_name_is_given_once(account):
    signing_keys.create(account, "k")
    with pytest.raises(errors.AlreadyExists):
        signing_keys.create(account, "k", offline=True)
    signing_keys.create(accounts.ensure("other"), "k")


def test_a_private_part_is_neither_kept_in_clear_nor_shown(account):
    key, shown = signing_keys.create(account, "k")
    assert shown is None
    (sealed,) = database.execute("SELECT private FROM signing_key").fetchone()
    raw = base64.b64decode(derived_secrets.secret(f"signing key/{key.id}", sealed))
    assert len(raw) == 32
    assert raw not in base64.b64decode(sealed)
    offline, pem = signing_keys.create(account, "offline", offline=True)
    assert pem.startswith("-----BEGIN PRIVATE KEY-----\n")
    assert offline.private is None
    with pytest.raises(errors.InvalidParameter):
        signing_keys.create(account, "both", offline=True, auto=True)
