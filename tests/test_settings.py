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


@pytest.mark.parametrize("name", ["OTAGW_CONFIG", "OTAGW_MASTER_KEY", "OTAGW_TEST_REQUIRE"])
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


def test_half_a_certificate_is_refused():
    with pytest.raises(SettingsError, match="both or neither"):
        settings.load({"OTAGW_CONFIG": "/dev/null", "OTAGW_TLS_CERT": "x"})


@pytest.mark.parametrize(
    ("urls", "queue"),
    [
        ({}, "sqlite:///var/queue.db"),
        ({"database_url": "postgresql://h/d"}, "postgresql://h/d"),
        ({"database_url": "cockroachdb://h/d"}, "sqlite:///var/queue.db"),
        ({"database_url": "postgresql://h/d", "redis_url": "redis://r"}, "redis://r"),
        ({"queue_url": "redis://q", "redis_url": "redis://r"}, "redis://q"),
    ],
)
def test_the_queue_is_where_nodes_can_call_each_other(urls, queue):
    assert Settings(**urls).queue == queue
