"""The gateway's gunicorn configuration as ``otagw serve`` loads it; config/gunicorn.conf.py is the same by hand."""

from otagw import server, settings

globals().update(server.options(settings.load()))
