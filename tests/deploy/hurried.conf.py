"""config/gunicorn.conf.py with limits on time that a test can wait for."""

from otagw import settings
from otagw.server import connection, supervisor

globals().update(supervisor.options(settings.load()))
connection.HEAD_SECONDS = connection.BODY_GRACE_SECONDS = 1.0
connection.WRITE_SECONDS = 2.0
keepalive = 1
