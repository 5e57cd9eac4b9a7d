"""``otagw simulate``: devices that are not there take part in rollouts."""

import contextlib
import json
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final, NamedTuple
from urllib.parse import urlsplit

import click

from otagw.cli import common
from otagw.ota.devices import csv_import, devices
from otagw.ota.devices.devices import DeviceDraft
from otagw.ota.products import modules
from otagw.simulator import alink, ddi, device, huawei, mqtt, report, tylink
from otagw.simulator.devices import Behaviour, Device
from otagw.simulator.fleet import Fleet
from otagw.simulator.protocol import Speaker
from otagw.simulator.report import Report
from otagw.simulator.transport import Transport

PROTOCOLS: Final[Mapping[str, Callable[[Transport, str, str, str, str], Speaker]]] = {
    "alink": alink.Device,
    "ddi": ddi.Device,
    "device": device.Device,
    "huawei": huawei.Device,
    "tylink": tylink.Device,
}
OVER_MQTT: Final = ("alink", "huawei", "tylink")


class _Finite(click.FloatRange):
    """A number within bounds; NaN compares with none of them, and an endless time never ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"expected a finite number, got {value!r}", param, ctx)
        return number


_SHARE: Final = _Finite(0, 1)
_SECONDS: Final = _Finite(0)
_POSITIVE: Final = _Finite(0, min_open=True)


class Member(NamedTuple):
    """A device to simulate."""

    product: str
    name: str
    secret: str
    version: str


@click.command()
@click.option("--protocol", type=click.Choice(sorted(PROTOCOLS)), default="device", show_default=True, help="Spoken.")
@click.option(
    "--endpoint",
    metavar="URL",
    help="Default: the gateway of the settings here. For MQTT: mqtt://HOST:PORT, or mqtts://.",
)
@click.option("--product", metavar="KEY", help="Its ProductKey; for rows of --fleet that have none of their own.")
@click.option("--devices", "count", type=click.IntRange(1), help="How many. Default: 10, or all of --fleet.")
@click.option("--prefix", default="sim-", show_default=True, help="What the names begin with that --register gives.")
@click.option("--register", is_flag=True, help="Register them in the database of the settings here, where not there.")
@click.option("--fleet", type=click.File("rb"), help="A CSV as of `otagw devices import`, with DeviceSecret.")
@click.option("--from-version", default="1.0.0", show_default=True, help="What they run, unless --fleet says it.")
@click.option("--poll", type=_POSITIVE, help="Seconds between polls. Default: as the gateway says, else 10.")
@click.option("--ramp", type=_SECONDS, default=5.0, show_default=True, help="Seconds within which all start.")
@click.option("--latency", type=_SECONDS, default=1.0, show_default=True, help="Mean seconds of a step of an update.")
@click.option("--fixed", is_flag=True, help="Each step takes just that long; else it is exponentially distributed.")
@click.option("--reboot", type=_SECONDS, default=2.0, show_default=True, help="Seconds of a restart.")
@click.option("--download/--no-download", default=True, help="Load the file and check it, or not.")
@click.option("--bandwidth", type=_POSITIVE, help="Bytes a second of a device. Default: what the network gives.")
@click.option("--fail", type=_SHARE, default=0.0, help="Share of updates that fail: at download, verify or install.")
@click.option("--break", "break_off", type=_SHARE, default=0.0, help="Share of downloads that break off and resume.")
@click.option("--crash", type=_SHARE, default=0.0, help="Share of devices that crash once, and begin again.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same fates.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests at a time.")
@click.option("--until-idle", type=_POSITIVE, help="End when no device has been at work for so many seconds.")
@click.option("--seconds", type=_POSITIVE, help="End after so many seconds, whatever is under way.")
@click.option("--cacert", type=click.Path(exists=True, dir_okay=False), help="CA certificate of the gateway's.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@common.account_option
def simulate(**options: Any) -> None:
    """Run devices that are not there against a gateway, over HTTP or MQTT, as real ones would.

    It ends when each device has ended an update, or by --until-idle, --seconds or Ctrl-C, and prints how it went. The
    exit status is 1 if an answer was not as it should be; updates that fail because --fail says so are no errors.
    """
    endpoint = _endpoint(options["endpoint"], options["protocol"] in OVER_MQTT)
    members = _members(**{name: options[name] for name in _WHO})
    found = Report(len(members))
    transport = Transport(found, options["cacert"])
    behaviour = Behaviour(**{name: options[name] for name in Behaviour.__dataclass_fields__})
    speak = PROTOCOLS[options["protocol"]]
    lives = [
        Device(m.name, m.version, speak(transport, endpoint, m.product, m.name, m.secret), behaviour, transport).live()
        for m in members
    ]
    fleet = Fleet(lives, options["concurrency"])
    with _stopped_by_signals(fleet), _progress(len(members), options["quiet"]) as show:
        fleet.run(_end(found, show, options["until_idle"], options["seconds"]))
    summary = found.summary()
    lines = [json.dumps(summary, indent=2)] if options["as_json"] else report.table(summary)
    for line in lines:
        click.echo(line)
    if summary["errors"]:
        raise SystemExit(1)


def _endpoint(given: str | None, is_mqtt: bool) -> str:
    """Return where the gateway is, without a slash at the end."""
    if not is_mqtt:
        return (given or common.load_settings().endpoint).rstrip("/")
    found = (given or _mqtt_here()).rstrip("/")
    url = urlsplit(found)
    if url.scheme not in mqtt.PORTS or not url.hostname or url.path:
        raise click.UsageError("--endpoint: expected mqtt://HOST:PORT or mqtts://HOST:PORT")
    return found


def _mqtt_here() -> str:
    chosen = common.load_settings()
    for scheme, bind in (("mqtt", chosen.mqtt_bind), ("mqtts", chosen.mqtt_tls_bind)):
        if bind:
            host, _, port = bind.rpartition(":")
            return f"{scheme}://{_ANY.get(host, host)}:{port}"
    raise click.UsageError("mqtt_bind is not set here: set it, or give --endpoint mqtt://HOST:PORT")


_ANY: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound
_WHO: Final = ("product", "count", "prefix", "register", "fleet", "from_version", "account")


def _members(
    product: str | None,
    count: int | None,
    prefix: str,
    register: bool,
    fleet: BinaryIO | None,
    from_version: str,
    account: str,
) -> list[Member]:
    if register == bool(fleet):
        raise click.UsageError("where do the devices come from? Give --register or --fleet FILE, one of them")
    if fleet:
        found = list(islice(_from_file(fleet, product, from_version), count))
        if len(found) < (count or 1):
            raise click.ClickException(f"{fleet.name}: it names {common.counted(len(found), 'device')}")
        return found
    if not product:
        raise click.UsageError("--register needs --product KEY")
    return _registered(
        product, [f"{prefix}{number:05}" for number in range(1, (count or 10) + 1)], from_version, account
    )


def _from_file(file: BinaryIO, product: str | None, version: str) -> Iterator[Member]:
    try:
        for row in csv_import.File(file, product).rows():
            problem = row.problem or ("" if row.draft.secret else "there is no DeviceSecret")
            if problem:
                raise click.ClickException(f"{file.name}: line {row.line}: {problem}")
            running = row.draft.versions.get(modules.DEFAULT, version)
            yield Member(row.product_key, row.draft.name, row.draft.secret or "", running)
    except csv_import.Unreadable as error:
        raise click.ClickException(f"{file.name}: {error}") from None


def _registered(product: str, names: list[str], version: str, account: str) -> list[Member]:
    """Register devices in the gateway's own database; those that are there keep their secrets and versions."""
    rows = [csv_import.Row(0, product, DeviceDraft(name, versions={modules.DEFAULT: version})) for name in names]
    found: list[Member] = []
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        for batch in csv_import.register(owner, rows):
            refused = [skipped.why for skipped in batch.skipped if skipped.why != csv_import.THERE]
            if refused:
                raise click.ClickException(refused[0])
        for start in range(0, len(names), csv_import.AT_ONCE):
            some = devices.several(owner, product, names[start : start + csv_import.AT_ONCE])
            found += [Member(product, one.name, one.secret, one.version or version) for one in some]
    return found


@contextlib.contextmanager
def _stopped_by_signals(fleet: Fleet) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the fleet when what is under way is answered; a second Ctrl-C, at once."""

    def stop(number: int, _: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        fleet.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _progress(count: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar where there is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda ended: None
        return
    bar: Any = click.progressbar(length=count, label="Updating", file=sys.stderr, show_pos=True)
    with bar:
        yield lambda ended: bar.update(ended - bar.pos) if ended != bar.pos else None


def _end(found: Report, show: Callable[[int], None], idle: float | None, seconds: float | None) -> Callable[[], bool]:
    """Return what says whether the simulation is over."""
    deadline = time.monotonic() + seconds if seconds else None

    def is_over() -> bool:
        ended, quiet = found.take()
        show(ended)
        if deadline and time.monotonic() >= deadline:
            return True
        if idle:
            return quiet >= idle
        return ended == found.devices

    return is_over
