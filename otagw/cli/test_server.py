"""``otagw test-server``: the test double for tests in other languages."""

import contextlib
import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otagw.cli import serving

if TYPE_CHECKING:
    from otagw.testing.gateway import Gateway


def _settings(context: click.Context, option: click.Parameter, lines: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"expected NAME=VALUE, such as spelling=alibaba; got {line!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _address(name: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        name, default="127.0.0.1:0", show_default=True, callback=serving.address, metavar="HOST:PORT", help=text
    )


@click.command("test-server")
@_address("--bind", "Address of the gateway; port 0 is any free one.")
@_address("--control", "Address of the control API, which asks for no key.")
@click.option("--port-file", type=serving.NEW_FILE, help="Write where it serves here as JSON, once it does.")
@click.option("--mqtt", callback=serving.address, metavar="HOST:PORT", help="Serve devices over MQTT there too.")
@click.option("--tls", is_flag=True, help="Serve by https, and MQTT over TLS, under an authority of its own.")
@click.option("--seed-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Begin with this TOML.")
@click.option(
    "--set", "settings", multiple=True, callback=_settings, metavar="NAME=VALUE", help="A setting; again for more."
)
@click.option("--random", "number", type=int, default=1, show_default=True, help="Decides ids and all other chance.")
def test_server(
    bind: tuple[str, int],
    control: tuple[str, int],
    port_file: Path | None,
    mqtt: tuple[str, int] | None,
    tls: bool,
    seed_file: Path | None,
    settings: dict[str, Any],
    number: int,
) -> None:
    """Serve a gateway for tests, whose time, faults and devices a control API sets, until SIGTERM or Ctrl-C.

    It keeps nothing. Its keys are known to everybody: do not reach it over a network.
    """
    from otagw.testing.control import Control  # noqa: PLC0415 - `otagw serve` loads nothing of otagw.testing

    with serving.until_a_signal(port_file) as wait, contextlib.ExitStack() as stack:
        gateway = stack.enter_context(contextlib.closing(_gateway(settings, tls, mqtt, number, bind)))
        if seed_file:
            _sow(gateway, seed_file)
        application = stack.enter_context(contextlib.closing(Control(gateway)))
        second = stack.enter_context(contextlib.closing(serving.server(application, control)))
        application.serve_as(second.netloc, second.port, is_open=control[0] not in serving.LOOPBACK)
        for name, host in (("--bind", bind[0]), ("--control", control[0]), ("--mqtt", mqtt[0] if mqtt else "")):
            if host and host not in serving.LOOPBACK:
                click.echo(f"{name}: each program that reaches {host} controls this gateway.", err=True)
        where = f"{second.url}/_otagw"
        for name, value in {**gateway.env, "OTAGW_CONTROL": where}.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        click.echo(f"{gateway.url} answers; {where} controls it.", err=True)
        stack.enter_context(serving.port_file(port_file, _told(gateway, where)))  # last: a client begins now
        stack.callback(gateway.interrupt)  # first: what is under way would keep the servers from their end
        wait()


def _told(gateway: "Gateway", control: str) -> str:
    """Return what the file of ports says: a JSON object, each member on a line of its own."""
    found = {"port": gateway.port, "url": gateway.url, "control": control}
    found |= {"key_id": gateway.key.id, "secret": gateway.key.secret, "pid": os.getpid()}
    found |= {"mqtt_port": gateway.mqtt_port} if gateway.mqtt_port else {}
    return json.dumps(found | ({"ca": str(gateway.ca)} if gateway.ca else {}), indent=2) + "\n"


def _sow(gateway: "Gateway", file: Path) -> None:
    try:
        gateway.seed(file)
    except Exception as error:
        raise click.ClickException(f"--seed-file: {error}") from None


def _gateway(
    settings: dict[str, Any], tls: bool, mqtt: tuple[str, int] | None, number: int, bind: tuple[str, int]
) -> "Gateway":
    from otagw.testing.gateway import Gateway  # noqa: PLC0415 - as above
    from otagw.testing.mqtt import Taken  # noqa: PLC0415

    try:
        return Gateway(settings, tls=tls, mqtt=mqtt or False, seed=number, address=bind).start()
    except ValueError as error:
        raise click.ClickException(f"--set: {error}") from None
    except OSError as error:
        raise serving.taken(mqtt if mqtt and isinstance(error, Taken) else bind, error) from None
