"""``otagw record``, ``replay`` and ``compare``: recordings of a cloud."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from otagw import errors
from otagw.cli import common, serving

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from otagw.testing.recording.cassette import Exchange
    from otagw.testing.recording.compare import Other, Result
    from otagw.testing.recording.front import Key

_PORTS: Final = {"http": 80, "https": 443}
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class CannotCompare(click.ClickException):
    """The recording, the keys or the gateway are not such that a comparison can be made."""

    exit_code = 2


def _server_url(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Return the URL of a server as it is signed for: host in lower case, and no port that is the usual one."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise click.BadParameter(
            f"expected http:// or https:// with a host, and no path; got {text.partition('?')[0]!r}"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")


def _serving(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a serving command."""
    for option in (
        click.option("--port-file", type=serving.NEW_FILE, help="Write the port here, once it serves."),
        click.option(
            *("--bind",), default="127.0.0.1:0", show_default=True, callback=serving.address, metavar="HOST:PORT",
            help="Address to serve on; port 0 is any free one.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


_cacert = click.option("--cacert", type=click.Path(exists=True, dir_okay=False), help="CA certificate of the server's.")


@click.command()
@click.option("--to", required=True, callback=_server_url, metavar="URL", help="The cloud, or gateway, to record.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new file of the recording.")
@_serving
@_cacert
def record(to: str, out: Path, bind: tuple[str, int], port_file: Path | None, cacert: str | None) -> None:
    """Record a cloud: a proxy that signs the requests of any client with the real key, until SIGTERM or Ctrl-C.

    The key of Actions is in ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, that of IoTDA in
    HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. The file holds no secret, signature or nonce.
    """
    from otagw.testing.recording import fronts, proxy  # noqa: PLC0415 - `otagw serve` loads nothing of otagw.testing
    from otagw.testing.recording.cassette import Writer  # noqa: PLC0415
    from otagw.testing.recording.upstream import Server  # noqa: PLC0415

    keys = _keys()
    for name, key in keys.items():
        if key is None:
            click.echo(proxy.missing(fronts.FRONTS[name]), err=True)
    if bind[0] not in serving.LOOPBACK:
        click.echo(f"Each program that reaches {bind[0]} can use the key of the cloud.", err=True)
    try:
        cassette = Writer(out)
    except FileExistsError:
        raise click.ClickException(f"--out: there is a file {out} already") from None
    except OSError as error:
        raise click.ClickException(f"--out: {out} cannot be made: {error.strerror}") from None
    with contextlib.closing(cassette):
        recorder = proxy.Recorder(Server(to, cacert), keys, cassette)
        _serve(recorder, bind, port_file, f"records {to}")
    click.echo(
        f"{common.counted(cassette.count, 'exchange')} in {out}; {recorder.unrecorded} passed on unrecorded.", err=True
    )


@click.command()
@click.argument("file", type=_FILE)
@_serving
def replay(file: Path, bind: tuple[str, int], port_file: Path | None) -> None:
    """Answer from a recording, without the cloud, until SIGTERM or Ctrl-C. Signatures are not verified."""
    from otagw.testing.recording.replay import Replay  # noqa: PLC0415 - as above

    exchanges = _read(file, click.ClickException)
    _serve(Replay(exchanges), bind, port_file, f"replays {common.counted(len(exchanges), 'exchange')}")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--to", callback=_server_url, metavar="URL", help="Default: a gateway of its own, without any data.")
@_cacert
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def compare(file: Path, to: str | None, cacert: str | None, as_json: bool) -> None:
    """Play a recording against a gateway, and report where the answers differ.

    With --to, the key is in the same variables as for `otagw record`. The exit status is 0 if all answers are equal, 1
    if one differs, 2 if no comparison can be made.
    """
    from otagw.testing.recording import compare as comparison  # noqa: PLC0415 - as above

    exchanges = _read(file, CannotCompare)
    try:
        with _other(to, cacert, {exchange.asked.front for exchange in exchanges}) as other:
            results = list(comparison.play(exchanges, other))
    except errors.Unavailable as fault:
        raise CannotCompare(fault.problem) from None
    differing = [result for result in results if result.differences]
    count = sum(len(result.differences) for result in differing)
    if as_json:
        click.echo(json.dumps(_as_json(results, count), indent=2, ensure_ascii=False))
    else:
        for result in differing:
            for line in comparison.lines(result):
                click.echo(common.one_line(line))
        equal = len(results) - len(differing)
        verb = "differs" if len(differing) == 1 else "differ"
        asked, found = common.counted(len(results), "request"), common.counted(count, "difference")
        click.echo(f"{asked}: {equal} equal, {len(differing)} {verb}; {found}.")
    if differing:
        raise SystemExit(1)


def _as_json(results: "list[Result]", count: int) -> dict[str, Any]:
    found = [
        {"line": result.exchange.line, "operation": result.exchange.asked.operation, **difference._asdict()}
        for result in results
        for difference in result.differences
    ]
    return {"requests": len(results), "count": count, "differences": found}


def _keys() -> "dict[str, Key | None]":
    """Return the key of each front that the environment has."""
    from otagw.testing.recording.front import Key  # noqa: PLC0415 - as above
    from otagw.testing.recording.fronts import FRONTS  # noqa: PLC0415

    found: dict[str, Key | None] = {}
    for name, front in FRONTS.items():
        key_id, secret = (os.environ.get(variable, "") for variable in front.variables)
        found[name] = Key(key_id, secret) if key_id and secret else None
    return found


def _read(file: Path, problem: type[click.ClickException]) -> "list[Exchange]":
    from otagw.testing.recording import cassette  # noqa: PLC0415 - as above
    from otagw.testing.recording.fronts import FRONTS  # noqa: PLC0415

    try:
        found = cassette.read(file)
    except cassette.BadCassette as error:
        raise problem(str(error)) from None
    except OSError as error:
        raise problem(f"{file} cannot be read: {error.strerror}") from None
    for exchange in found:
        if exchange.asked.front not in FRONTS:
            raise problem(f"{file}: line {exchange.line}: front: expected {' or '.join(FRONTS)}")
    return found


def _serve(application: "WSGIApplication", bind: tuple[str, int], port_file: Path | None, what: str) -> None:
    """Serve an application until a signal ends it, and say where; the file of the port is there for as long."""
    with (
        serving.until_a_signal(port_file) as wait,
        contextlib.closing(serving.server(application, bind)) as server,
        serving.port_file(port_file, f"{server.port}\n"),
    ):
        click.echo(f"{server.url} {what}", err=True)
        wait()


@contextlib.contextmanager
def _other(to: str | None, cacert: str | None, needed: set[str]) -> "Iterator[Other]":
    """Return the gateway to compare with, and the keys for it."""
    from otagw.testing.recording.compare import Other  # noqa: PLC0415 - as above
    from otagw.testing.recording.front import Key  # noqa: PLC0415
    from otagw.testing.recording.fronts import FRONTS  # noqa: PLC0415
    from otagw.testing.recording.upstream import Server  # noqa: PLC0415

    if to is None:
        from otagw.testing.gateway import Gateway  # noqa: PLC0415 - as above, and a cloud may be recorded without it

        with contextlib.closing(Gateway().start()) as own:  # no test's: its own verdict on the run is not asked
            yield Other(Server(own.url), dict.fromkeys(FRONTS, Key(own.key.id, own.key.secret)))
        return
    keys = {name: key for name, key in _keys().items() if key}
    for name in needed - keys.keys():
        raise CannotCompare(f"there is no key for {name}: set {' and '.join(FRONTS[name].variables)}")
    yield Other(Server(to, cacert), keys)
