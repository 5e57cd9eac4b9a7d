"""The gateway's gunicorn configuration, as ``otagw serve`` and config/gunicorn.conf.py load it."""

from otagw import server, settings

globals().update(server.options(settings.load()))
