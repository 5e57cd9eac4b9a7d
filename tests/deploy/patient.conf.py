"""config/gunicorn.conf.py that waits for its clients for longer than any test does: what they hold up stays held up."""

from otagw import settings
from otagw.server import connection, supervisor

globals().update(supervisor.options(settings.load()))
connection.HEAD_SECONDS = connection.BODY_GRACE_SECONDS = connection.BODY_SECONDS = connection.WRITE_SECONDS = 3600
keepalive = 3600
