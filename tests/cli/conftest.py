"""The command line in process: on an empty data folder, or on a gateway's data."""

import pytest
from click.testing import CliRunner

from otagw.cli import main


@pytest.fixture
def run(environment, monkeypatch):
    """Run a command with the settings of the test; return the text of both streams.

    The exit status has to be the expected one, and no traceback is printed.
    """
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def run_command(*words, status=0, **options):
        result = CliRunner().invoke(main, [*words], **options)
        assert result.exit_code == status, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        return result.output

    return run_command


@pytest.fixture
def otagw(make_app, run):
    """Run a command on the data of a prepared gateway."""
    make_app()
    return run
