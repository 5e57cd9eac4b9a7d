"""The application as gunicorn loads it: ``otagw.wsgi:app``, by the settings of the environment."""

from otagw import settings
from otagw.app import create_app

app = create_app(settings.load())
