"""config/gunicorn.conf.py with limits on time that a test can wait for."""

from otagw import edge, server, settings

globals().update(server.options(settings.load()))
edge.HEAD_SECONDS = edge.STEP_SECONDS = 1.0
edge.WRITE_SECONDS = 2.0
keepalive = 1
