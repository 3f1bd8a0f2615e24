# The console of a development server: what is asked of exceptions that are kept. A part of
# the program for a development server, which begins with link.py.
#
# A thread of its own reads the questions from a socketpair, whose other end the control
# has passed on, and has one more answer each. So requests go on, and an answer that never
# comes costs a thread.

import ast
import codeop
import contextlib
import ctypes

MOST_KEPT, MOST_ASKED, MOST_OUTPUT = 10, 8, 64 << 10
INTERRUPTED = "This takes longer than %g s, and was interrupted."
GONE = "the frames of this exception are not kept any more: only those of the last %d of a worker are" % MOST_KEPT


class Names(dict):
    """The names of a frame: its variables, which entries may change, and behind them those of
    its module."""

    def __init__(self, names, module):
        super().__init__(names)
        self.module = module
        self.setdefault("__builtins__", module.get("__builtins__", __builtins__))

    def __missing__(self, name):
        return self.module[name]


class Taken(io.StringIO):
    """What an entry prints, with a bound."""

    def write(self, text):
        room = MOST_OUTPUT - self.tell()
        if room > 0:
            super().write(text if len(text) <= room else text[:room] + "\n\u2026 and more")
        return len(text)


class Console:
    def __init__(self, control):
        self.sock, theirs = socket.socketpair()
        self.lock = threading.Lock()
        self.kept = {}
        self.number = 0
        self.entries = 0
        self.busy = threading.Semaphore(MOST_ASKED)
        control.pass_on(theirs, b"K")
        theirs.close()
        threading.Thread(target=self.listen, name="spindle-console", daemon=True).start()

    def keep(self, kept):
        """The number under which kept can be asked for."""
        with self.lock:
            self.number += 1
            self.kept[self.number] = kept
            self.kept.pop(self.number - MOST_KEPT, None)
            return self.number

    def listen(self):
        stream = self.sock.makefile("rb")
        while True:
            head = stream.read(5)
            if len(head) < 5:
                return
            question = json.loads(stream.read(int.from_bytes(head[1:], "big")))
            threading.Thread(target=self.answer, args=(question,), name="spindle-console-answer", daemon=True).start()

    def answer(self, question):
        answer = self.answer_in_time(question)
        answer["n"] = question["n"]
        data = json.dumps(answer).encode("utf-8", "replace")
        if len(data) > 200 << 10:
            data = json.dumps({"n": question["n"], "error": "The answer is too long."}).encode()
        with self.lock, contextlib.suppress(OSError):
            self.sock.sendall(frame(b"A", data))

    def answer_in_time(self, question):
        """The answer of a thread, which is interrupted when it takes too long."""
        if question["do"] == "open":
            return self.open(question["source"])
        kept = self.kept.get(question["kept"])
        if kept is None:
            return {"gone": GONE}
        if not self.busy.acquire(blocking=False):
            return {"error": "%d entries are still running in this worker." % MOST_ASKED}
        answer = {}
        t = threading.Thread(target=self.work, args=(kept, question, answer), name="spindle-console-entry", daemon=True)
        t.start()
        within = question["within"]
        t.join(within)
        if t.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(t.ident), ctypes.py_object(TooSlow))
            t.join(1)
        if t.is_alive():
            return {"error": "This takes longer than %g s. It is still running in the worker, and what it gives is not shown." % within}
        return dict(answer) or {"error": INTERRUPTED % within}

    def open(self, target):
        """What a console of the application works with: the names of its module, as they are
        at each entry."""
        name = target.partition(":")[0]
        if name.endswith(".py") or "/" in name:
            name = os.path.splitext(os.path.basename(name))[0]
        if name not in sys.modules:
            return {"error": "the module %s is not loaded" % name}
        live = Live(sys.modules[name])
        live.describe(lambda: False)
        f = live.frames[0]
        f.names = Names({}, f.module)
        doc = {"kept": self.keep(live), "causes": live.causes, "frames": [f.shown], "log": [], "sections": [], "environment": environment()}
        return {"opened": json.loads(as_json(doc))}

    def work(self, kept, question, answer):
        try:
            if question["do"] == "parts":
                answer.update(Viewer(kept.refs, 4 * REPR_SECONDS, MOST_BYTES // 4).parts(kept.refs[question["ref"] - 1], question["from"]))
            else:
                answer.update(self.run(kept, kept.frames[question["frame"]], question["source"], question["within"]))
        except TooSlow:
            pass
        except Exception as e:
            answer["error"] = "%s: %s" % (type(e).__name__, e)
        finally:
            self.busy.release()

    def run(self, kept, f, source, within):
        """Run an entry in the names of a frame."""
        if not isinstance(f.names, Names):
            f.names = Names(f.names, f.module)
        self.entries += 1
        file = "<console %d>" % self.entries
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        linecache.cache.pop("<console %d>" % (self.entries - 50), None)
        out, answer = Taken(), {}
        JOURNAL.taken = out
        try:
            if codeop.compile_command(source, file, "exec") is None:
                return {"more": True}
            with contextlib.ExitStack() as around:
                for context in kept.contexts:
                    with contextlib.suppress(Exception):
                        around.enter_context(context)
                value = self.execute(f.names, source, file)
                if value is not None:
                    f.names["_"] = value
                    answer["value"] = Viewer(kept.refs, 4 * REPR_SECONDS, MOST_BYTES // 4).value("", value, 2)
        except TooSlow:
            answer["error"] = INTERRUPTED % within
        except BaseException as e:
            tb = e.__traceback__
            while tb is not None and tb.tb_frame.f_code.co_filename != file:
                tb = tb.tb_next
            answer["error"] = "".join(traceback.format_exception(type(e), e, tb))[-8192:].rstrip()
        finally:
            JOURNAL.taken = None
        if out.getvalue():
            answer["output"] = out.getvalue()
        return answer or {"done": True}

    @staticmethod
    def execute(names, source, file):
        """The value of the last expression of source."""
        tree = ast.parse(source, file)
        last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            exec(compile(tree, file, "exec"), names)
        return eval(compile(last, file, "eval"), names) if last is not None else None


class WatchedAnswer(Answer):
    """An answer that tells of content which it drops."""

    __slots__ = ("told",)

    def tell(self, data):
        if data and self.head[:3] in (b"204", b"304") and not hasattr(self, "told"):
            self.told = True
            self.link.send(frame(b"N", b"%d" % len(data)))

    def piece(self, data):
        self.tell(data)
        super().piece(data)

    def whole(self, data, last):
        if self.head is not None:
            self.tell(data)
        super().whole(data, last)


def stop_here(*args, **kwargs):
    """breakpoint(): the debugger, whose lines are read from what somebody types into the
    development server. Its prompt is a line, since lines are what is shown."""
    import pdb

    p = pdb.Pdb(nosigint=True)
    p.prompt = "(Pdb)\n"
    print("a breakpoint: key i, then type for the debugger (c goes on); Ctrl-D takes the keys back")
    p.set_trace(sys._getframe(1))


class Developer:
    """What a worker of a development server does more than others."""

    def __init__(self, control):
        if "PYTHONBREAKPOINT" not in os.environ:
            sys.breakpointhook = stop_here
        self.errors = sys.stderr
        self.console = Console(control)

    def begins(self, environ):
        """A request begins."""
        JOURNAL.begin()
        environ["werkzeug.debug.preserve_context"] = JOURNAL.contexts = Contexts()

    def failed(self, exc, tb, environ, send):
        """Have send send all that is known of an exception; without the variables when these
        take too long."""
        kept = Kept(exc, tb, JOURNAL.contexts)
        doc = {"kept": self.console.keep(kept), "causes": kept.causes, "log": JOURNAL.all(), "sections": [], "environment": environment()}
        once, done = threading.Lock(), threading.Event()

        def tell(late=False):
            with once:
                if not done.is_set():
                    done.set()
                    frames = [{**f.shown, "locals": list(f.shown.get("locals", ()))} for f in kept.frames]
                    if late and frames:
                        frames[0]["locals"].append({"name": "\u2026", "type": "", "lost": True, "text": "more were not looked at: it took too long"})
                    send(as_json({**doc, "frames": frames}))

        late = threading.Timer(2 * LOOK_SECONDS, tell, (True,))
        late.daemon = True
        late.start()
        try:
            with contextlib.suppress(Exception):
                doc["sections"] = sections_of(kept, environ)
            kept.describe(done.is_set)
        finally:
            late.cancel()
            tell()


class Contexts(list):
    """Takes the contexts of a request that Flask would leave."""

    def __call__(self, context):
        if context is not None:
            self.append(context)
