"""`otagw config`: the files that an operator installs."""

import os
import re
import subprocess
import tomllib

import pytest

from otagw import settings
from tests.conftest import ROOT, need
from tests.deploy import pki
from tests.patience import HANG_SECONDS


@pytest.fixture
def otagw(run, tmp_path, monkeypatch):
    """Run a command whose settings are at their defaults, in a folder without a settings file."""
    monkeypatch.chdir(tmp_path)
    for name in ("OTAGW_DATA_DIR", "OTAGW_BIND", "OTAGW_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return run


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("nginx", "nginx.conf"),
        ("systemd", "otagw.service"),
        ("systemd --backup", "otagw-backup.service"),
        ("systemd --timer", "otagw-backup.timer"),
        ("gunicorn", "gunicorn.conf.py"),
    ],
)
def test_default_settings_print_the_sample(otagw, words, name):
    assert otagw("config", *words.split()) == (ROOT / "config" / name).read_text(encoding="utf-8")


def changed(text, name):
    """Return the lines in which a text differs from the sample of this name."""
    sample = (ROOT / "config" / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in text.splitlines() if line not in sample]


def test_nginx_has_the_addresses_the_certificate_and_the_folder_of_the_settings(otagw, monkeypatch):
    for name, value in {
        "PUBLIC_URL": "https://ota.example.com",
        "BIND": "unix:/run/otagw/socket",
        "TLS_CERT": "/srv/tls/chain.pem",
        "TLS_KEY": "/srv/tls/key.pem",
        "DATA_DIR": "/srv/otagw",
        "X_ACCEL": "/inner/",
        "MAX_PACKAGE_BYTES": "5368709121",
    }.items():
        monkeypatch.setenv(f"OTAGW_{name}", value)
    found = changed(otagw("config", "nginx"), "nginx.conf")
    assert [line for line in found if not line.startswith("#")] == [
        "server unix:/run/otagw/socket;",
        "listen 443 ssl sndbuf=128k;",
        "server_name ota.example.com;",
        "ssl_certificate     /srv/tls/chain.pem;",
        "ssl_certificate_key /srv/tls/key.pem;",
        *["proxy_pass https://otagw;"] * 2,
        "client_max_body_size 5122m;",
        "proxy_pass https://otagw;",
        "location /inner/ {",
        "alias /srv/otagw/files/;",
    ]


@pytest.mark.live
def test_nginx_accepts_what_is_printed_for_it(otagw, monkeypatch, tmp_path):
    pki.make(tmp_path)
    for name, value in {
        "PUBLIC_URL": "https://[::1]:9443/",
        "BIND": "unix:/run/otagw/socket",
        "TLS_CERT": "tls.crt",
        "TLS_KEY": "tls.key",
        "DATA_DIR": "data",
        "X_ACCEL": "/inner/",
    }.items():
        monkeypatch.setenv(f"OTAGW_{name}", value)
    text = (
        otagw("config", "nginx").replace("/var/log/nginx/", f"{tmp_path}/").replace("/run/nginx.pid", f"{tmp_path}/pid")
    )
    assert f"{tmp_path}/data/files/" in text
    (tmp_path / "nginx.conf").write_text(text, encoding="utf-8")
    command = [need("nginx"), "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 0, done.stderr


def test_the_unit_allows_the_call_that_a_unix_socket_needs(otagw, monkeypatch):
    assert "\nSystemCallFilter=@chown\n" not in otagw("config", "systemd")
    monkeypatch.setenv("OTAGW_BIND", "unix:/run/otagw/socket")
    expected = "SystemCallFilter=~@privileged @resources\nSystemCallFilter=@chown\nSystemCallErrorNumber=EPERM\n"
    assert expected in otagw("config", "systemd")


def test_the_unit_lets_nginx_through_to_the_files_that_it_sends(otagw, monkeypatch):
    assert "StateDirectoryMode=0700\n" in otagw("config", "systemd")
    monkeypatch.setenv("OTAGW_X_ACCEL", "/files/")
    assert "StateDirectory=otagw\nStateDirectoryMode=0710\n" in otagw("config", "systemd")
    monkeypatch.setenv("OTAGW_STORAGE_URL", "/srv/files")
    assert "StateDirectoryMode=0700\nReadWritePaths=/srv/files\n" in otagw("config", "systemd")


def test_units_have_the_folders_and_the_address_of_the_settings(otagw, monkeypatch):
    monkeypatch.setenv("OTAGW_BIND", "0.0.0.0:9000")
    monkeypatch.setenv("OTAGW_TRUSTED_PROXIES", "2")
    monkeypatch.setenv("OTAGW_STORAGE_URL", "/srv/files")
    assert "StateDirectory=otagw\nStateDirectoryMode=0700\nReadWritePaths=/srv/files\n" in otagw("config", "systemd")
    monkeypatch.setenv("OTAGW_DATA_DIR", "/srv/otagw")
    assert [line for line in changed(otagw("config", "systemd"), "otagw.service") if not line.startswith("#")] == [
        "ReadWritePaths=/srv/otagw",
        "ReadWritePaths=/srv/files",
        "WorkingDirectory=/srv/otagw",
        "Environment=OTAGW_DATA_DIR=/srv/otagw",
        "Environment=OTAGW_BIND=0.0.0.0:9000",
        "Environment=OTAGW_TRUSTED_PROXIES=2",
    ]
    assert "ReadWritePaths=/srv/otagw /var/backups/otagw" in otagw("config", "systemd", "--backup")


def test_toml_has_every_setting_in_use_but_no_password(otagw, monkeypatch, tmp_path):
    environ = {
        "OTAGW_WORKERS": "3",
        "OTAGW_OBS_BUCKETS": '{"firm": "x"}',
        "OTAGW_DATA_DIR": "/srv/données \U0001f4e6",
        "OTAGW_FETCH_HOSTS": '["cdn.example.com"]',
        "OTAGW_DATABASE_URL": "postgresql://otagw:s3cr:et@h/otagw",
        "OTAGW_REDIS_URL": "redis://:s3cret@h/1",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    text = otagw("config", "toml")
    assert "s3cr" not in text
    said = "PASSWORD replaces the passwords of URLs: fill them in.\n"
    (tmp_path / "otagw.toml").write_text(text.replace(said, ""), encoding="utf-8")
    hidden = {
        "OTAGW_DATABASE_URL": "postgresql://otagw:PASSWORD@h/otagw",
        "OTAGW_REDIS_URL": "redis://:PASSWORD@h/1",
    }
    assert settings.load({}, str(tmp_path / "otagw.toml")) == settings.load({**os.environ, **hidden})


def test_toml_without_a_password_says_nothing_of_one(otagw):
    assert tomllib.loads(otagw("config", "toml"))["workers"] == 2


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PUBLIC_URL", "http://ota.example.com", "public_url: expected an https address"),
        ("DATA_DIR", "/srv/my data", "data_dir: expected letters"),
        ("PUBLIC_URL", "https://a;b", "public_url: expected letters"),
    ],
)
def test_a_setting_that_nginx_cannot_have_is_refused_by_name(otagw, monkeypatch, name, value, said):
    monkeypatch.setenv(f"OTAGW_{name}", value)
    assert said in otagw("config", "nginx", status=1)


@pytest.mark.parametrize("extra", ["postgres", "redis", "s3"])
def test_a_lock_of_an_extra_adds_to_the_lock_and_changes_nothing(otagw, extra):
    def pins(text):
        return set(re.findall(r"^[a-z0-9._-]+==\S+", text, re.MULTILINE))

    alone, more = otagw("config", "lock"), otagw("config", "lock", "--extra", extra)
    assert (ROOT / "requirements.lock").read_text(encoding="utf-8") == alone
    assert (ROOT / f"requirements-{extra}.lock").read_text(encoding="utf-8") == more
    assert pins(alone) < pins(more)


def test_a_unit_that_clients_reach_themselves_believes_no_proxy_and_may_bind_its_port(otagw, monkeypatch):
    monkeypatch.setenv("OTAGW_BIND", "0.0.0.0:443")
    unit = otagw("config", "systemd")
    assert "Environment=OTAGW_BIND=0.0.0.0:443\nEnvironment=OTAGW_TRUSTED_PROXIES=0\n" in unit
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n" in unit
    monkeypatch.setenv("OTAGW_BIND", "127.0.0.1:9000")
    monkeypatch.setenv("OTAGW_TRUSTED_PROXIES", "2")
    unit = otagw("config", "systemd")
    assert "Environment=OTAGW_BIND=127.0.0.1:9000\nEnvironment=OTAGW_TRUSTED_PROXIES=2\n" in unit
    assert "CapabilityBoundingSet=\nAmbientCapabilities=\n" in unit


def test_a_unit_names_the_file_of_the_settings(otagw, monkeypatch, tmp_path):
    (tmp_path / "gateway.toml").write_text("workers = 4\n", encoding="utf-8")
    monkeypatch.setenv("OTAGW_CONFIG", "gateway.toml")
    unit = otagw("config", "systemd")
    assert f"Environment=OTAGW_CONFIG={tmp_path}/gateway.toml\nEnvironmentFile=-/etc/otagw/otagw.env\n" in unit
