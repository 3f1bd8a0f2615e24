# The frames of an exception with their variables, for a development server: a part of the
# program that begins with link.py.

SECRETS = ("API", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "AUTHORIZATION", "CREDENTIAL")
MOST_FRAMES, MOST_LOCALS, MOST_BYTES = 40, 40, 128 << 10


def is_secret(name):
    name = name.upper() if isinstance(name, str) else ""
    return any(word in name for word in SECRETS)


class Bounded(reprlib.Repr):
    """Text of any value, short, whatever the value does when it is asked for it."""

    def __init__(self):
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = 8
        self.maxstring = 64
        self.maxother = 120

    def repr1(self, x, level):
        try:
            return super().repr1(x, level)
        except Exception as e:
            return "<%s whose repr raises %s>" % (type(x).__name__, type(e).__name__)

    def repr_dict(self, x, level):
        if level <= 0:
            return "{...}"
        parts = []
        for key in itertools.islice(x, self.maxdict):
            value = repr("\u2022" * 6) if is_secret(key) and isinstance(x[key], (str, bytes)) and x[key] else self.repr1(x[key], level - 1)
            parts.append(self.repr1(key, level - 1) + ": " + value)
        if len(x) > self.maxdict:
            parts.append("... %d more" % (len(x) - self.maxdict))
        return "{" + ", ".join(parts) + "}"


def variables_of(names):
    found = []
    for name, value in itertools.islice(names.items(), MOST_LOCALS):
        if name.startswith("__") and name.endswith("__") or isinstance(value, type(sys)):
            continue  # modules, and what every module has
        text = "\u2022" * 6 if is_secret(name) and not isinstance(value, (bool, int, float)) else Bounded().repr(value)
        found.append({"name": name, "type": type(value).__name__, "text": text})
    return found


def frame_of(f, line):
    names = f.f_locals
    return {
        "function": f.f_globals.get("__name__", "") + "." + getattr(f.f_code, "co_qualname", f.f_code.co_name),
        "file": os.path.abspath(f.f_code.co_filename), "line": line,
        "locals": variables_of(names) if names is not f.f_globals else []}


def frames_of(exc, tb):
    """The frames as JSON, where the exception was raised first, then those of what it comes
    from; with as much as has room."""
    frames = []
    if isinstance(exc, SyntaxError) and exc.filename:
        frames.append({"function": "<source>", "file": exc.filename, "line": exc.lineno or 0})
    causes, shown = [], set()
    while exc is not None and len(causes) < 16:
        text = str(exc)
        causes.append({"type": type(exc).__name__, "text": text if len(text) < 4096 else text[:4096] + " ..."})
        walked = [(f, line) for f, line in traceback.walk_tb(tb) if f.f_code.co_filename != OURSELVES and (id(f), line) not in shown]
        shown.update((id(f), line) for f, line in walked)
        frames.extend(frame_of(f, line) for f, line in reversed(walked[-MOST_FRAMES:]))
        exc = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
        tb = getattr(exc, "__traceback__", None)
    while True:
        text = json.dumps({"causes": causes, "frames": frames})
        if len(text) <= MOST_BYTES or not frames:
            return text
        if not any(f.pop("locals", None) for f in frames[len(frames) // 2:]):
            frames = frames[:len(frames) // 2]


def let_through(application):
    """Have a framework that answers for exceptions itself, with a bare page, raise them."""
    config = getattr(application, "config", None)
    if "flask" in sys.modules and isinstance(config, dict) and config.get("PROPAGATE_EXCEPTIONS", 0) is None:
        config["PROPAGATE_EXCEPTIONS"] = True
    if "bottle" in sys.modules and getattr(application, "catchall", False) is True:
        application.catchall = False
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is not None and settings.configured and not settings.DEBUG:
        settings.DEBUG_PROPAGATE_EXCEPTIONS = True
