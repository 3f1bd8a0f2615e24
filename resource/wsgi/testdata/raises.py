import json


def setup():
    json.loads("{")


setup()
