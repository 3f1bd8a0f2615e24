# What a request prints and logs: a part of the program for a development server, which
# begins with link.py.

import logging

MOST_LINES, MOST_LINE = 200, 2000


class Journal(threading.local):
    """The lines of the request that this thread works on."""

    def __init__(self):
        self.lines = None
        self.open = {}  # stream: the beginning of a line
        self.quiet = False  # what is printed is a record, which is here already
        self.taken = None  # where prints go instead: the console's

    def begin(self):
        self.lines = collections.deque(maxlen=MOST_LINES)
        self.open.clear()
        self.began = time.monotonic()

    def add(self, kind, text, name=""):
        if self.lines is not None and text:
            self.lines.append({"after": int((time.monotonic() - self.began) * 1e6), "kind": kind, "name": name, "text": text[:MOST_LINE]})

    def printed(self, kind, text):
        if self.lines is None or self.quiet:
            return
        *whole, rest = (self.open.get(kind, "") + text).split("\n")
        for line in whole:
            self.add(kind, line.rstrip())
        self.open[kind] = rest[:MOST_LINE]

    def all(self):
        for kind, rest in list(self.open.items()):
            self.add(kind, rest.rstrip())
        self.open.clear()
        return list(self.lines or ())


JOURNAL = Journal()


class Tee:
    """A standard stream of which the lines are kept, too."""

    def __init__(self, stream, kind):
        self.__dict__.update(stream=stream, kind=kind)

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def __setattr__(self, name, value):
        setattr(self.stream, name, value)

    def __iter__(self):
        return iter(self.stream)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def write(self, text):
        if JOURNAL.taken is not None:
            return JOURNAL.taken.write(text)
        n = self.stream.write(text)
        JOURNAL.printed(self.kind, text)
        return n

    def writelines(self, lines):
        for line in lines:
            self.write(line)


def listen():
    """Keep what is printed and logged from now on."""
    sys.stdout, sys.stderr = Tee(sys.stdout, "stdout"), Tee(sys.stderr, "stderr")
    pass_on = logging.Logger.callHandlers

    def callHandlers(self, record):
        before = JOURNAL.quiet
        try:
            JOURNAL.add(record.levelname, record.getMessage(), record.name)
            JOURNAL.quiet = True
        except Exception:
            pass  # its arguments do not fit: logging says so itself
        try:
            pass_on(self, record)
        finally:
            JOURNAL.quiet = before

    logging.Logger.callHandlers = callHandlers
