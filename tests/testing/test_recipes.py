"""Run the tests that docs/testing/README.md shows, and show that each recipe notices when its subject is missing."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from xml.etree import ElementTree

from tests.conftest import ROOT
from tests.patience import HANG_SECONDS

PAGE = (ROOT / "docs/testing/README.md").read_text(encoding="utf-8")
RECIPES = PAGE[PAGE.index("\n## Recipes\n") : PAGE.index("\n## Fidelity\n")]
SAMPLE = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
# The headings of recipes. Of each: a line of it, and what stands in its place when its subject is missing.
WITHOUT = {
    "Idempotent create after a lost answer": ('{"ClientToken": "build-4711"}', "{}"),
    "Throttled CI": ("retry_options=RETRY", ""),
    "Scheduled rollout": ("otagw.clock.advance(minutes=1)", ""),
    "Devices that fail": ("fail=0.8", "fail=0"),
    "Upload that breaks": ("attempts=3", "attempts=1"),
    "Expired link": ("otagw.clock.advance(hours=25)", ""),
    "Webhook retries": ("otagw.clock.advance(minutes=2)", ""),
    "Restore": ("with otagw.snapshot():", "if True:"),
}


def recipes():
    """Return the samples of the page's recipes by their headings."""
    sections = re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", RECIPES, re.M | re.S)
    return {heading: SAMPLE.findall(text) for heading, text in sections}


def run(folder, modules):
    """Run modules in one pytest; return the failures' texts of each by its name."""
    names = {}
    for number, (name, text) in enumerate(modules.items()):
        (folder / f"test_{number}.py").write_text(text, encoding="utf-8")
        names[f"test_{number}"] = name
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    plugin = [] if any(point.name == "otagw" for point in entry_points(group="pytest11")) else ["otagw.testing.plugin"]
    chosen = [word for name in ("no:cacheprovider", "no:xdist", *plugin) for word in ("-p", name)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, "--junit-xml=found.xml"], cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=HANG_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = {name: [] for name in modules}
    ran = set()
    for case in ElementTree.parse(folder / "found.xml").iter("testcase"):
        name = names[case.get("classname").split(".")[0]]
        ran.add(name)
        found[name] += [problem.text for tag in ("failure", "error", "skipped") for problem in case.iter(tag)]
    assert ran == set(modules), done.stdout
    return found


def test_there_are_eight_recipes_of_one_short_test_each():
    assert list(recipes()) == list(WITHOUT)
    for samples in recipes().values():
        (text,) = samples
        (body,) = re.findall(r"^def test_\w+\(otagw.*?\):\n((?: {4}.*\n|\n)+)", text, re.M)
        assert len(body.splitlines()) <= 20
        assert len(text.splitlines()) <= 30


def test_each_sample_of_the_page_passes_as_it_stands_there(tmp_path):
    found = run(tmp_path, {text: text for text in SAMPLE.findall(PAGE)})
    assert len(found) > len(WITHOUT)
    assert not any(found.values()), found


def test_each_recipe_fails_without_its_subject(tmp_path):
    changed = {}
    for name, (old, new) in WITHOUT.items():
        (text,) = recipes()[name]
        assert text.count(old) == 1, (name, old)
        changed[name] = text.replace(old, new)
    # The first test of the page as well, with a fault that no request meets.
    changed["unmet"] = SAMPLE.findall(PAGE)[0] + '    otagw.faults.add("DeleteOTAFirmware", status=503)\n'
    found = run(tmp_path, changed)
    assert all(found.values()), found
    assert "no request met" in found["unmet"][0]
