"""``make demo``: a gateway, a package, a rollout and fifty devices, from nothing, in about a minute.

It runs the commands that a newcomer would, and reads the gateway's answers; what it makes is gone when it ends.
"""

import tempfile
from pathlib import Path

import click

from otagw.server import supervisor


def main() -> None:
    """Tell the story; end with 0 if it went as it should, with 1 if a signal stopped it or it went wrong."""
    # From here on a signal raises nothing: an exception could come between the making of a process or a folder and the
    # code that ends it. SIGINT is caught even where a shell that runs its jobs in the background has ignored it.
    received = supervisor.signals()
    from otagw.simulator import story  # noqa: PLC0415 - after the signals: it takes its time to load

    try:
        with tempfile.TemporaryDirectory(prefix="otagw-demo-") as folder:
            story.tell(Path(folder), received.empty)
        if not received.empty():
            raise story.Stopped
    except story.Stopped:
        raise SystemExit("\nStopped; nothing is left of it.") from None
    except story.Wrong as error:
        raise SystemExit(f"\nThe demo went wrong: {error}") from None
    click.echo(
        "\nNext: `make run` for a gateway that stays, and docs/getting-started.md for the same steps by hand;\n"
        "      `otagw simulate --help` for fleets of your own, and docs/device-api.md for real devices."
    )


if __name__ == "__main__":
    main()
