# The stem: a process that has loaded what is not the application's, and of which workers are
# forked. A part of the program for a development server, which begins with link.py.
#
# It loads the modules that the last worker told of, in the order in which that one did, and
# finds out what each of them does. A module that must not be there before the application
# is left out: it starts a thread, opens something, is patched, reads a variable that the
# application sets, loads a module of the application, fails without it. What has been loaded
# by then is not as it should be, so the stem tells the server which those are, and ends;
# the next one leaves them out, and all that would load them.

import array
import atexit
import contextlib
import gc
import random
import select
import signal
import weakref

# What is not made for a fork, whatever it does while it is loaded.
UNSAFE = ("grpc", "torch", "tensorflow", "jax", "jaxlib", "cupy", "pycuda", "pyopencl", "numba", "mxnet", "paddle", "ray", "gi", "PyQt5", "PyQt6", "PySide2", "PySide6", "objc")
# Variables that count when an interpreter starts, and those that libraries in C read.
AT_START = ("PYTHON", "LC_", "LANG", "TZ", "HOME", "VIRTUAL_ENV", "PYENV_", "__PYVENV")
IN_C = ("LD_", "DYLD_", "MALLOC_", "GLIBC_", "OMP_", "MKL_", "OPENBLAS_", "BLIS_", "VECLIB_", "NUMEXPR_", "KMP_", "GOTO_", "OPENSSL_")


SPARE_PAUSE = 0.5  # seconds after which there is a fork that waits again
SPARE_AGAIN = 10  # seconds, when the system has no process left
MOST_PAGES = 128 << 20  # bytes of memory that it may have for itself


class LeftOut(BaseException):
    """Raised where a module would be loaded that is left out, past all that catches Exception."""


# ---- what a module does while it is loaded ----


class Prints:
    """Where prints go meanwhile."""

    def __init__(self):
        self.n = 0

    def write(self, text):
        self.n += len(text)
        return len(text)


def count(directory):
    try:
        return len(os.listdir(directory))
    except OSError:
        return 0


def has_child():
    if not hasattr(os, "waitid"):
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def removes(f):
    """Tell of what removes files: those would be the files of all forks."""
    return getattr(f, "__module__", "") in ("tempfile", "shutil", "os", "posix")


SIGNALS = sorted(signal.valid_signals())


def state(prints):
    """What a module must leave as it is, by what it has done when it did not."""
    return {
        "starts threads": (threading.active_count(), count("/proc/self/task")),
        "opens files or sockets": count("/proc/self/fd") or count("/dev/fd"),
        "starts processes": has_child(),
        "takes signals": [signal.getsignal(n) for n in SIGNALS],
        "sets the policy of event loops": getattr(sys.modules.get("asyncio.events"), "_event_loop_policy", None),
        "sets variables of the environment": dict(os.environ._data),
        "goes to another directory": os.getcwd(),
        "has to be told of the end": (getattr(atexit, "_ncallbacks", int)(), sum(removes(entry.func) for entry in list(weakref.finalize._registry.values()))),
        "prints": prints.n,
    }


class Watched:
    """The loader of a module, whose doings are noted."""

    def __init__(self, guard, loader):
        self.guard, self.loader = guard, loader

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        self.guard.admit(spec)
        with self.guard.around(spec):
            return self.loader.create_module(spec) if hasattr(self.loader, "create_module") else None

    def exec_module(self, module):
        spec = module.__spec__
        spec.loader = self.loader  # nobody is to see this one
        if namespace_of(module).get("__loader__") is self:
            module.__loader__ = self.loader
        with self.guard.around(spec):
            self.loader.exec_module(module)


class Guard:
    """Stands before all finders while modules are loaded beforehand."""

    def __init__(self, wanted, left_out, own):
        self.wanted = wanted  # name: origin
        self.left_out = left_out  # names
        self.own = own  # variables that the application sets
        self.in_c = sorted(k for k in own if k.startswith(IN_C))
        self.faults = {}  # name: why it is to be left out
        self.stack = []  # names of modules that are being loaded
        self.read = set()  # variables that modules have read
        self.read_all = False
        self.files = {}  # path: its stamp before it was loaded
        self.dice = weakref.WeakSet()  # generators of random numbers, seeded by the system
        self.prints = Prints()
        weakref.finalize(self, int).detach()  # the first has the end of the process told
        self.last = state(self.prints)
        for module in list(sys.modules.values()):
            file = namespace_of(module).get("__file__")
            if isinstance(file, str):
                self.files[file] = stamp_of(file)

    def find_spec(self, name, path=None, target=None):
        spec = next(filter(None, (f.find_spec(name, path, target) for f in list(sys.meta_path) if f is not self and hasattr(f, "find_spec"))), None)
        if spec is not None and spec.origin not in ("built-in", "frozen") and hasattr(spec.loader, "exec_module") and not isinstance(spec.loader, Watched):
            spec.loader = Watched(self, spec.loader)
        return spec

    def admit(self, spec):
        """Raise LeftOut for what is not to be loaded."""
        name = spec.name
        if name in self.faults or name in self.left_out:
            raise LeftOut("loads %s" % name)
        if name.partition(".")[0] in UNSAFE:
            self.blame(name, "is not made for fork")
        elif self.wanted.get(name) != origin_of_spec(spec):
            self.blame(name, "")  # the application has another one, or none
        elif self.in_c and type(spec.loader.loader).__name__ == "ExtensionFileLoader" and not is_library(spec.origin):
            self.blame(name, "may read %s, which the application sets" % self.in_c[0])
        else:
            if spec.has_location:
                self.files[spec.origin] = stamp_of(spec.origin)
            return
        raise LeftOut("loads %s" % name)

    def blame(self, name, why):
        self.faults.setdefault(name, why)

    @contextlib.contextmanager
    def around(self, spec):
        """Note what is done in between. What the standard library does is its own affair."""
        self.look()
        trusted = spec.has_location and is_library(spec.origin)
        self.stack.append("" if trusted else spec.name)
        try:
            yield
        except BaseException:
            self.blame(spec.name, "")
            raise
        finally:
            self.look()
            self.stack.pop()
        if spec.name in self.faults:
            raise LeftOut("loads %s" % spec.name)

    def look(self):
        """Blame what is being loaded for what has changed."""
        now = state(self.prints)
        if now != self.last and self.stack and self.stack[-1]:
            self.blame(self.stack[-1], next(what for what in now if now[what] != self.last[what]))
        self.last = now

    def reads(self, key):
        if key in self.own and self.stack and self.stack[-1]:
            self.blame(self.stack[-1], "reads %s, which the application sets" % key)
        self.read.add(key)

    def reads_all(self):
        self.read_all = True
        if self.own and self.stack and self.stack[-1]:
            self.blame(self.stack[-1], "reads the environment, which the application changes")

    @contextlib.contextmanager
    def watching(self):
        """Take part in what is loaded in between."""
        kind, rolls, took = type(os.environ), random.Random.seed, JOURNAL.taken
        item, each = kind.__getitem__, kind.__iter__

        def seed(generator, a=None, *more, **named):
            if a is None and type(generator) is random.Random:
                self.dice.add(generator)
            else:
                self.dice.discard(generator)
            return rolls(generator, a, *more, **named)

        def getitem(environ, key):
            self.reads(key)
            return item(environ, key)

        def iterate(environ):
            self.reads_all()
            return each(environ)

        kind.__getitem__, kind.__iter__, random.Random.seed, JOURNAL.taken = getitem, iterate, seed, self.prints
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            kind.__getitem__, kind.__iter__, random.Random.seed, JOURNAL.taken = item, each, rolls, took

    def load(self):
        """Load everything, in order."""
        with self.watching():
            for name, origin in self.wanted.items():
                if not origin or name in sys.modules or name in self.left_out or name in self.faults:
                    continue
                try:
                    importlib.import_module(name)
                except LeftOut:
                    self.blame(name, "")
                except BaseException:
                    self.blame(name, "")
        for name, module in list(sys.modules.items()):
            held = namespace_of(module)
            file = held.get("__file__")
            if isinstance(file, str) and file.startswith(os.getcwd() + os.sep) and not is_installed(file):
                self.blame(name, "stands in for a module of Python")
            elif any("pid" in k.lower() and type(v) is int and v == os.getpid() for k, v in list(held.items()) if isinstance(k, str)):
                self.blame(name, "keeps the number of its process")


def stamp_of(path):
    try:
        info = os.stat(path)
        return info.st_mtime_ns, info.st_size, info.st_ino
    except OSError:
        return None


def is_package(place):
    """Tell of a directory with a package; one without __init__ stands behind all others."""
    try:
        return any(entry.startswith("__init__.") for entry in os.listdir(place))
    except OSError:
        return False


# ---- the process ----


def fork_of(sock):
    """Be a stem. It returns in the forks: the control, threads and processes of the worker, and
    what looks whether the application goes with it."""
    stem = Stem(sock)
    try:
        return stem.serve()
    except OSError:
        stem.end()  # the server has gone


def variables(entries):
    """An environment of NAME=value; the last of a name counts."""
    return dict(e.partition("=")[::2] for e in entries if e.partition("=")[0])


class Stem:
    """What has been loaded, and those that are forked of it."""

    def __init__(self, sock):
        self.sock = sock
        self.buf = b""
        self.files = []  # descriptors that came, and are not used yet
        self.children = set()
        self.spare = self.lane = None  # a fork that waits, and the socket to it
        self.ending = False
        self.environ = dict(os.environ)
        self.here = os.getcwd()
        wanted, left_out, own, given = (self.frame()[1] for _ in range(4))
        self.given = variables(given)  # what the server gave; who has started this may have changed some
        self.guard = Guard(dict(zip(wanted[::2], wanted[1::2])), set(left_out), set(own))

    def tell(self, kind, *texts):
        self.sock.sendall(frame(kind, "\0".join(map(str, texts)).encode("utf-8", "surrogateescape")))

    def fill(self):
        """Take what comes, with the descriptors."""
        data, rights, _, _ = self.sock.recvmsg(1 << 16, socket.CMSG_SPACE(64))
        for level, kind, what in rights:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(what[: len(what) - len(what) % fds.itemsize])
                self.files += fds
        if not data:
            self.end()
        self.buf += data

    def frame(self):
        """Read the next frame whole."""
        while len(self.buf) < 5 or len(self.buf) < 5 + int.from_bytes(self.buf[1:5], "big"):
            self.fill()
        end = 5 + int.from_bytes(self.buf[1:5], "big")
        kind, payload, self.buf = self.buf[:1], self.buf[5:end], self.buf[end:]
        return kind, payload.decode("utf-8", "surrogateescape").split("\0") if payload else []

    def serve(self):
        """Load, then fork as often as the server asks. It returns in the forks."""
        self.guard.load()
        if self.guard.faults:
            self.give_up(list(self.guard.faults.items()))
        self.note()
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        self.tell(b"L", len(self.names))
        spare_at = 0
        while True:
            wait = None if self.spare is not None or self.ending else max(spare_at - time.monotonic(), 0)
            ready = [self.sock] if self.buf else select.select([self.sock, self.woken], [], [], wait)[0]
            if not ready:
                try:
                    if self.fork():
                        return self.be_worker()
                except OSError:  # at a limit: those that serve go on, and begin() says why
                    spare_at = time.monotonic() + SPARE_AGAIN
            if self.woken in ready:
                os.read(self.woken, 4096)
                self.reap()
            if self.sock in ready:
                kind, parts = self.frame()
                if kind == b"Q":
                    self.ending = True
                    self.drop_spare()
                elif self.begin(parts):
                    return self.be_worker()
                spare_at = time.monotonic() + SPARE_PAUSE
            if self.ending and not self.children:
                os._exit(0)

    def give_up(self, faults):
        """Tell what is to be left out, and end."""
        for i in range(0, len(faults), 100):
            self.tell(b"X", *(text for pair in faults[i : i + 100] for text in pair))
        self.tell(b"F")
        os._exit(0)

    def note(self):
        """Note what there is now, which all forks have."""
        self.names = dict(sys.modules)
        self.tops = {name.partition(".")[0] for name in self.names} - {"__main__"}
        self.dirs = {p: stamp_of(p) for p in sys.path if is_installed(p)}
        self.stamps = {f: stamp for f, stamp in (*self.guard.files.items(), *self.dirs.items()) if f in self.dirs or not is_library(f)}
        self.sources = {os.path.abspath(f) for f in loaded_files()}
        gc.collect()
        gc.freeze()

    def reap(self):
        """Tell of the children that have ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.spare == pid:
                self.drop_spare()
            if pid in self.children:
                self.children.discard(pid)
                signalled = os.WIFSIGNALED(status)
                self.tell(b"E", pid, 0 if signalled else os.WEXITSTATUS(status), os.WTERMSIG(status) if signalled else 0)

    def end(self):
        """End, and with this process all that it has forked: the server is not there any more."""
        for pid in self.children:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        os._exit(0)

    def drop_spare(self):
        """Have the fork that waits end."""
        if self.spare is not None:
            self.lane.close()
            self.lane = self.spare = None

    def fork(self):
        """Fork a process that waits for what it is to do; true in there."""
        ours, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        try:
            pid = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if pid == 0:
            self.lane = theirs
            ours.close()
            return True
        theirs.close()
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self.lane, self.spare = ours, pid
        return False

    def begin(self, parts):
        """Have a fork begin, if what is here is still what there would be; true in a new one."""
        number, fds, self.files = parts[0], self.files[:4], self.files[4:]
        why = self.differs(parts)
        if not why:
            try:
                if self.spare is None and self.fork():
                    for fd in fds:
                        os.close(fd)
                    return True
                self.lane.sendmsg([frame(b"F", "\0".join(parts).encode("utf-8", "surrogateescape"))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
            except OSError as e:
                why = "it can not be forked: %s" % e.strerror
        for fd in fds:
            os.close(fd)
        pid = self.spare
        why = why or self.stale()  # it has begun meanwhile
        if why:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            self.tell(b"S", number, why)
        else:
            self.children.add(pid)
            self.tell(b"B", number, pid)
        self.drop_spare()
        return False

    def differs(self, parts):
        """Why a fork would be other than a process of its own, by what it is given and by its
        directory; "" for nothing."""
        for key in self.changed(variables(parts[3:])):
            if key.startswith(AT_START + IN_C) or key in self.guard.read or self.guard.read_all or self.environ.get(key) != self.given.get(key):
                return "%s has changed" % key
        try:
            if os.stat(self.here).st_ino != os.stat(".").st_ino:
                return "%s is another directory now" % self.here
        except OSError:
            return "%s has gone" % self.here
        return self.shadowed()

    def stale(self):
        """Which of the files that are loaded is not the same any more; "" for none."""
        return next(("%s has changed" % path for path, stamp in self.stamps.items() if stamp_of(path) != stamp), "")

    def changed(self, given):
        """The variables that are not what they were when this process was started."""
        return [key for key in {*self.given, *given} if self.given.get(key) != given.get(key)]

    def shadowed(self):
        """Why a module that is here would not be the one that is found; "" for nothing."""
        last = max((i for i, place in enumerate(sys.path) if place in self.dirs), default=0)
        for place in sys.path[:last]:  # what is behind stands before nothing
            if place in self.dirs:
                continue
            try:
                entries = os.listdir(place)
            except OSError:
                continue
            for entry in entries:
                name = entry.partition(".")[0]
                if name in self.tops and (entry.endswith((".py", ".pyc", ".so")) or is_package(os.path.join(place, entry))):
                    return "%s stands before what is installed as %s" % (os.path.join(place, entry), name)
        return ""

    def be_worker(self):
        """Be a fork: wait for what to do, and make a process of its own of this one."""
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)  # a Ctrl-C at the terminal is for the server
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self.woken)
        os.close(self.wake)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self.sock.detach(), inheritable=False)
        os.close(null)
        for generator in self.guard.dice:
            generator.seed()
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        for place in list(sys.path_importer_cache):
            if place not in self.dirs:
                del sys.path_importer_cache[place]
        forked = Forked(self)
        own_pages()
        self.sock, self.buf, self.files, self.children = self.lane, b"", [], ()
        parts = self.frame()[1]  # when the stem ends, so does this one
        self.sock.close()
        for to, fd in enumerate(self.files):
            os.dup2(fd, to, inheritable=to < 3)
            os.close(fd)
        given = variables(parts[3:])
        for key in self.changed(given):
            os.environ.pop(key, None)
            if key in given:
                os.environ[key] = given[key]
        forked.environ = dict(os.environ)
        logging._startTime = time.time_ns() if isinstance(logging._startTime, int) else time.time()
        return socket.socket(fileno=3), int(parts[1]), int(parts[2]), forked


def own_pages():
    """Have the pages that a worker writes be its own before it is waited for: each object that
    is looked at is one. They are copied in any case, one by one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        with open("/proc/self/maps") as f:
            areas = [line.split() for line in f]
        areas = [[int(at, 16) for at in area[0].split("-")] for area in areas if area[1] == "rw-p" and (len(area) < 6 or area[5] == "[heap]")]
        if sum(end - start for start, end in areas) > MOST_PAGES:
            return
        madvise = ctypes.CDLL(None).madvise
        for start, end in areas:
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 23)  # MADV_POPULATE_WRITE


class Forked(Sampler):
    """A Sampler in a fork of the stem."""

    def __init__(self, stem):
        super().__init__()
        self.stem = stem
        self.known.update(stem.names)
        self.count = len(sys.modules)

    def fits(self, control):
        """See Sampler. The sources that the stem has are told at once."""
        control.sources.tell_known(self.stem.names, self.stem.sources)
        why = self.misfit()
        if why:
            control.tell(b"U", why)
        return not why

    def misfit(self):
        """Why the application would not be the same in a process of its own; "" for nothing."""
        if patching():
            return "%s has been loaded" % patching()
        for name, module in self.stem.names.items():
            if sys.modules.get(name) is not module and name != "__main__":
                return "the application replaces the module %s" % name
        guard = self.stem.guard
        own = [k for k in self.own_variables() if k not in guard.own and (k in guard.read or guard.read_all or k.startswith(IN_C))]
        if own:
            return "the application sets %s" % ", ".join(own)
        return self.stem.shadowed()
