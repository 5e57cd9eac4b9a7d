"""Signed packages end to end: signed, offered, and judged by what docs/signed-packages.md gives to devices."""

import hashlib
import json
import os
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from otagw import clock, settings
from otagw.cli import main
from otagw.db import database
from otagw.ota import accounts
from otagw.ota.packages import insertion
from otagw.ota.packages.records import PackageDraft
from tests import door
from tests.conftest import NOW, ROOT, need
from tests.device.test_updates import upload

PAGE = (ROOT / "docs/signed-packages.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)[0]
SHELL = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.M | re.S)[1]
CONTENT = b"\x7fELF" + bytes(range(256)) * 20
SOFTWARE = {
    **{"name": "app", "version": "2.0", "product_key": "p", "kind": "software", "url": "https://files.test/app.bin"},
    **{"size": 7, "sign_method": "SHA256", "sign": "ab" * 32},
}


@pytest.fixture
def signed(app, client, environment, monkeypatch, register, rollout):
    """A device's offer of an uploaded package signed by the key ``team``; keys by name, and the command line."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def otagw(*words):
        result = CliRunner().invoke(main, [*words])
        assert result.exit_code == 0, result.output
        return result.stdout

    def offered(version="2.0", name="dev1"):
        device = register(name, "1.0")
        rollout(version, package={"FirmwareUrl": upload(client, CONTENT)})
        return device.poll()

    register("first", "1.0")
    team = otagw("keys", "signing", "create", "team", "--auto")
    stranger = otagw("keys", "signing", "create", "stranger", "--auto")
    door.enter(settings.load(environment))  # the commands leave the process without one
    return SimpleNamespace(offered=offered, keys={"team": team.encode()}, stranger=stranger.encode(), otagw=otagw)


@pytest.fixture
def released():
    names = {}
    exec(compile(PYTHON, "docs/signed-packages.md", "exec"), names)
    return names["released"]


@pytest.fixture
def by_shell(tmp_path):
    """Run the page's lines for a shell; return whether they take the offer."""
    need("openssl")

    def run(offer, pem, *, product="p", kind="firmware", seen=0, content=CONTENT):
        (tmp_path / "offer.json").write_text(json.dumps(offer))
        (tmp_path / "release.pem").write_bytes(pem)
        (tmp_path / "firmware.bin").write_bytes(content)
        own = {"PRODUCT": product, "KIND": kind, "MODULE": "default", "VERSION": "2.0", "SEEN": str(seen)}
        done = subprocess.run(
            ["bash", "-euc", SHELL],
            check=False,
            cwd=tmp_path,
            env={**os.environ, **own},
            capture_output=True,
            timeout=60,
        )
        return done.returncode == 0

    return run


def changed(offer, **more):
    """Return the offer with its first signature changed."""
    return {**offer, "signatures": [{**offer["signatures"][0], **more}, *offer["signatures"][1:]]}


def test_the_code_for_devices_is_short():
    for code in (PYTHON, SHELL):
        assert len([line for line in code.splitlines() if line]) <= 10


def test_an_offer_that_was_signed_is_taken(signed, released, by_shell):
    offer = signed.offered()
    assert [one["key"] for one in offer["signatures"]] == ["team", "stranger"]
    said = released(offer, signed.keys, "p", 0)
    made = said.pop("not_before")
    assert abs(made - clock.now() // 1000) < 60
    assert said == {
        **{"format": "otagw-release-2", "product": "p", "kind": "firmware", "module": "default", "version": "2.0"},
        **{"sha256": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)},
    }
    assert released(offer, signed.keys, "p", made)
    assert by_shell(offer, signed.keys["team"], seen=made)


@pytest.mark.parametrize("place", ["start", "middle", "end", "blank", "signature", "truncated"])
def test_a_statement_that_was_tampered_with_is_refused(signed, released, by_shell, place):
    offer = signed.offered()
    text, signature = (offer["signatures"][0][name] for name in ("statement", "signature"))
    forged = {
        "start": {"statement": text.replace("otagw-release-2", "otagw-release-1")},
        "middle": {"statement": text.replace('"version":"2.0"', '"version":"2.1"')},
        "end": {"statement": text + "\n"},
        "blank": {"statement": text.replace(":", ": ")},
        "signature": {"signature": ("A" if signature[0] != "A" else "B") + signature[1:]},
        "truncated": {"signature": signature[:40]},
    }[place]
    wrong = changed(offer, **forged)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the page says: whatever it raises
        released(wrong, signed.keys, "p", 0)
    assert not by_shell(wrong, signed.keys["team"])


def test_a_signature_of_another_key_is_refused(signed, released, by_shell):
    offer = signed.offered()
    with pytest.raises(Exception):  # noqa: B017, PT011
        released(offer, {"team": signed.stranger}, "p", 0)
    with pytest.raises(StopIteration):
        released(offer, {"unknown": signed.stranger}, "p", 0)
    assert not by_shell(offer, signed.stranger)


def test_what_was_released_for_something_else_is_refused(signed, released, by_shell):
    offer = signed.offered()
    for product, wrong in (
        ("q", offer),
        ("p", {**offer, "version": "2.1"}),
        ("p", {**offer, "module": "mcu"}),
        ("p", {**offer, "kind": "software"}),
        ("p", {**offer, "kind": "module"}),
    ):
        with pytest.raises(ValueError, match="something else"):
            released(wrong, signed.keys, product, 0)
    assert not by_shell(offer, signed.keys["team"], product="q")
    assert not by_shell(offer, signed.keys["team"], kind="software")
    assert not by_shell(offer, signed.keys["team"], content=CONTENT + b"x")


def test_software_that_was_released_is_not_taken_as_firmware(app, client, signed, register, released):
    device = register("dev9", "1.0")
    device.report("1.0", "software")
    made, _ = insertion.create(accounts.get("main"), PackageDraft(**SOFTWARE, needs_verification=False))
    params = {"FirmwareId": made, "ProductKey": "p", "TargetSelection": "ALL"}
    client.ok("CreateOTAStaticUpgradeJob", **params)
    offer = device.poll(module="software")
    said = released(offer, signed.keys, "p", 0)
    assert (said["kind"], said["module"]) == ("software", "software")
    for more in ({"kind": "firmware"}, {"module": "default"}, {"kind": "firmware", "module": "default"}):
        with pytest.raises(ValueError, match="something else"):
            released({**offer, **more}, signed.keys, "p", 0)


def test_a_statement_of_the_first_format_is_shown_with_what_it_lacks_and_refused(signed, released, by_shell):
    database.execute("UPDATE signing_key SET statement_format = 1 WHERE name = 'team'")
    offer = signed.offered()
    team, stranger = (json.loads(one["statement"]) for one in offer["signatures"])
    assert (team["format"], stranger["format"]) == ("otagw-release-1", "otagw-release-2")
    assert "kind" not in team
    with pytest.raises(ValueError, match="something else"):
        released(offer, signed.keys, "p", 0)
    assert not by_shell(offer, signed.keys["team"])
    package = signed.otagw("packages", "list").split()[0]
    first, second = re.findall("^Signed by +(.*)$", signed.otagw("packages", "show", package), re.M)
    assert first.startswith("team, not before ")
    assert first.endswith(", in a statement that does not name the kind")
    assert re.fullmatch(r"stranger, not before [-0-9: ]+", second)
    first, second = signed.otagw("keys", "signing", "list").splitlines()
    assert first.endswith("(its statements do not name the kind)")
    assert second.endswith("all products")


def test_an_old_release_is_refused_until_it_is_signed_anew(signed, released, by_shell):
    offer = signed.offered()
    made = released(offer, signed.keys, "p", 0)["not_before"]
    with pytest.raises(ValueError, match="before what was installed"):
        released(offer, signed.keys, "p", made + 1)
    assert not by_shell(offer, signed.keys["team"], seen=made + 1)


def test_what_is_not_yet_valid_is_refused(signed, released, held_clock):
    held_clock.seconds = int(time.time()) + 30 * 86400
    offer = signed.offered()
    with pytest.raises(ValueError, match="something else"):
        released(offer, signed.keys, "p", NOW)


def test_a_package_without_a_known_digest_is_offered_without_a_signature(client, signed, register, rollout, released):
    device = register("dev9", "1.0")
    rollout()
    offer = device.poll()
    assert offer["signatures"] == []
    with pytest.raises(StopIteration):
        released(offer, signed.keys, "p", 0)


def test_nothing_secret_is_logged(signed, log_lines):
    signed.offered()
    said = json.dumps(log_lines())
    assert "CreateOTAFirmware" in said
    assert "PRIVATE KEY" not in said
    assert "otagw-release" not in said
