"""Options and port files of the commands that serve until a signal ends them."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from otagw.cli import common

if TYPE_CHECKING:
    import ssl
    from wsgiref.types import WSGIApplication

    from otagw.testing.server import Server

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
NEW_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def address(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    """Read HOST:PORT, where it is given."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise click.BadParameter(f"expected HOST:PORT, such as 127.0.0.1:0; got {text!r}")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def until_a_signal(port_file: Path | None) -> Iterator[Callable[[], object]]:
    """Yield a function that waits for SIGINT, SIGTERM or SIGHUP; later signals do not disturb the cleanup.

    A port file that a killed process left behind is removed first: a client would take its ports.
    """
    with contextlib.suppress(KeyboardInterrupt), common.cleaning_up():
        if port_file:
            with contextlib.suppress(OSError):  # writing the file later reports the reason
                port_file.unlink()
        yield threading.Event().wait


def server(application: "WSGIApplication", bind: tuple[str, int], tls: "ssl.SSLContext | None" = None) -> "Server":
    """Return a server on an address; raise ClickException where that cannot be taken."""
    from otagw.testing.server import Server  # noqa: PLC0415 - `otagw serve` loads nothing of otagw.testing

    try:
        return Server(application, bind, tls)
    except OSError as error:
        raise taken(bind, error) from None


def taken(bind: tuple[str, int], error: OSError) -> click.ClickException:
    """Return what says that an address cannot be taken."""
    return click.ClickException(f"cannot serve on {bind[0]}:{bind[1]}: {error.strerror}")


@contextlib.contextmanager
def port_file(file: Path | None, text: str) -> Iterator[None]:
    """Keep a port file while the command serves; the file appears whole."""
    if file is None:
        yield
        return
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise click.ClickException(f"--port-file: {file} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            if file.read_text(encoding="utf-8") == text:  # another server may have replaced it
                file.unlink()
