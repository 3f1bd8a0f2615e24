"""An application for the tests: one behaviour a path."""
import os
import signal
import sys
import time
import json
import tempfile

HTML = [("Content-Type", "text/plain")]
closed = []


class Closing:
    def __init__(self, inner):
        self.inner = iter(inner)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.inner)

    def close(self):
        closed.append(1)
        print("closed")


def hello(environ, start):
    start("200 OK", HTML)
    return [b"hello\n"]


def environ(environ, start):
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({k: v for k, v in environ.items() if isinstance(v, (str, bool))}).encode()]


def echo(environ, start):
    start("200 OK", HTML)
    return [environ["wsgi.input"].read()]


def count(environ, start):
    n, f = 0, environ["wsgi.input"]
    while True:
        data = f.read(100000)
        if not data:
            break
        n += len(data)
    start("200 OK", HTML)
    return [b"%d %s" % (n, environ.get("CONTENT_LENGTH", "none").encode())]


def lines(environ, start):
    f = environ["wsgi.input"]
    parts = [f.readline(), f.readline(3), b"|".join(f.readlines(1)), b"|".join(f), f.read(), f.readline()]
    start("200 OK", HTML)
    return [repr(parts).encode()]


def unread(environ, start):
    start("200 OK", HTML)
    return [b"no, thanks"]


def generator(environ, start):
    start("200 OK", HTML)
    yield b""
    for i in range(3):
        yield b"%d\n" % i


def empty(environ, start):
    start("200 OK", HTML)
    return []


def emptygen(environ, start):
    start("204 No Content", [])
    return iter([])


def many(environ, start):
    start("200 OK", HTML)
    return [b"a", b"", b"bc"]


def write(environ, start):
    w = start("200 OK", HTML)
    w(b"one ")
    w(b"two ")
    return [b"three"]


def big(environ, start):
    start("200 OK", HTML)
    return [b"0123456789abcdef" * 65536]


def endless(environ, start):
    start("200 OK", HTML)

    def parts():
        while True:
            yield b"x" * 65536

    return Closing(parts())


def sized(environ, start):
    start("200 OK", HTML + [("Content-Length", "6")])
    return Closing([b"abc", b"def"])


def short(environ, start):
    start("200 OK", HTML + [("Content-Length", "10")])
    return [b"abc"]


def shortgen(environ, start):
    start("200 OK", HTML + [("Content-Length", "10")])
    yield b"abc"


def long(environ, start):
    start("200 OK", HTML + [("Content-Length", "3")])
    return [b"abcdef"]


def longgen(environ, start):
    start("200 OK", HTML + [("Content-Length", "6")])
    yield b"abc"
    yield b"def"
    yield b"ghi"


def fail(environ, start):
    raise ValueError("on purpose")


def faillate(environ, start):
    start("200 OK", HTML)
    yield b"begun"
    raise ValueError("too late")


def excinfo(environ, start):
    start("200 OK", [("X-Old", "1")])
    try:
        raise ValueError("x")
    except ValueError:
        start("500 Oops", [("X-New", "1"), ("Content-Type", "text/plain")], sys.exc_info())
    return [b"mended"]


def excinfolate(environ, start):
    w = start("200 OK", HTML)
    w(b"begun")
    try:
        raise ValueError("raised again")
    except ValueError:
        start("500 Oops", HTML, sys.exc_info())
    return [b"never"]


def twice(environ, start):
    start("200 OK", HTML)
    start("200 OK", HTML)
    return []


def nostart(environ, start):
    return [b"x"]


def text(environ, start):
    start("200 OK", HTML)
    return ["text"]


def crlf(environ, start):
    start("200 OK", HTML + [("X-A", "1\r\nX-B: 2")])
    return [b"x"]


def nul(environ, start):
    start("200 OK", HTML + [("X-A", "1\0X-B\x002")])
    return [b"x"]


def badname(environ, start):
    start("200 OK", HTML + [("X A", "1")])
    return [b"x"]


def status101(environ, start):
    start("101 Switching Protocols", [])
    return []


def hopbyhop(environ, start):
    start("200 OK", HTML + [("Connection", "close"), ("Transfer-Encoding", "chunked"), ("Set-Cookie", " a=b"), ("Set-Cookie", "c=d"), ("Upgrade", "x")])
    return [b"x"]


def head(environ, start):
    start("200 OK", HTML + [("Content-Length", "1234")])
    return []


def unchanged(environ, start):
    start("304 Not Modified", [("ETag", '"x"')])
    return [b"dropped"]


def file(environ, start):
    f = tempfile.TemporaryFile()
    f.write(b"0123456789" * 20000)
    f.seek(5)
    start("200 OK", HTML)
    return environ["wsgi.file_wrapper"](f, 4096)


def filepart(environ, start):
    f = tempfile.TemporaryFile()
    f.write(b"0123456789")
    f.seek(2)
    start("200 OK", HTML + [("Content-Length", "4")])
    return environ["wsgi.file_wrapper"](f)


def fileless(environ, start):
    class Like:
        left = [b"a" * 10, b"b" * 10]

        def read(self, n):
            return self.left.pop(0) if self.left else b""

        def close(self):
            print("closed like")

    Like.left = [b"a" * 10, b"b" * 10]
    start("200 OK", HTML)
    return environ["wsgi.file_wrapper"](Like())


def die(environ, start):
    sys.stderr.write("these are my last words\n")
    os._exit(7)


def killed(environ, start):
    os.kill(os.getpid(), signal.SIGKILL)


def dielate(environ, start):
    start("200 OK", HTML + [("Content-Length", "100")])
    yield b"begun"
    os._exit(7)


def exits(environ, start):
    sys.exit(3)


def hang(environ, start):
    time.sleep(1000)


def hanglate(environ, start):
    start("200 OK", HTML)
    yield b"begun"
    time.sleep(1000)


def garbage(environ, start):
    import gc, socket

    for s in [o for o in gc.get_objects() if isinstance(o, socket.socket) and o.family == socket.AF_UNIX]:
        try:
            s.send(b"\xff\xff\xff\xff\xff garbage")
        except OSError:
            pass
    time.sleep(1000)


def closeall(environ, start):
    os.closerange(3, 100)
    start("200 OK", HTML)
    return [b"x"]


def errors(environ, start):
    environ["wsgi.errors"].write("to wsgi.errors\n")
    sys.stdout.write("to stdout\n")
    sys.stdout = sys.stderr = open(os.devnull, "w")
    start("200 OK", HTML)
    return [b"ok"]


def pid(environ, start):
    start("200 OK", HTML)
    return [b"%d" % os.getpid()]


def grow(environ, start):
    globals().setdefault("hoard", []).append(bytearray(b"x") * (64 << 20))
    time.sleep(1.05)
    start("200 OK", HTML)
    return [b"%d" % os.getpid()]


def slow(environ, start):
    time.sleep(0.3)
    start("200 OK", HTML)
    return [b"slow %d" % os.getpid()]


def application(environ, start):
    global app
    return globals()[environ["PATH_INFO"].strip("/").split("/")[0]](environ, start)
