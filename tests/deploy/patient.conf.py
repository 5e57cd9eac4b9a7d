"""config/gunicorn.conf.py that waits for its clients for longer than any test does: what they hold up stays held up."""

from otagw import settings
from otagw.server import connection, supervisor

globals().update(supervisor.options(settings.load()))
connection.HEAD_SECONDS = connection.STEP_SECONDS = connection.WRITE_SECONDS = keepalive = 3600
