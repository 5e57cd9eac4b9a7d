"""Run what README and docs/ show: a fresh clone, its two commands, the pasted request, every line for a shell."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
import requests
from click.testing import CliRunner

from otagw.cli import main
from tests import signer
from tests.conftest import KEY, ROOT, free_port, need
from tests.patience import HANG_SECONDS, eventually

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL_PAGES = ("README.md", "docs/getting-started.md", "docs/devices.md", "docs/explain.md")
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.M | re.S)


def anchors(page):
    """The anchors that a repository's viewer gives to the headings of a page."""
    seen = Counter()
    for heading in re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", FENCED.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_names_every_page():
    linked = set(re.findall(r"\]\(([^)#]+)\)", text_of("docs/README.md")))
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= linked


def test_the_front_page_is_short():
    assert len(text_of("README.md").splitlines()) <= 130


def test_nothing_is_installed_by_a_name_that_is_not_ours():
    by_name = re.compile(r"""pipx? install[^\n]*[\s'"]otagw(?![\w-])|otagw\[""")
    assert by_name.search("pip install 'otagw'")
    for file in (*PAGES, *(ROOT / "config").iterdir(), *(ROOT / "otagw").rglob("*.py")):
        assert not by_name.search(file.read_text(encoding="utf-8")), file


def test_sdk_lines_are_those_that_run():
    rows = re.findall(r"^\| (?:Python|Node) `.+?` \| (.+) \|$", text_of("README.md"), re.M)
    lines = [line for row in rows for line in re.findall(r"`(.+?)`", row)]
    assert len(rows) == 5
    samples = "".join(code for page in ("docs/sdks.md", "docs/iotda.md") for code in blocks(page, "(?:python|js)"))
    for line in lines:
        assert line in samples


def test_the_block_that_adds_an_action_is_one_of_ours():
    source = (ROOT / "otagw/dialects/aliyun/actions/firmware.py").read_text(encoding="utf-8")
    operation = blocks("docs/adding-an-action.md", "text")[0].split("\n\n\n")[1]
    assert operation.strip() in source


@pytest.mark.live
def test_the_lines_for_a_shell_do_what_they_say(live, monkeypatch):
    for name, value in live.environ.items():
        monkeypatch.setenv(name, value)
    shown = [block for page in SHELL_PAGES for block in blocks(page, "sh")] + blocks("docs/webhooks.md", "sh")[:1]
    lines = [line for block in shown for line in block.splitlines() if line.startswith("otagw ")]
    assert len(lines) > 8
    for line in lines:
        words = shlex.split(line)[1:]
        if "explain" in words:
            params = signer.v1(KEY, "ListOTAFirmware", CurrentPage="1", PageSize="1")
            words[1:] = [f"{live.url}/?{signer.query(params)}", "--secret", KEY[1]]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, (line, done.output, done.exception)
        assert "Traceback" not in done.output


def paste(live, folder, script):
    """Run a block of the page in a folder; return both of its outputs."""
    otagw = f'otagw() {{ {shlex.quote(sys.executable)} -m otagw "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", otagw + script], check=False, cwd=folder, env={**live.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.live
def test_the_upload_is_as_it_stands_there(live, tmp_path):
    need("curl")
    (tmp_path / "firmware.bin").write_bytes(os.urandom(100_000))
    assert '"Success": true' in paste(live, tmp_path, blocks("docs/upload.md", "bash")[0])[0]


@pytest.mark.live
def test_the_import_is_as_it_stands_there(live, tmp_path):
    said = paste(live, tmp_path, blocks("docs/devices.md", "bash")[0])[1]
    assert "2 registered, 1 skipped." in said
    assert "line 4 lock 3" in said


@pytest.mark.live
def test_the_device_is_as_it_stands_there(live, tmp_path):
    need("curl")
    need("openssl")
    said = paste(live, tmp_path, blocks("docs/devices.md", "bash")[1].replace("127.0.0.1:8686", live.host))[0]
    assert '{"module":"default","version":"1.0.0"}No job has selected the device.\n' in said
    assert said.endswith("  reported  default 1.0.0\n")


@pytest.mark.live
def test_the_rollout_is_as_it_stands_there(live, tmp_path):
    live.cli("products", "create", "Roll out", "--key", "a1uctKe0003", check=False)  # another block may have made it
    said = paste(live, tmp_path, blocks("docs/rollouts.md", "bash")[0])[0]
    assert '"DryRun": true' in said
    assert said.count('"Success": true') == 3  # of the dry run, the job, and its tasks
    assert '"JobType": "UPGRADE_FIRMWARE"' in said


class Run:
    """``make run`` in a clone, its output read while it serves."""

    def __init__(self, folder, port):
        environ = {**os.environ, "OTAGW_BIND": f"127.0.0.1:{port}"}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            ["make", "run"], cwd=folder, env=environ, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")))
        self.reader.start()

    def wait(self, port, seconds):
        while True:
            try:
                requests.get(f"http://127.0.0.1:{port}/readyz", timeout=HANG_SECONDS).raise_for_status()
                return
            except requests.RequestException:
                assert self.process.poll() is None, self.lines
                assert time.monotonic() < self.started + seconds, self.lines
                threading.Event().wait(0.1)

    def block(self):
        """Return what is on the terminal from the welcome on, once it is there; no log of the start is behind it."""
        eventually(lambda: any(line.strip().startswith("curl ") for line in self.lines))
        begin = next(number for number, line in enumerate(self.lines) if "The gateway serves" in line)
        assert any("the worker is ready" in line for line in self.lines[:begin])
        assert "Booting worker" not in "".join(self.lines[begin:])
        return self.lines[begin:]

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(HANG_SECONDS)
        self.reader.join(HANG_SECONDS)
        self.process.stdout.close()


def said(run, name):
    return next(line.split(maxsplit=1)[1].strip() for line in run.lines if line.strip().startswith(name))


@pytest.mark.live
def test_a_newcomer_clones_runs_and_pastes(tmp_path):
    need("curl")
    subprocess.run(["git", "clone", "--quiet", str(ROOT), "otagw"], cwd=tmp_path, check=True, timeout=HANG_SECONDS)
    for time_of_it in ("first", "second"):
        port = free_port()
        run = Run(tmp_path / "otagw", port)
        try:
            run.wait(port, 300)
            line = next(line for line in run.block() if line.strip().startswith("curl "))
            pasted = subprocess.run(line, shell=True, check=True, capture_output=True, text=True, timeout=HANG_SECONDS)
        finally:
            run.interrupt()
        assert re.fullmatch(
            r'\{"Code":"","Data":\{"FirmwareID":"\d+","UtcCreate":"[-0-9T:.]+Z"\},"RequestID":"[-0-9a-f]{36}","Success":true\}',
            pasted.stdout,
        )
        assert said(run, "Health") == f"http://127.0.0.1:{port}/healthz"
        assert said(run, "Endpoint") == f"http://127.0.0.1:{port}"
        assert re.fullmatch(r"\w{24}", said(run, "AccessKeyId"))
        has_secret = re.fullmatch(r"\w{30}", said(run, "AccessKeySecret")) is not None
        assert has_secret is (time_of_it == "first")
        assert "Traceback" not in "".join(run.lines)
