# gunicorn -c config/gunicorn.conf.py otagw.wsgi:app
#
# The server of `otagw serve`, without its supervisor. Everything comes from otagw's own settings; to change one of
# gunicorn's, assign it below, e.g. worker_connections = 1000.
from otagw import server, settings

globals().update(server.options(settings.load()))
