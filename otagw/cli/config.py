"""``otagw config``: the files that an operator installs, with the present settings filled in."""

import os
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from otagw import settings
from otagw.cli import common
from otagw.files import links
from otagw.settings import Settings

# The values in the samples; a setting with its default leaves them as they are.
BIND: Final = "127.0.0.1:8687"
DATA_DIR: Final = "/var/lib/otagw"
STATE: Final = "StateDirectory=otagw\nStateDirectoryMode=0700\n"
MEBIBYTE: Final = 1024 * 1024
# Needs no quotes in nginx.conf or in a unit, and has no meaning of its own there.
_PLAIN: Final = re.compile(r"[\w/.:,+=@\[\]-]*")
_PASSWORD: Final = re.compile(r'(://[^:/@"\s]*:)[^/"\s]+(?=@)|([?&]password=)[^&"\s]+')


@click.group()
def config() -> None:
    """Print the files that an operator installs, with the present settings filled in."""


@config.command()
def nginx() -> None:
    """Print nginx.conf for a TLS proxy in front of the gateway."""
    _print("nginx.conf", _nginx(common.load_settings()))


@config.command()
@click.option("--backup", "unit", flag_value="otagw-backup.service", help="Print the unit of a nightly backup.")
@click.option("--timer", "unit", flag_value="otagw-backup.timer", help="Print the timer of the nightly backup.")
def systemd(unit: str | None) -> None:
    """Print otagw.service, a systemd unit for the gateway."""
    _print(unit or "otagw.service", _systemd(common.load_settings()))


@config.command()
def gunicorn() -> None:
    """Print gunicorn.conf.py, for gunicorn without `otagw serve`; it reads the settings by itself."""
    click.echo(_text("templates/gunicorn.conf.py"), nl=False)


@config.command()
def toml() -> None:
    """Print otagw.toml, every setting with its present value; PASSWORD replaces the passwords of URLs."""
    text = settings.document(common.load_settings())
    shown = _PASSWORD.sub(r"\1\2PASSWORD", text)
    click.echo(shown, nl=False)
    if shown != text:
        click.echo("PASSWORD replaces the passwords of URLs: fill them in.", err=True)


@config.command()
@click.option("--extra", type=click.Choice(["postgres", "redis", "s3"]), help="Lock what this needs, too.")
def lock(extra: str | None) -> None:
    """Print requirements.lock: all dependencies, for pip install --require-hashes -r."""
    click.echo(_text(f"locks/requirements-{extra}.lock" if extra else "locks/requirements.lock"), nl=False)


def _text(path: str) -> str:
    return (resources.files("otagw") / "ops" / path).read_text(encoding="utf-8")


def _print(name: str, values: Mapping[str, str]) -> None:
    """Print a template in which each of the words of ``values`` is replaced."""
    text = _text(f"templates/{name}")
    click.echo(re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text), nl=False)


def _nginx(chosen: Settings) -> dict[str, str]:
    """Return what differs from the sample of nginx: addresses, certificate, size of uploads, the folder of files."""
    values: dict[str, str] = {}
    if chosen.public_url:
        url = urlsplit(_plain("public_url", chosen.public_url))
        if url.scheme != "https":
            raise click.ClickException("public_url: expected an https address, for nginx.conf serves TLS")
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        values |= {"8686": str(url.port or 443), "server_name _;": f"server_name {host};"}
    if chosen.bind != Settings.bind:
        values[BIND] = _plain("bind", chosen.bind)
    if chosen.tls_cert:  # the gateway itself then serves https, too
        values["/etc/otagw/tls.crt"] = _absolute("tls_cert", chosen.tls_cert)
        values["/etc/otagw/tls.key"] = _absolute("tls_key", chosen.tls_key)
        values["proxy_pass http:"] = "proxy_pass https:"
    if chosen.max_package_bytes != Settings.max_package_bytes:
        longest = max(chosen.max_package_bytes, links.LONGEST_LIST)
        values["client_max_body_size 1025m;"] = f"client_max_body_size {-(-longest // MEBIBYTE) + 1}m;"
    if chosen.x_accel:
        values["location /files/ {"] = f"location {chosen.x_accel} {{"
    folder = _files(chosen) or f"{_data_dir(chosen)}/files"
    return values | {f"{DATA_DIR}/files": folder}


def _systemd(chosen: Settings) -> dict[str, str]:
    """Return what differs from the sample units: the address, the proxies, and the folders that are written to."""
    values = {}
    if chosen.bind.startswith("unix:"):  # gunicorn sets the owner of the socket
        values["@privileged @resources\n"] = "@privileged @resources\nSystemCallFilter=@chown\n"
    if chosen.bind != Settings.bind:
        values[BIND] = _plain("bind", chosen.bind)
        port = chosen.bind.rpartition(":")[2]
        if port.isdecimal() and int(port) < 1024:  # which only root may bind otherwise
            for name in ("CapabilityBoundingSet=", "AmbientCapabilities="):
                values[f"{name}\n"] = f"{name}CAP_NET_BIND_SERVICE\n"
    if (chosen.bind, chosen.trusted_proxies) != (Settings.bind, Settings.trusted_proxies):
        # The sample's one proxy is the nginx in front of the sample's address: clients that reach us are not believed.
        values["PROXIES=1"] = f"PROXIES={chosen.trusted_proxies}"
    if path := os.environ.get("OTAGW_CONFIG"):
        values["EnvironmentFile="] = f"Environment=OTAGW_CONFIG={_absolute('OTAGW_CONFIG', path)}\nEnvironmentFile="
    folder, files = _data_dir(chosen), _files(chosen)
    # Through it leads the way of nginx, which is in the group, to the files.
    state = STATE.replace("0700", "0710") if chosen.x_accel and not files else STATE
    state = state if folder == DATA_DIR else f"ReadWritePaths={folder}\n"
    return values | {STATE: state + (f"ReadWritePaths={files}\n" if files else ""), DATA_DIR: folder}


def _data_dir(chosen: Settings) -> str:
    """Return the folder of data, which the default leaves to the sample: it is relative."""
    return DATA_DIR if chosen.data_dir == Settings.data_dir else _absolute("data_dir", chosen.data_dir)


def _files(chosen: Settings) -> str:
    """Return the folder of `storage_url`, or nothing where that is elsewhere or not set."""
    folder = chosen.storage_url.removeprefix("file://")
    return "" if not folder or "://" in folder else _absolute("storage_url", folder)


def _absolute(name: str, path: str) -> str:
    return _plain(name, str(Path(path).absolute()))


def _plain(name: str, value: str) -> str:
    """Return a value that fits into a configuration without quotes, or end with the setting that has another."""
    if not _PLAIN.fullmatch(value):
        raise click.ClickException(f"{name}: expected letters, digits and / . : , + = @ - _ [ ] alone, got {value!r}")
    return value
