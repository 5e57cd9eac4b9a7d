"""``otagw devices``: what is in the field."""

import csv
import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

import click

from otagw import clock
from otagw.cli import common
from otagw.db import database
from otagw.ota.devices import attributes, connections, csv_import, timeline
from otagw.ota.devices import devices as core
from otagw.ota.devices.csv_import import Batch, Skipped
from otagw.ota.updates import numbered_tasks, reasons

SHOWN = 5


@click.group()
def devices() -> None:
    """Import, list and show devices, and say why one does not update."""


@devices.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--product", help="The ProductKey of rows that have none of their own.")
@click.option("--skipped", type=click.File("w", encoding="utf-8"), help="Write what is skipped to this CSV file.")
@common.account_option
def import_(file: BinaryIO, product: str | None, skipped: TextIO | None, account: str) -> None:
    """Register the devices of a CSV FILE ("-" is standard input).

    Its first line names the columns: DeviceName, and if you like ProductKey, DeviceSecret, Nickname, FirmwareVersion;
    others are ignored. Devices that are there are left as they are, so that the same command goes on where one was
    interrupted.
    """
    done = _Report(skipped)
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        try:
            source = csv_import.File(file, product)
            if source.ignored:
                click.echo(f"Ignored columns: {', '.join(source.ignored)}", err=True)
            batches = csv_import.register(owner, source.rows())
            # By bytes; where their number is unknown, the bar shows only that it goes on.
            bar: Any = click.progressbar(batches, length=_size(file), label="Importing", file=sys.stderr)
            with bar:
                for batch in _until_interrupted(batches):
                    done.add(batch)
                    bar.update(source.position - bar.pos)
        except csv_import.Unreadable as error:
            done.say(f"Stopped after line {done.line}. " if done.line else None)
            raise click.ClickException(f"{file.name}: {error}") from None
        except (KeyboardInterrupt, *database.TROUBLE):
            done.say(f"Stopped after line {done.line}; the same command goes on from there. ")
            raise
    done.say("")


@devices.command("list")
@click.argument("product")
@common.account_option
@common.page_option
def list_(product: str, account: str, page: int) -> None:
    """List the devices of PRODUCT, newest first, 50 a page."""
    with common.store(common.load_settings()) as access:
        found = core.page(common.owner(access, account), product, page, common.PAGE)
    for device in found.items:
        click.echo(f"{device.name:32}  {device.state:11}  {common.day(device.created)}  {device.version or '-'}")
    common.say_where(found)


@devices.command()
@click.argument("product")
@click.argument("device")
@common.account_option
def show(product: str, device: str, account: str) -> None:
    """Show DEVICE of PRODUCT: its id, its state, what it runs and what it says of itself; no secrets."""
    with common.store(common.load_settings()) as access:
        found = core.named(common.owner(access, account), product, device)
        lines = [("IotId", found.uuid), ("State", found.state)]
        if found.nickname:
            lines.append(("Nickname", found.nickname))
        if found.seen:
            lines.append(("Seen", f"{common.second(found.seen)} from {found.address or 'an unknown address'}"))
        connection = connections.of(found.id)
        lines += [("Connected", str(connection))] if connection else []
        lines += [("Token", "is set")] if found.sealed_token else []
        lines += [("Version", f"{version} of {module}") for module, version in core.versions(found)]
        lines += [("Attribute", f"{name} = {text}") for name, text in sorted((attributes.of(found.id) or {}).items())]
    for name, text in lines:
        click.echo(f"{name:12}  {common.one_line(text)}")


@devices.command()
@click.argument("product")
@click.argument("device")
@common.account_option
def secret(product: str, device: str, account: str) -> None:
    """Print the secret of DEVICE of PRODUCT, which it proves itself with."""
    with common.store(common.load_settings()) as access:
        click.echo(core.named(common.owner(access, account), product, device).secret)


@devices.group()
def token() -> None:
    """Let a device use a token beside its secret, where its protocol has tokens."""


@token.command("set")
@click.argument("product")
@click.argument("device")
@click.argument("token", required=False, callback=common.check_token)
@common.account_option
def set_token(product: str, device: str, token: str | None, account: str) -> None:
    """Let DEVICE of PRODUCT use TOKEN; one is made, and shown this once, when it is left out."""
    with common.store(common.load_settings()) as access:
        owner, chosen = common.owner(access, account), token or clock.random_text(common.TOKEN_LENGTH)
        core.set_token(owner, core.named(owner, product, device), chosen)
    click.echo(f"{device} has the token that was given" if token else f"TargetToken  {chosen}")


@token.command("clear")
@click.argument("product")
@click.argument("device")
@common.account_option
def clear_token(product: str, device: str, account: str) -> None:
    """Let DEVICE of PRODUCT use nothing but its secret."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        core.set_token(owner, core.named(owner, product, device), None)
    click.echo(f"{device} has no token beside its secret")


@devices.command("request-attributes")
@click.argument("product")
@click.argument("device")
@common.account_option
def request_attributes(product: str, device: str, account: str) -> None:
    """Ask DEVICE of PRODUCT for its attributes again, at its next poll."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        attributes.request(owner, core.named(owner, product, device))
    click.echo(f"{device} is asked for its attributes at its next poll")


@devices.command("force-cancel")
@click.argument("product")
@click.argument("device")
@common.account_option
def force_cancel(product: str, device: str, account: str) -> None:
    """Stop waiting for the answer of DEVICE of PRODUCT to a cancellation: it is given its next update."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        if not numbered_tasks.force(owner, core.named(owner, product, device)):
            raise click.ClickException(f"{device} has no cancellation to answer")
    click.echo(f"{device} is told of no cancellation any more")


@devices.command()
@click.argument("product")
@click.argument("device")
@click.option("--events", type=click.IntRange(0, 1000), default=20, show_default=True, help="How many to show.")
@common.account_option
def why(product: str, device: str, events: int, account: str) -> None:
    """Say why DEVICE of PRODUCT does not update, and what happened last, oldest first."""
    with common.store(common.load_settings()) as access:
        owner = common.owner(access, account)
        found = core.named(owner, product, device)
        connection = connections.of(found.id)
        said = [f"Connected {connection}."] if connection else []
        said += reasons.sentences(found)
        last = timeline.page(owner, found, 1, events).items if events else []
    for sentence in said:
        click.echo(common.one_line(sentence))
    for event in reversed(last):
        click.echo(f"{common.second(event.at)}  {event.kind:8}  {common.one_line(event.detail)}")


def _until_interrupted(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield batches; Ctrl-C takes effect between two of them, so that all that was done is said; twice, at once."""
    asked: list[int] = []

    def interrupt(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for batch in batches:
            yield batch
            if asked:
                raise KeyboardInterrupt
    finally:
        signal.signal(signal.SIGINT, before)


class _Report:
    """What an import has come to so far."""

    def __init__(self, file: TextIO | None) -> None:
        self.line = self.registered = self.skipped = 0
        self._reasons: dict[str, list[Skipped]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)
        self._out = csv.writer(file) if file else None
        if self._out:
            self._out.writerow(Skipped._fields)

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.line = batch.line
        self.registered += batch.registered
        self.skipped += len(batch.skipped)
        for row in batch.skipped:
            self._counts[row.why] += 1
            if len(self._reasons[row.why]) < SHOWN:
                self._reasons[row.why].append(row)
        if self._out:
            self._out.writerows(batch.skipped)

    def say(self, before: str | None) -> None:
        """Print it, unless there is nothing to go before it."""
        if before is None:
            return
        click.echo(f"{before}{self.registered} registered, {self.skipped} skipped.", err=True)
        for line in self._lines():
            click.echo(line, err=True)

    def _lines(self) -> Iterator[str]:
        for why, rows in self._reasons.items():
            more = ", …" if self._counts[why] > len(rows) else ""
            examples = ", ".join(f"line {row.line} {row.name}".rstrip() for row in rows)
            yield f"  {self._counts[why]} because {why}: {examples}{more}"


def _size(file: BinaryIO) -> int | None:
    try:
        return os.fstat(file.fileno()).st_size or None
    except OSError:
        return None
