"""``otagw serve``, ``worker``, ``migrate`` and ``welcome``: bring a gateway up."""

import logging
import queue
import signal
import sys

import click

from otagw import clock
from otagw.cli import common
from otagw.cli.sign import own_key
from otagw.db import database, other_sessions, schema
from otagw.dialects.aliyun import client
from otagw.ops import log
from otagw.ota import audit
from otagw.security.vault import VaultError
from otagw.server import supervisor
from otagw.settings import Settings, SettingsError


@click.command()
@click.option("--worker/--no-worker", default=True, help="Run a worker too, or leave that to `otagw worker`.")
@click.option("--welcome", "greet", is_flag=True, help="Once all is up, print what `otagw welcome` prints.")
def serve(worker: bool, greet: bool) -> None:
    """Serve in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the settings and the certificate anew."""
    chosen = common.load_settings()
    with common.store(chosen):
        pass  # says what is wrong before any process is started
    try:
        supervisor.check(chosen)
        supervisor.check_free(chosen)
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    lines = _welcome(chosen, serves=True) if greet else []
    log.configure(chosen)
    if not chosen.public_url and _is_reached_from_elsewhere(chosen):
        logging.getLogger("otagw").warning(
            "public_url is not set: links to files follow the Host header of each request"
        )
    commands = [supervisor.command()]
    if worker:
        commands.append(supervisor.worker_command())
    if chosen.metrics_bind:
        commands.append(supervisor.metrics_command())
    speaks_mqtt = bool(chosen.mqtt_bind or chosen.mqtt_tls_bind)
    if speaks_mqtt:
        commands.append(supervisor.mqtt_command())
    processes = chosen.workers + worker + speaks_mqtt
    greeting = supervisor.Greeting(processes, lambda: click.echo("\n".join(lines)))
    sys.exit(supervisor.supervise(commands, greeting=greeting if greet else None))


def _is_reached_from_elsewhere(chosen: Settings) -> bool:
    host = chosen.bind.rpartition(":")[0].strip("[]")
    return bool(chosen.trusted_proxies) or not (host in ("localhost", "::1") or host.startswith("127."))


@click.command()
def worker() -> None:
    """Do what is due until SIGTERM or Ctrl-C; SIGHUP reads the settings anew. `otagw serve` runs one of these.

    Several may run on one database, on any machine that has its master key and its storage.
    """
    received = supervisor.signals()
    from otagw.worker import run  # noqa: PLC0415 - after the signals: it takes its time to load

    chosen = common.load_settings()
    ended_by = _wait_for_database(chosen, received)
    if ended_by is None:
        with common.store(chosen), audit.acting(None):
            ended_by = run(chosen, received)
    if ended_by == signal.SIGHUP:
        supervisor.restart(supervisor.worker_command(), received)


@click.command()
def metrics() -> None:
    """Answer Prometheus on the address of the setting metrics_bind, until SIGTERM or Ctrl-C.

    `otagw serve` runs one of these where that is set.
    """
    received = supervisor.signals()
    from otagw.ops import exporter  # noqa: PLC0415 - what it needs, nothing else does

    chosen = common.load_settings()
    folder = chosen.metrics_path
    if folder is None:
        raise click.ClickException("metrics_bind is not set: nothing is counted")
    while (told := _wait_for_database(chosen, received)) is not None:
        if told != signal.SIGHUP:
            return
    with common.store(chosen):
        try:
            exporter.run(chosen.metrics_bind, folder, received)
        except OSError as error:
            raise click.ClickException(f"cannot serve on {chosen.metrics_bind}: {error.strerror}") from None


@click.command()
def mqtt() -> None:
    """Serve devices that speak MQTT, on mqtt_bind and mqtt_tls_bind, until SIGTERM or Ctrl-C.

    SIGHUP reads the certificate anew; other settings need a restart. `otagw serve` runs one of these where an address
    is set. Several may run on one database, on any machine that has its master key.
    """
    received = supervisor.signals()
    from otagw.mqtt import service  # noqa: PLC0415 - after the signals: it takes its time to load

    chosen = common.load_settings()
    if not (chosen.mqtt_bind or chosen.mqtt_tls_bind):
        raise click.ClickException("neither mqtt_bind nor mqtt_tls_bind is set: there is nothing to serve on")
    while (told := _wait_for_database(chosen, received)) is not None:
        if told != signal.SIGHUP:
            return
    with common.store(chosen), audit.acting(None):
        try:
            service.run(chosen, received)
        except OSError as error:
            raise click.ClickException(f"cannot serve MQTT: {error.strerror or error}") from None


def _wait_for_database(chosen: Settings, received: "queue.SimpleQueue[int]") -> int | None:
    """Return None once the database answers, or the signal that comes first."""
    from otagw import parts  # noqa: PLC0415 - what only calls a gateway need not load one

    log.configure(chosen)
    with parts.opened(chosen):
        database.patiently(lambda: database.execute("SELECT 1"), received.empty)
    return None if received.empty() else received.get()


@click.command()
@click.option("--force", is_flag=True, help="Change the schema while other processes use the database.")
def migrate(force: bool) -> None:
    """Bring the database to this version; safe to repeat and to run twice at once.

    Stop every `otagw serve` and `otagw worker` of the database first: a process of another version cannot use the new
    schema. While one is connected, nothing is changed.
    """
    from otagw import parts  # noqa: PLC0415 - what only calls a gateway need not load one

    chosen = common.load_settings()
    try:
        with parts.opened(chosen):
            applied = schema.migrate(chosen, force=force)
    except other_sessions.StillUsed as error:
        raise click.ClickException(str(error)) from None
    except database.TROUBLE as error:
        raise click.ClickException(f"the database does not answer: {error}") from None
    click.echo(f"Applied {', '.join(applied)}." if applied else "The database is up to date.", err=True)


@click.command()
def welcome() -> None:
    """Make a first access key if there is none, and print a request that is ready to be pasted."""
    click.echo("\n".join(_welcome(common.load_settings())))


def _welcome(chosen: Settings, *, serves: bool = False) -> list[str]:
    """Make a first access key if there is none; return the lines that show it, and how to use and stop a gateway."""
    try:
        with common.store(chosen) as access:
            secret = None if access.list() else access.create()[1]
    except VaultError as error:
        raise click.ClickException(str(error)) from None
    key_id, known = own_key(None)
    name = f"demo-{clock.now() // 1000}"
    params = {"Action": "CreateOTAFirmware", "FirmwareName": name, "DestVersion": "1.0.0", "ProductKey": "demo"}
    shown = secret or "(shown when it was made; otagw keys create makes another)"
    mqtt = " and ".join(filter(None, (chosen.mqtt_bind, chosen.mqtt_tls_bind and f"{chosen.mqtt_tls_bind} (TLS)")))
    running = [
        f"  Health           {chosen.endpoint}/healthz",
        *([f"  MQTT             {mqtt}"] if mqtt else []),
        "  Stop             Ctrl-C",
    ]
    return [
        *(["", "  The gateway serves."] if serves else []),
        "",
        f"  Endpoint         {chosen.endpoint}",
        *(running if serves else []),
        f"  AccessKeyId      {key_id}",
        f"  AccessKeySecret  {shown}",
        "",
        "  Paste this in another terminal; it works once, within 15 minutes:",
        "",
        f"  {client.v1(chosen.endpoint, key_id, known, params).curl()}",
        "",
    ]
