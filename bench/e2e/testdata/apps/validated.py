"""The application of app.py in the current directory, watched by wsgiref.validate."""
from wsgiref.validate import validator

from app import application as inner

application = validator(inner)
