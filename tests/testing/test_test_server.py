"""The command `otagw test-server`: where it serves, how it ends, and what it refuses to begin with."""

import os
import signal
import subprocess
import sys

import pytest
import requests

from tests.patience import HANG_SECONDS, eventually
from tests.ports import free_port

pytestmark = pytest.mark.live


@pytest.fixture
def serve(tmp_path):
    """Start it; return the process and both URLs once the file of the ports is there."""
    started = []

    def serve(*options):
        ports = tmp_path / f"ports{len(started)}"
        command = [sys.executable, "-m", "otagw", "test-server", "--port-file", str(ports), *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OTAGW_")}
        process = subprocess.Popen(
            command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        eventually(lambda: ports.exists() or process.poll() is not None)
        if process.poll() is not None:
            return process, "", ""
        first, second = ports.read_text().split()
        return process, f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}/_otagw"

    yield serve
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_it_serves_a_gateway_and_its_control(serve, tmp_path):
    process, url, control = serve("--set", "spelling=alibaba", "--set", "package_quota=1")
    assert requests.get(f"{url}/healthz").status_code == 200
    made = [requests.post(f"{control}/packages", json={"name": name, "version": "1"}) for name in "ab"]
    assert [one.status_code for one in made] == [200, 409]
    assert requests.get(f"{url}/_otagw/clock").status_code == 404
    process.terminate()
    out, err = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0
    assert f"export OTAGW_PUBLIC_URL={url}" in out.splitlines()
    assert f"export OTAGW_CONTROL={control}" in out.splitlines()
    assert f"{url} answers; {control} controls it." in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_takes_the_file_away(serve, tmp_path, number):
    process, _, _ = serve()
    process.send_signal(number)
    assert process.wait(HANG_SECONDS) == 0
    assert list(tmp_path.iterdir()) == []


def test_it_begins_with_a_seed_by_https(serve, tmp_path):
    seed = tmp_path / "seed.toml"
    seed.write_text('[[devices]]\nproduct = "a1lock"\ncount = 2\n')
    process, _, control = serve("--seed-file", str(seed), "--tls", "--random", "7")
    assert len(requests.get(f"{control}/devices").json()["devices"]) == 2
    requests.post(f"{control}/reset")
    assert requests.get(f"{control}/devices").json()["devices"] == []
    process.terminate()
    out, _ = process.communicate(timeout=HANG_SECONDS)
    assert "export OTAGW_PUBLIC_URL=https://127.0.0.1:" in out
    assert "export SSL_CERT_FILE=" in out


def test_one_that_was_killed_is_in_nobodys_way(serve):
    process, url, _ = serve("--bind", f"127.0.0.1:{free_port()}")
    process.kill()
    process.wait(HANG_SECONDS)
    _, again, control = serve("--bind", url.removeprefix("http://"))
    assert again == url
    assert requests.get(f"{control}/clock").status_code == 200


@pytest.mark.parametrize(
    ("options", "status", "problem"),
    [(("--bind", "here"), 2, "expected HOST:PORT"), (("--set", "spelling"), 2, "expected NAME=VALUE"),
     (("--set", "spelling=english"), 1, "--set: spelling: expected one of"),
     (("--set", "data_dir=x"), 1, "--set: data_dir: expected a setting that changes answers"),
     (("--seed-file", "/nowhere.toml"), 2, "does not exist"),
     (("--port-file", "/nowhere/ports"), 1, "cannot be written")],
)  # fmt: skip
def test_what_it_cannot_begin_with_is_said_in_a_line(serve, options, status, problem):
    process, _, _ = serve(*options)
    out, err = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, out) == (status, "")
    assert problem in err
    assert "Traceback" not in err


def test_an_address_that_is_taken_and_a_seed_that_is_wrong(serve, tmp_path):
    _, url, control = serve()
    taken = url.removeprefix("http://")
    for options in (("--bind", taken), ("--control", control.removeprefix("http://").removesuffix("/_otagw"))):
        process, _, _ = serve(*options)
        _, err = process.communicate(timeout=HANG_SECONDS)
        assert (process.returncode, "cannot serve on 127.0.0.1:" in err) == (1, True), err
    seed = tmp_path / "seed.toml"
    seed.write_text("[[device]]\n")
    process, _, _ = serve("--seed-file", str(seed))
    _, err = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, "did you mean devices" in err) == (1, True), err
