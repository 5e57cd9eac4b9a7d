"""Mutants seeded by hand into rules of the wire and of states: `python -m tests.seeded` shows that a test notices each.

Each is a line of the code with another rule in it, and the tests that have to notice. A mutant whose line is no longer
there is an error: it wants to be seeded anew.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALIYUN, IOTDA, DDI, OTA = "otagw/dialects/aliyun", "otagw/dialects/iotda", "otagw/dialects/ddi", "otagw/ota"
AUTHORIZE = "_authorize(front, call, operation, caller, actor)"
VALIDATE = "arguments = front.validate(operation, call)"
# A file, what stands there, what is put in its place, and the tests that have to notice.
SEEDED = [
    # --- who is believed, and in which order that is judged
    (
        "otagw/access.py",
        "claim.at) > skew_ms",
        "claim.at) >= skew_ms",
        "tests/aliyun/test_wire.py",
    ),
    (
        "otagw/access.py",
        "    caller, secret = keys.find(claim.key_id)\n",
        "    caller, secret = keys.find(claim.key_id)\n    nonces.claim(claim.key_id, claim.nonce or '', claim.at)\n",
        "tests/security/test_nonces.py tests/aliyun",
    ),
    (
        "otagw/access.py",
        "        if not row[2]:\n            raise errors.DisabledKey\n",
        "",
        "tests/contract tests/test_access.py",
    ),
    (
        "otagw/access.py",
        '(grant.endswith("*") and needs.startswith(grant[:-1]))',
        "needs.startswith(grant[:-1])",
        "tests/test_access.py",
    ),
    (
        "otagw/gateway.py",
        f"        {AUTHORIZE}\n        {VALIDATE}\n",
        f"        {VALIDATE}\n        {AUTHORIZE}\n",
        "tests/contract/test_fronts.py",
    ),
    (f"{ALIYUN}/signature.py", "MAX_NONCE: Final = 128", "MAX_NONCE: Final = 129", "tests/aliyun"),
    (f"{ALIYUN}/signature.py", 'or "1.0") != "1.0"', 'or "1.0") not in ("1.0", "1.1")', "tests/aliyun"),
    (
        f"{ALIYUN}/signature.py",
        "if http.signed_headers(names) is None:",
        "if names != names.lower():",
        "tests/aliyun tests/contract",
    ),
    (f"{IOTDA}/signature.py", "if found and found[1] != date[:8]:", "if found and found[1] > date[:8]:", "tests/iotda"),
    (f"{IOTDA}/tokens.py", "24 * 60 * 60 * 1000", "25 * 60 * 60 * 1000", "tests/iotda"),
    ("otagw/dialects/device/auth.py", "clock_skew_ms:", "clock_skew_ms * 2:", "tests/device"),
    # --- the wire: limits and case
    (f"{ALIYUN}/wire.py", '    return wanted == "xml"', '    return text == "XML"', "tests/aliyun"),
    (
        f"{ALIYUN}/wire.py",
        'VERSIONS: Final = ("2018-01-20", "2022-01-01")',
        'VERSIONS: Final = ("2018-01-20",)',
        "tests/aliyun",
    ),
    (
        f"{ALIYUN}/wire.py",
        "        if name in found:\n",
        "        if found.get(name, value) != value:\n",
        "tests/aliyun",
    ),
    (f"{ALIYUN}/fields.py", "{1,16}", "{1,17}", "tests/aliyun"),
    (f"{ALIYUN}/fields.py", 'text.lower() not in ("true", "false")', 'text not in ("true", "false")', "tests/aliyun"),
    (f"{ALIYUN}/fields.py", "if not 0 < value <= 100_000", "if not 0 <= value <= 100_000", "tests/aliyun"),
    (f"{ALIYUN}/fields.py", "    return Text(\n        40,", "    return Text(\n        41,", "tests/aliyun"),
    (f"{ALIYUN}/fields.py", "1 if character.isascii() else 2", "1", "tests/aliyun"),
    (f"{ALIYUN}/schema.py", 'r"[1-9][0-9]{0,8}"', 'r"[0-9]{1,9}"', "tests/aliyun"),
    (
        f"{ALIYUN}/schema.py",
        "if spelled.setdefault(field, head) != head:",
        "if False and spelled.setdefault(field, head) != head:",
        "tests/aliyun tests/contract",
    ),
    (
        f"{IOTDA}/schema.py",
        "value not in self.choices",
        "str(value).lower() not in self.choices",
        "tests/iotda tests/contract",
    ),
    (f"{IOTDA}/schema.py", "isinstance(value, bool) or not self.low", "not self.low", "tests/iotda"),
    ("otagw/dialects/oss/ranges.py", "first = max(size + start, 0)", "first = size + start", "tests/oss"),
    ("otagw/files/links.py", "clock.now() <= int(expires) * 1000", "clock.now() < int(expires) * 1000", "tests/oss"),
    ("otagw/dialects/oss/form.py", "if clock.now() > datetime", "if clock.now() + 1000 > datetime", "tests/oss"),
    # --- states and their moves
    (
        f"{OTA}/states.py",
        "Move((QUEUED, NOTIFIED), IN_PROGRESS",
        "Move((NOTIFIED,), IN_PROGRESS",
        "tests/ota tests/device",
    ),
    (
        f"{OTA}/states.py",
        '"restart": Move((FAILED, CANCELED)',
        '"restart": Move((FAILED, CANCELED, SUCCEEDED)',
        "tests/ota tests/aliyun",
    ),
    (f"{OTA}/states.py", '"succeed": Move(OPEN', '"succeed": Move((NOTIFIED, IN_PROGRESS)', "tests/ota tests/device"),
    (
        f"{OTA}/states.py",
        "and not count(SUCCEEDED, 0) and not count(FAILED, 0)",
        "and not count(SUCCEEDED, 0)",
        "tests/ota tests/aliyun",
    ),
    (
        f"{OTA}/states.py",
        "ROLLED_OUT: Final = (NOT_NEEDED, VERIFIED)",
        "ROLLED_OUT: Final = (NOT_NEEDED, VERIFIED, UNFIT)",
        "tests/aliyun tests/ota",
    ),
    (f"{OTA}/products/modules.py", "LIMIT: Final = 10", "LIMIT: Final = 11", "tests/aliyun"),
    (f"{OTA}/versions.py", "key(version) < key(minimum)", "key(version) <= key(minimum)", "tests/ota"),
    (f"{OTA}/idempotency.py", "24 * 3600 * 1000", "23 * 3600 * 1000", "tests/aliyun tests/ota tests/test_worker.py"),
    (
        f"{OTA}/packages/verification.py",
        "if given and given.lower() != actual:",
        "if given and given != actual:",
        "tests/oss tests/aliyun",
    ),
]


def main():
    """Try every mutant, or those whose file has a word in its name; end with their count."""
    words = sys.argv[1:]
    chosen = [mutant for mutant in SEEDED if not words or any(word in mutant[0] for word in words)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(_verdict, chosen))
    for (path, old, _, _), verdict in zip(chosen, verdicts, strict=True):
        print(f"{verdict:9} {path}: {old.strip().splitlines()[0]}")
    print(f"{len(chosen)} mutants, {verdicts.count('noticed')} noticed")
    sys.exit(verdicts != ["noticed"] * len(chosen))


def _verdict(mutant):
    """Return what the tests say of a copy of the project that has one mutant in it."""
    path, old, new, tests = mutant
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "otagw"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "var", "node_modules", "__pycache__"))
        text = (copy / path).read_text(encoding="utf-8")
        if text.count(old) != 1:
            return "NOT THERE"
        (copy / path).write_text(text.replace(old, new), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "-m",
            "not live and not postgres",
        ]
        environ = {**os.environ, "PYTHONPATH": str(copy), "TMPDIR": folder}
        done = subprocess.run(
            [*command, *tests.split()], cwd=copy, env=environ, capture_output=True, check=False, timeout=900
        )
    return {0: "SURVIVES", 1: "noticed"}.get(done.returncode, "BROKEN")


if __name__ == "__main__":
    main()
