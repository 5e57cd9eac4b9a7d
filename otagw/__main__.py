"""Run the command line as ``python -m otagw``."""

from otagw.cli import main

main()
