"""config/gunicorn.conf.py that waits for its clients for longer than any test does: what they hold up stays held up."""

from otagw import connection, server, settings

globals().update(server.options(settings.load()))
connection.HEAD_SECONDS = connection.STEP_SECONDS = connection.WRITE_SECONDS = keepalive = 3600
