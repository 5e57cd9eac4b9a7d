"""The command `otagw test-server`: where it serves, how it ends, and what it refuses to begin with."""

import concurrent.futures
import itertools
import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import requests

from tests import signer
from tests.conftest import KEY, ROOT
from tests.mqtt.client import Client, alibaba
from tests.patience import HANG_SECONDS, eventually
from tests.ports import free_port

pytestmark = pytest.mark.live


def is_of(process, ports):
    """Tell whether a file of ports is there, and of a process; a file that is there is whole."""
    return ports.exists() and json.loads(ports.read_text())["pid"] == process.pid


@pytest.fixture
def serve(tmp_path):
    """Start it; return the process and both URLs once the file of the ports is there."""
    started = []

    def serve(*options, file=None):
        ports = file or tmp_path / f"ports{len(started)}"
        command = [sys.executable, "-m", "otagw", "test-server", "--port-file", str(ports), *options]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("OTAGW_")}
        environ["PYTHONPATH"] = str(ROOT)
        process = subprocess.Popen(
            command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        eventually(lambda: process.poll() is not None or is_of(process, ports))
        if process.poll() is not None:
            return process, "", ""
        said = json.loads(ports.read_text())
        return process, said["url"], said["control"]

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


def test_it_serves_devices_over_mqtt_where_it_is_told(serve, tmp_path):
    port = free_port()
    process, _, control = serve("--mqtt", f"127.0.0.1:{port}")
    made = requests.post(f"{control}/devices", json={"product": "p", "names": ["dev1"]}).json()["devices"][0]
    with Client(port) as client:
        assert client.connect(alibaba("p", "dev1", made["secret"])) == 0
    called = requests.get(f"{control}/calls", params={"operation": "alink.connect"}).json()["calls"]
    assert [call["key"] for call in called] == ["p/dev1"]
    assert json.loads((tmp_path / "ports0").read_text())["mqtt_port"] == port
    process.terminate()
    out, _ = process.communicate(timeout=HANG_SECONDS)
    assert f"export OTAGW_MQTT=mqtt://127.0.0.1:{port}" in out.splitlines()


def test_a_port_of_mqtt_that_is_taken_is_named(serve):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process, _, _ = serve("--mqtt", f"127.0.0.1:{port}")
        _, err = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, f"cannot serve on 127.0.0.1:{port}: Address already in use" in err) == (1, True)


def test_a_killed_server_does_not_block_the_next_one(serve):
    process, url, _ = serve("--bind", f"127.0.0.1:{free_port()}")
    process.kill()
    process.wait(HANG_SECONDS)
    _, again, control = serve("--bind", url.removeprefix("http://"))
    assert again == url
    assert requests.get(f"{control}/clock").status_code == 200


def test_the_file_says_where_and_by_which_key(serve, tmp_path):
    file = tmp_path / "where.json"
    process, url, control = serve("--tls", file=file)
    said = json.loads(file.read_text())
    assert said.keys() == {"port", "url", "control", "key_id", "secret", "pid", "ca"}
    assert (said["key_id"], said["secret"], said["pid"]) == ("testid", "testsecret", process.pid)
    assert url == f"https://127.0.0.1:{said['port']}"
    assert requests.get(f"{url}/healthz", verify=said["ca"]).status_code == 200
    assert control == said["control"]
    assert f'  "control": "{control}",' in file.read_text().splitlines()  # so that a shell can read it


def test_a_file_that_was_left_behind_is_not_believed(serve, tmp_path):
    file = tmp_path / "where.json"
    process, url, _ = serve(file=file)
    process.kill()
    process.wait(HANG_SECONDS)
    assert file.exists()
    process, problem, _ = serve("--set", "spelling=english", file=file)
    assert (process.wait(HANG_SECONDS), problem, file.exists()) == (1, "", False)
    _, again, _ = serve(file=file)
    assert again != url


def test_the_file_of_another_server_stays(serve, tmp_path):
    file = tmp_path / "where.json"
    first, _, _ = serve(file=file)
    second, _, control = serve(file=file)
    first.terminate()
    assert first.wait(HANG_SECONDS) == 0
    assert json.loads(file.read_text())["control"] == control
    second.terminate()
    assert second.wait(HANG_SECONDS) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_what_is_under_way(serve):
    process, url, control = serve()

    def call(action, **params):
        return requests.get(f"{url}/?{signer.query(signer.v1(KEY, action, **params))}")

    def minute(number):
        made = call("CreateOTAFirmware", FirmwareName=f"n{number}", DestVersion="1").json()
        return made["Data"]["UtcCreate"][:16]

    requests.post(f"{control}/snapshot")
    requests.post(f"{control}/devices", json={"product": "a1lock", "count": 5})
    requests.post(f"{control}/devices/play", json={"poll": 1})
    requests.post(f"{control}/faults", json={"operation": "ListOTAFirmware", "delay": 3600})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        held = pool.submit(call, "ListOTAFirmware", CurrentPage="1", PageSize="10")
        eventually(lambda: requests.get(f"{control}/faults").json()["faults"][0]["met"])
        first, numbers = minute(0), itertools.count(1)
        advanced = pool.submit(requests.post, f"{control}/clock", json={"advance": {"days": 10_000}})
        eventually(lambda: minute(next(numbers)) != first)
        process.terminate()
        _, err = process.communicate(timeout=HANG_SECONDS)
        assert process.returncode == 0, err
        assert "Traceback" not in err
        assert held.result(HANG_SECONDS).status_code == 200
        assert "the gateway ends" in advanced.result(HANG_SECONDS).json()["error"]


def test_an_open_control_is_warned_of(serve):
    process, _, control = serve("--control", "0.0.0.0:0")
    assert control.startswith("http://127.0.0.1:")
    assert requests.get(f"{control}/clock", headers={"Host": "192.0.2.7:80"}).status_code == 200
    assert requests.get(f"{control}/clock", headers={"Host": "evil.example"}).status_code == 403
    process.terminate()
    _, err = process.communicate(timeout=HANG_SECONDS)
    assert "--control: each program that reaches 0.0.0.0 controls this gateway." in err


def test_its_environment_is_good_for_the_other_commands(serve):
    process, url, _ = serve()
    requests.get(f"{url}/healthz")
    process.terminate()
    out, _ = process.communicate(timeout=HANG_SECONDS)
    command = f'{out}\n"$0" -m otagw sign ListOTAFirmware CurrentPage=1 PageSize=10'
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-euc", command, sys.executable],
        env=environ,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout.startswith(f"{url}/?")) == (0, True), done.stderr


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
    assert process.returncode == status
    assert out == "" or "--port-file" in options
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
