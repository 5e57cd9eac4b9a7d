"""Settings: the file in config/ is the code's, and what is wrong is refused by name."""

import dataclasses
import tomllib
from pathlib import Path

import pytest

from otagw import settings
from otagw.settings import Settings, SettingsError

FILE = Path(__file__).parent.parent / "config/otagw.toml"


def test_the_file_holds_every_setting_at_its_default():
    assert FILE.read_text(encoding="utf-8") == settings.document(), "run `make docs`"
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    defaults = dataclasses.asdict(Settings())
    assert found == {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
    assert settings.load({}, str(FILE)) == Settings()


def test_the_environment_wins_over_the_file(tmp_path):
    path = tmp_path / "o.toml"
    path.write_text('workers = 3\nbind = "127.0.0.1:1"\n', encoding="utf-8")
    chosen = settings.load({"OTAGW_CONFIG": str(path), "OTAGW_WORKERS": "5"})
    assert (chosen.workers, chosen.bind) == (5, "127.0.0.1:1")


@pytest.mark.parametrize("name", ["OTAGW_CONFIG", "OTAGW_MASTER_KEY", "OTAGW_CONTROL", "OTAGW_TEST_REQUIRE"])
def test_what_is_no_setting_is_left_alone(name):
    settings.load({"OTAGW_CONFIG": "/dev/null", name: "/dev/null"})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OTAGW_WORKERS", "two", "an integer from 1 to 64"),
        ("OTAGW_WORKERS", "0", "an integer from 1 to 64"),
        ("OTAGW_WORKERS", "1.5", "an integer from 1 to 64"),
        ("OTAGW_WORKERS", "true", "an integer from 1 to 64"),
        ("OTAGW_WORKERS", "", "an integer from 1 to 64"),
        ("OTAGW_BIND", "8686", '"HOST:PORT"'),
        ("OTAGW_DEVICE_URL", "https://files.test:99999", "an http or https URL"),
        ("OTAGW_DEVICE_URL", "https://files.test:0", "an http or https URL"),
        ("OTAGW_DEVICE_URL", "https://[::1", "an http or https URL"),
        ("OTAGW_BIND", "localhost:port", '"HOST:PORT"'),
        ("OTAGW_BIND", "h:99999", '"HOST:PORT"'),
        ("OTAGW_SPELLING", "tuya", 'one of "auto"'),
        ("OTAGW_DATABASE_URL", "mysql://h/d", "sqlite:///PATH"),
        ("OTAGW_REDIS_URL", "http://h:6379", "redis://HOST:PORT/NUMBER"),
        ("OTAGW_PUBLIC_URL", "ota.example.com", "an http or https URL"),
        ("OTAGW_CLOCK_SKEW_SECONDS", "-1", "an integer from 1"),
    ],
)
def test_an_ill_typed_setting_is_refused_by_name(name, value, expected):
    with pytest.raises(SettingsError) as caught:
        settings.load({"OTAGW_CONFIG": "/dev/null", name: value})
    assert str(caught.value).startswith(f"{name}: expected ")
    assert expected in str(caught.value)


def test_an_unknown_setting_is_refused_with_a_guess():
    with pytest.raises(SettingsError, match=r"OTAGW_BNID: no such setting; did you mean bind\?"):
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_BNID": "x"})


def test_a_setting_that_is_gone_is_refused_with_what_replaces_it(tmp_path):
    path = tmp_path / "o.toml"
    path.write_text('queue_url = ""\n', encoding="utf-8")
    said = "queue_url: this setting is gone: the worker looks into the database by itself; remove it"
    with pytest.raises(SettingsError, match=f"^{path}: {said}$"):
        settings.load({}, str(path))
    with pytest.raises(SettingsError, match=f"^OTAGW_{said.replace('queue_url', 'QUEUE_URL')}$"):
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_QUEUE_URL": "redis://h/1"})


def test_no_setting_that_is_gone_has_come_back():
    assert not set(settings.REMOVED) & {field.name for field in dataclasses.fields(Settings)}


@pytest.mark.parametrize(
    ("text", "said"),
    [("color = 1", "color: no such setting"), ("workers = '2'", "workers: expected an integer"), ("x = ", "TOML")],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, said):
    path = tmp_path / "o.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings.load({"OTAGW_CONFIG": str(path)})
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_a_file_that_is_named_must_be_there():
    with pytest.raises(SettingsError, match="nowhere"):
        settings.load({"OTAGW_CONFIG": "/nowhere.toml"})


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(SettingsError) as caught:
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_WORKERS": "x", "OTAGW_THREADS": "x"})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("number", ["1e999", "-1e309", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["WORKERS", "KEEP_JOBS_DAYS", "TRUSTED_PROXIES"])
def test_a_number_that_is_not_finite_is_refused_by_name(name, number):
    with pytest.raises(SettingsError, match=rf"^OTAGW_{name}: expected an integer from"):
        settings.load({"OTAGW_CONFIG": "/dev/null", f"OTAGW_{name}": number})


@pytest.mark.parametrize("number", ["inf", "nan", "1e999"])
def test_a_number_of_the_file_that_is_not_finite_is_refused_by_name(tmp_path, number):
    path = tmp_path / "o.toml"
    path.write_text(f"workers = {number}", encoding="utf-8")
    with pytest.raises(SettingsError, match="workers: expected an integer from 1 to 64"):
        settings.load({"OTAGW_CONFIG": str(path)})


def test_half_a_certificate_is_refused():
    with pytest.raises(SettingsError, match="both or neither"):
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_TLS_CERT": "x"})


@pytest.mark.parametrize(
    ("changes", "endpoint"),
    [
        ({}, "http://127.0.0.1:8686"),
        ({"BIND": "0.0.0.0:80"}, "http://127.0.0.1:80"),
        ({"BIND": "[::]:8686"}, "http://[::1]:8686"),
        ({"BIND": "[2001:db8::1]:8686"}, "http://[2001:db8::1]:8686"),
        ({"BIND": "gateway.test:8686", "TLS_CERT": "c", "TLS_KEY": "k"}, "https://gateway.test:8686"),
        ({"BIND": "unix:/run/otagw.sock"}, "http://localhost"),
        ({"BIND": "unix:/run/otagw:1.sock"}, "http://localhost"),
        ({"BIND": "unix:/run/otagw.sock", "PUBLIC_URL": "https://ota.test/"}, "https://ota.test"),
    ],
)
def test_clients_are_told_an_endpoint_that_a_client_can_use(changes, endpoint):
    environ = {"OTAGW_CONFIG": "/dev/null", **{f"OTAGW_{name}": value for name, value in changes.items()}}
    assert settings.load(environ).endpoint == endpoint
