# The process: the last part of the program that begins with link.py.


class Control:
    """The connection of the process."""

    def __init__(self, sock):
        self.sock = sock
        self.lock = threading.Lock()
        self.told = time.monotonic()
        self.sources = Sources(self)

    def tell(self, kind, *texts):
        payload = "\0".join(texts).encode("utf-8", "replace")
        with self.lock:
            self.sock.sendall(frame(kind, payload))

    def pass_on(self, sock, kind=b"C"):
        """Give the server the other end of a link, or of another connection."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sock.fileno().to_bytes(4, sys.byteorder))]
        with self.lock:
            self.sock.sendmsg([frame(kind, b"")], rights)

    def tell_memory(self):
        """Tell how much of the process is in memory, once a second at most."""
        now = time.monotonic()
        if now - self.told >= 1:
            self.told = now
            self.tell(b"M", str(resident()))

    def closed(self):
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def resident():
    """The bytes of this process that are in memory; where the system does not say, the most that were."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most << 10


def try_load(control, target, sampler):
    """load, or tell the server why not."""
    try:
        return load(target)
    except Refused as e:
        control.tell(b"X", str(e), "")
    except BaseException as e:
        if sampler is not None and not sampler.fits(control):
            return None
        if isinstance(e, SystemExit):
            what = "the application called sys.exit(%s) while it was loaded" % ("" if e.code is None else repr(e.code))
        else:
            what = traceback.format_exception_only(type(e), e)[-1].strip()
        where = place_of(e)
        control.sources.tell(files_of(e))
        control.tell(b"X", (where + ": " if where else "") + what, trace_of(type(e), e, e.__traceback__))
    return None


def prepare(target):
    faulthandler.enable(file=sys.__stderr__)  # who is killed for taking too long says where it was
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, ValueError, OSError):
        pass
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if p]
    sys.argv = [target]


def main(control_socket, target, threads, processes, mode):
    """Be a worker. mode says more for a development server: "developed", "sampled" to tell of
    the modules, too, or "stem" to have workers forked."""
    try:
        prepare(target)
        if mode:
            listen()
        sampler = None
        if mode == "stem":  # what goes on from here is a fork of it
            control_socket, threads, processes, sampler = fork_of(control_socket)
        work(Control(control_socket), target, threads, processes, mode, sampler)
    except BrokenPipeError:
        pass  # the server does not want this process any more


def work(control, target, threads, processes, mode, sampler):
    developer = Developer(control) if mode else None
    if mode == "sampled":
        sampler = Sampler()
    found = try_load(control, target, sampler)
    if found is None:
        return
    application, file = found
    if developer is not None:
        let_through(application)
    if sampler is not None and not sampler.fits(control):
        return
    server = Server(application, control, threads, processes, developer)
    control.sources.tell()
    control.tell(b"L", "%d.%d.%d" % sys.version_info[:3], sys.executable or "", file)
    if sampler is not None:
        sampler.begin(control)
    if threads == 1:
        server.serve()
        return
    team = [threading.Thread(target=server.serve, name="spindle-%d" % (i + 1)) for i in range(threads)]
    for t in team:
        t.start()
    for t in team:
        t.join()
