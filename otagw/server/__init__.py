"""The only code that knows gunicorn: its worker class, its options, the supervisor of ``otagw serve``."""

from otagw.server.supervisor import options as options
