"""Exceptions of every kind, for a development server."""
import logging
import sys
import threading
import time

log = logging.getLogger("shop")
LIMIT = 3


class Cart:
    __slots__ = ("owner", "items")

    def __init__(self, owner, items):
        self.owner, self.items = owner, items


class Angry:
    def __repr__(self):
        raise RuntimeError("no")


class Endless:
    def __repr__(self):
        while True:
            pass


class Drowsy:
    def __repr__(self):
        woken.wait(20)
        return "<Drowsy>"


woken = threading.Event()


def price(name, catalogue):
    try:
        return catalogue[name] * 2
    except KeyError as e:
        raise ValueError("no price for %r" % name) from e


def chain(environ):
    log.warning("billing %s", "ada")
    print("printed", "here")
    cart = Cart("ada", [{"name": "distaff", "more": [1, [2, [3, [4]]]]}])
    ring = {"n": 1}
    ring["self"] = ring
    password, headers = "hush", {"api_key": "hush", "plain": "shown", "pair": ("token", "hush")}
    angry, many = Angry(), list(range(1000))
    return price("distaff", {"whorl": 120})


def endless(environ):
    before, endless, after = 1, Endless(), 2
    raise LookupError("endless")


def drowsy(environ):
    before, drowsy, after = 1, Drowsy(), 2
    raise LookupError("drowsy")


def group(environ):
    errors = []
    for name in "ab":
        try:
            price(name, {})
        except ValueError as e:
            errors.append(e)
    raise ExceptionGroup("several", errors)


def syntax(environ):
    compile('name = "\u00e9" + foo bar\n', "made up.py", "exec")


def again(environ):
    try:
        raise KeyError("first")
    except KeyError:
        raise TypeError("second")


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    if name == "threads":
        woken.set()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [" ".join(t.name for t in threading.enumerate()).encode(), b" ", type(sys.stdout).__name__.encode()]
    return globals()[name](environ)


def faulty(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/none":
        start_response("204 No Content", [])
        return [b"abc", b"de"]
    if path == "/pieces":
        start_response("304 Not Modified", [])
        return iter([b"ab", b"c"])
    more = [("Content-Length", "9")] if path == "/less" else [("Connection", "close")]
    start_response("200 OK", [("Content-Type", "text/plain")] + more)
    return [b"abc"]
