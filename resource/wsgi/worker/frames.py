# An exception with its frames and their variables: a part of the program for a
# development server, which begins with link.py.

import linecache
import urllib.parse

MOST_CAUSES, MOST_FRAMES, MOST_LOCALS, MOST_BYTES = 16, 40, 60, 128 << 10
OF_ALL = ("config", "request", "session", "g", "user", "perms", "messages")  # templates
LOOK_SECONDS = 0.75  # for all variables of all frames


class Frame:
    """One call, or a place in a template: what is sent of it, and what its console works with."""

    def __init__(self, cause, function, file, line, names, module=None, columns=(0, 0), text=None):
        self.names, self.module = names, module if module is not None else {}
        self.template = function.startswith("template ")
        self.shown = {"function": function, "file": file, "line": line, "cause": cause}
        if columns[0]:
            self.shown["column"], self.shown["end"] = columns
        lines = text.split("\n") if text is not None else self.hidden_source(file, module)
        if lines and 0 < line <= len(lines):
            first = max(line - 5, 0)
            self.shown["source"] = {"first": first + 1, "lines": [s.expandtabs(4)[:400] for s in lines[first : line + 4]]}

    @staticmethod
    def hidden_source(file, module):
        """The source of what is in no file, if somebody keeps it."""
        if os.path.isfile(file):
            return None
        try:
            return [s.rstrip("\n") for s in linecache.getlines(file, module)]
        except Exception:
            return None


def columns_of(tb, file, line):
    """Where in its line a frame was, counted in bytes from 1, and where that ends."""
    try:
        at, end, first, last = next(itertools.islice(tb.tb_frame.f_code.co_positions(), tb.tb_lasti // 2, None))
    except (AttributeError, StopIteration):
        return 0, 0
    if at != line or first is None or last is None:
        return 0, 0
    source = linecache.getline(file, line, tb.tb_frame.f_globals).rstrip("\n")
    width = len(source.encode("utf-8", "replace"))
    if end != at:
        last = width
    if first == width - len(source.lstrip().encode("utf-8", "replace")) and last >= width or last <= first:
        return 0, 0  # all of the line says nothing
    return first + 1, last + 1


def syntax_frame(cause, exc):
    """Where the source could not be understood."""
    line, text = exc.lineno or 0, exc.text or ""
    column, end = exc.offset or 0, getattr(exc, "end_offset", None) or 0
    if getattr(exc, "end_lineno", line) not in (line, None) or end <= column:
        end = column + 1

    def in_bytes(n):
        return len(text[: n - 1].encode("utf-8", "replace")) + 1

    columns = (in_bytes(column), in_bytes(end)) if column > 0 else (0, 0)
    lines = None if os.path.isfile(exc.filename) else "\n" * (line - 1) + text.rstrip("\n")
    return Frame(cause, "<source>", exc.filename, line, {}, columns=columns, text=lines)


def place_in_template(exc, f, names, before):
    """Template, line, source and variables where f renders a part of a template of Django;
    Jinja has such frames itself."""
    if f.f_code.co_name not in ("render_annotated", "compile_nodelist") or f.f_globals.get("__name__") != "django.template.base":
        return None
    node = names.get("self")
    token = getattr(node, "token", None) or getattr(exc, "token", None)
    origin = getattr(node, "origin", None)
    if token is None or origin is None:
        return None
    found = {}
    context = names.get("context")
    for layer in getattr(context, "dicts", ()):
        found.update((k, v) for k, v in layer.items() if k not in ("True", "False", "None", "csrf_token"))
    name = str(getattr(origin, "template_name", None) or origin)
    text = None
    if not os.path.isfile(str(origin.name)):
        owners = (b.names.get("self") for b in reversed(before))
        text = next((str(t.source) for t in owners if getattr(t, "origin", None) is origin and hasattr(t, "source")), None)
    return str(origin.name), "template " + name, token.lineno, found, text


def walk(cause, exc, tb, seen):
    """The frames of a traceback, outermost first, without ours and what was seen already."""
    found = []
    while tb is not None:
        f, line = tb.tb_frame, tb.tb_lineno
        file = f.f_code.co_filename
        if file != OURSELVES and (id(f), line) not in seen:
            seen.add((id(f), line))
            names = f.f_locals
            if names.get("__traceback_hide__") is not True:
                found.append(frame_of(cause, tb, f, file, line, names, found))
                place = place_in_template(exc, f, names, found)
                if place:
                    in_template(cause, found, *place)
        tb = tb.tb_next
    return found


def frame_of(cause, tb, f, file, line, names, before):
    function = f.f_globals.get("__name__", "") + "." + getattr(f.f_code, "co_qualname", f.f_code.co_name)
    text, columns = None, columns_of(tb, file, line)
    if "__jinja_exception__" in f.f_globals:
        function, columns = "template " + os.path.basename(file), (0, 0)
        if file == "<template>":
            text = next((b.names.get("source") for b in reversed(before) if isinstance(b.names.get("source"), str)), None)
    elif not file.startswith("<"):
        file = os.path.abspath(file)
    shown = names if names is not f.f_globals else {}
    return Frame(cause, function, file, line, dict(shown), f.f_globals, columns, text)


def in_template(cause, found, file, function, line, names, text):
    """Add a place in a template; one that is in another of the same template replaces it."""
    for i in range(len(found) - 1, -1, -1):
        if found[i].template:
            if found[i].shown["function"] == function:
                del found[i]
            break
    found.append(Frame(cause, function, file, line, names, text=text))


def chain_of(exc):
    """exc and what it comes from: with how it is linked to the one before."""
    found, todo, seen = [], [("", exc)], set()
    while todo and len(found) < MOST_CAUSES:
        link, e = todo.pop(0)
        if e is None or id(e) in seen:
            continue
        seen.add(id(e))
        found.append((link, e))
        more = [("holds", m) for m in e.exceptions] if isinstance(getattr(e, "exceptions", None), tuple) else []
        if e.__cause__ is not None:
            more.append(("because", e.__cause__))
        elif not e.__suppress_context__:
            more.append(("while handling", e.__context__))
        todo[:0] = more
    return found


def text_of(exc, most):
    try:
        text = in_time(REPR_SECONDS, str, exc)
    except (Exception, TooSlow):
        text = "<its text can not be made>"
    for note in getattr(exc, "__notes__", None) or ():
        text += "\n" + str(note)
    return text if len(text) < most else text[:most] + " \u2026"


class Kept:
    """An exception as it was: its frames, and the values that can be asked for."""

    def __init__(self, exc, tb, contexts=(), files=None):
        self.frames, self.refs, self.contexts = [], [], list(contexts)
        self.causes = []
        seen = set()
        for i, (link, e) in enumerate(chain_of(exc)):
            if link == "holds":
                seen = set()  # each of a group has come its own way
            self.causes.append({"type": name_of(type(e)), "text": text_of(e, 500 if i else 4096), "link": link})
            if isinstance(e, SyntaxError) and e.filename:
                self.frames.append(syntax_frame(i, e))
            self.frames += reversed(walk(i, e, tb if e is exc else e.__traceback__, seen)[-MOST_FRAMES:])
        self.frames = self.frames[: 3 * MOST_FRAMES]

    def describe(self, taken):
        """Add the variables of the frames to what is known of them. taken tells whether it is
        too late."""
        viewer = Viewer(self.refs, LOOK_SECONDS, MOST_BYTES // 2)
        own = [f for f in self.frames if not is_library(f.shown["file"]) and "-packages" not in f.shown["file"]]
        for f in own + [f for f in self.frames if f not in own]:
            found = f.shown["locals"] = []
            names = sorted(f.names.items(), key=lambda n: n[0] in OF_ALL) if f.template else f.names.items()
            for name, x in itertools.islice(names, MOST_LOCALS):
                if taken():
                    return
                if name.startswith(("__", ".")) or inspect.ismodule(x) or f.template and callable(x):
                    continue  # modules, and what every module and every template has
                found.append(viewer.value(name, x, 2 if f in own else 0))


class Live:
    """No exception: the module of an application while it runs, for a console."""

    describe = Kept.describe

    def __init__(self, module):
        names = vars(module)
        self.refs, self.causes = [], [{"type": "Console", "text": "in the module %s of this worker, while it runs" % module.__name__, "link": ""}]
        self.frames = [Frame(0, module.__name__, getattr(module, "__file__", None) or "", 1, names, names)]
        self.contexts = [Again(x.app_context) for x in list(names.values()) if callable(getattr(type(x), "app_context", None))][:1]


class Again:
    """A context that is made each time that it is entered, by each thread, as Flask's."""

    def __init__(self, make):
        self.make, self.entered = make, threading.local()

    def __enter__(self):
        self.entered.context = self.make()
        return self.entered.context.__enter__()

    def __exit__(self, *why):
        return self.entered.context.__exit__(*why)


def as_json(doc):
    """doc with as many lines, variables and frames as have room."""

    def size(x):
        return len(json.dumps(x, ensure_ascii=False).encode("utf-8", "replace"))

    for bound in (doc["log"], doc["sections"], doc["environment"]):
        while bound and size(bound) > MOST_BYTES // 6:
            del bound[: len(bound) // 2 + 1]
    while size(doc) > MOST_BYTES and doc["frames"]:
        frames = doc["frames"]
        if not any(f.pop("locals", None) for f in frames[len(frames) // 2 :]):
            doc["frames"] = frames[: len(frames) // 2]
    return json.dumps(doc, ensure_ascii=False)
