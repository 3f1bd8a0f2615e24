# Values as a person looks at them: a part of the program for a development server, which
# begins with link.py. Nothing here trusts what it looks at: a repr may raise, may take
# for ever, may be a book.

import collections.abc
import inspect
import itertools
import json
import re
import reprlib

SECRETS = ("API", "TOKEN", "KEY", "SECRET", "PASS", "SIGNATURE", "AUTHORIZATION", "CREDENTIAL")
MASK = "\u2022" * 6
MOST_PARTS, MOST_REFS, MOST_TEXT = 25, 5000, 400
REPR_SECONDS = 0.25
SPOKEN = re.compile(
    r"""(\w*(?:%s)\w*['"]?\s?[=:]\s?)(['"](?:\\.|[^'"\\])*['"]|[^\s,;)}\]>'"]+)""" % "|".join(SECRETS), re.IGNORECASE)


ASKED = re.compile(r"""((?:^b?['"]|[?&])\w*(?:%s)\w*=)([^&\s'"]+)""" % "|".join(SECRETS), re.IGNORECASE)


class TooSlow(BaseException):
    """Raised in what takes longer than it may."""


def in_time(seconds, f, *args):
    """f(*args), or TooSlow out of whatever code of Python it runs."""
    end = time.monotonic() + seconds

    def trace(frame, event, arg):
        if time.monotonic() > end:
            raise TooSlow
        return trace

    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: None if frame.f_code.co_filename == OURSELVES else trace(frame, event, arg))
    try:
        return f(*args)
    finally:
        sys.settrace(before)


def is_secret(name):
    name = name.upper() if isinstance(name, str) else ""
    return name == "HTTP_COOKIE" or any(word in name for word in SECRETS)


def hides(name, value):
    """Tell whether value is not shown because of its name."""
    if not is_secret(name) or isinstance(value, (bool, int, float, type(None))):
        return False
    return not isinstance(value, type) and not callable(value) and value != "" and value != b""


def hides_pair(x):
    """Tell of a name with its secret, as in lists of fields."""
    return type(x) is tuple and len(x) == 2 and isinstance(x[1], (str, bytes)) and hides(x[0], x[1])


def masked(text):
    """Text without secrets of a query in it."""
    return ASKED.sub(lambda m: m.group(1) + MASK, text)


class Bounded(reprlib.Repr):
    """Text of any value, short, on one line, without secrets as far as they have a name."""

    def __init__(self):
        super().__init__()
        self.maxlevel = 3
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = self.maxarray = 8
        self.maxstring = 120
        self.maxother = 160

    def text(self, x):
        """The text of x, and whether it is one that x gave."""
        try:
            text = in_time(REPR_SECONDS, self.repr, x)
        except TooSlow:
            return "<%s whose repr takes too long>" % type(x).__name__, False
        except Exception as e:
            return "<%s whose repr raises %s>" % (type(x).__name__, type(e).__name__), False
        if len(text) > MOST_TEXT:
            text = text[:MOST_TEXT] + " \u2026"
        return text.replace("\n", " "), not text.startswith("<") or " whose repr " not in text

    def repr1(self, x, level):
        try:
            if isinstance(x, collections.abc.Mapping):
                return self.mapping(x, level)
            return super().repr1(x, level)
        except Exception as e:
            return "<%s whose repr raises %s>" % (type(x).__name__, type(e).__name__)

    def mapping(self, x, level):
        before, behind = ("", "") if type(x) is dict else (type(x).__name__ + "(", ")")
        if level <= 0:
            return before + "{...}" + behind
        parts = []
        for key in itertools.islice(x, self.maxdict):
            value = x[key]
            shown = repr(MASK) if hides(key, value) else self.repr1(value, level - 1)
            parts.append(self.repr1(key, level - 1) + ": " + shown)
        if len(x) > self.maxdict:
            parts.append("... %d more" % (len(x) - self.maxdict))
        return before + "{" + ", ".join(parts) + "}" + behind

    def repr_tuple(self, x, level):
        if hides_pair(x):
            return "(%s, %r)" % (self.repr1(x[0], level - 1), MASK)
        return super().repr_tuple(x, level)

    def repr_str(self, x, level):
        return masked(super().repr_str(x, level))

    def repr_bytes(self, x, level):  # as reprlib does not
        return masked(repr(x[: self.maxstring]) + ("..." if len(x) > self.maxstring else ""))

    def repr_int(self, x, level):
        return "<an int of %d bits>" % x.bit_length() if x.bit_length() > 4000 else super().repr_int(x, level)

    def repr_instance(self, x, level):
        return SPOKEN.sub(lambda m: m.group(1) + MASK, super().repr_instance(x, level))


def name_of(kind):
    """A type as it is named in the source."""
    module, name = getattr(kind, "__module__", ""), getattr(kind, "__qualname__", str(kind))
    return name if module in ("builtins", "__main__", None) else "%s.%s" % (module, name)


def type_of(x):
    """The type of x, and how long x is."""
    text = name_of(type(x))
    if isinstance(x, (str, bytes, bytearray, list, tuple, dict, set, frozenset, collections.abc.Mapping, collections.abc.Sequence)):
        try:
            n = in_time(REPR_SECONDS, len, x)
            if n > 40 or not isinstance(x, (str, bytes)):  # it can be seen otherwise
                text += ", %d" % n
        except (Exception, TooSlow):
            pass
    return text


def attributes_of(x):
    """Name and value of what an object holds, without running its own code."""
    found = {}
    try:
        found.update(object.__getattribute__(x, "__dict__"))
    except (AttributeError, TypeError, ValueError, RuntimeError):
        pass
    for kind in type(x).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            member = inspect.getattr_static(kind, name, None)
            if isinstance(name, str) and inspect.ismemberdescriptor(member):
                try:
                    found.setdefault(name, member.__get__(x, kind))
                except AttributeError:
                    pass  # not set
    if isinstance(x, BaseException) and x.args:
        found.setdefault("args", x.args)
    return [(k, v) for k, v in found.items() if isinstance(k, str) and not (k.startswith("__") and k.endswith("__"))]


def parts_of(x, start, most):
    """Name and value of the parts of x from start on, most at most, and how many there are."""
    if isinstance(x, (str, bytes, bytearray, int, float, complex, bool, type(None), type)) or inspect.isroutine(x) or inspect.ismodule(x) or inspect.iscode(x) or hides_pair(x):
        return [], 0
    if isinstance(x, collections.abc.Mapping):
        keys = list(itertools.islice(iter(x), start, start + most))
        return [(k if isinstance(k, str) else Label(Bounded().text(k)[0]), x[k]) for k in keys], len(x)
    if isinstance(x, tuple) and hasattr(type(x), "_fields"):
        return list(zip(type(x)._fields, x))[start : start + most], len(x)
    if isinstance(x, (list, tuple, collections.deque)):
        return [(Label(i), v) for i, v in itertools.islice(enumerate(x), start, start + most)], len(x)
    if isinstance(x, (set, frozenset)):
        return [(Label(""), v) for v in itertools.islice(x, start, start + most)], len(x)
    found = attributes_of(x)
    return found[start : start + most], len(found)


class Label:
    """The name of a part that has none of its own, which says nothing of secrets."""

    def __init__(self, text):
        self.text = str(text)

    def __str__(self):
        return self.text


class Viewer:
    """Makes trees of values, and remembers what can be asked for later. It stops in time."""

    def __init__(self, refs, seconds, size):
        self.refs = refs
        self.end = time.monotonic() + seconds
        self.room = size  # bytes, as far as they are known

    def value(self, name, x, depth, above=()):
        """x as a tree, of depth levels below it."""
        label = str(name)
        v = {"name": label if len(label) <= 80 else label[:80] + " \u2026", "type": type_of(x)}
        self.room -= 60 + len(label)
        if hides(name, x):
            v["text"] = MASK
            return v
        if time.monotonic() > self.end:
            v["text"], v["lost"] = "not looked at: the values before it took too long", True
            return v
        v["text"], good = Bounded().text(x)
        if not good:
            v["lost"] = True
        self.room -= len(v["text"])
        if id(x) in above:
            v["text"] += " \u21ba"  # it is on the way to itself
            return v
        self.open(v, x, depth, above)
        return v

    def open(self, v, x, depth, above):
        """Put the parts of x into v, or what to ask for to get them."""
        try:
            deep = depth > 0 and self.room > 0
            parts, n = in_time(REPR_SECONDS, parts_of, x, 0, MOST_PARTS if deep else 0)
        except (Exception, TooSlow):
            return
        if n == 0:
            return
        if len(self.refs) < MOST_REFS:
            self.refs.append(x)
            v["ref"] = len(self.refs)
        if parts:
            v["parts"] = [self.value(k, p, depth - 1, above + (id(x),)) for k, p in parts]
        if n > len(parts):
            v["more"] = n - len(parts)

    def parts(self, x, start):
        """What open has left out, from start on."""
        parts, n = in_time(4 * REPR_SECONDS, parts_of, x, start, 4 * MOST_PARTS)
        return {"parts": [self.value(k, p, 0, (id(x),)) for k, p in parts], "left": max(n - start - len(parts), 0)}
