# The side of the application: what a worker process runs. Standard library only,
# Python 3.8 or later. See doc.go for the drawing and frame.go for the frames.
#
# The process has one socket to the server, the control. Each of its threads makes a
# socketpair, passes one end over the control, and serves the requests that come over
# the other, one at a time. The end of the control is the end of the process.

import faulthandler
import importlib
import importlib.util
import io
import os
import socket
import stat
import sys
import tempfile
import threading
import time
import traceback

SMALL = 64 << 10  # an answer up to here goes in one frame
ENDED = b"F\0\0\0\0"
IDLE = b"I\0\0\0\0"
OURSELVES = "<spindle worker>"
ERRORS = sys.stderr  # before the application can bind it anew


class Gone(ConnectionAbortedError):
    """The server has closed the connection: the client has left."""


class Refused(Exception):
    """What the application did wrong, in words."""


def frame(kind, payload):
    return kind + len(payload).to_bytes(4, "big") + payload


# ---- the connection of one thread ----


class Link:
    """The connection over which one thread gets its requests."""

    def __init__(self, control):
        self.sock, theirs = socket.socketpair()
        self.buf = b""  # read, and not used
        self.left = 0  # of the frame of content that is being read
        control.pass_on(theirs)
        theirs.close()

    def close(self):
        self.sock.close()

    def send(self, *parts):
        """Send all of parts; Gone when the server has closed."""
        sock = self.sock
        try:
            if len(parts) == 1:
                sock.sendall(parts[0])
                return
            sent = sock.sendmsg(parts)
            for part in parts:
                if sent < len(part):
                    sock.sendall(memoryview(part)[sent:] if sent else part)
                    sent = 0
                else:
                    sent -= len(part)
        except OSError as e:
            raise Gone("the client has left") from e

    def send_file(self, data, fd):
        """Send data, and the descriptor along with it."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd.to_bytes(4, sys.byteorder))]
        try:
            sent = self.sock.sendmsg([data], rights)
            if sent < len(data):
                self.sock.sendall(data[sent:])
        except OSError as e:
            raise Gone("the client has left") from e

    def fill(self, n):
        """Read until buf has n bytes."""
        buf = self.buf
        while len(buf) < n:
            try:
                data = self.sock.recv(65536)
            except OSError as e:
                raise Gone("the client has left") from e
            if not data:
                raise Gone("the client has left")
            buf = buf + data if buf else data
        self.buf = buf

    def frame(self):
        """Read the next frame whole."""
        self.fill(5)
        end = 5 + int.from_bytes(self.buf[1:5], "big")
        self.fill(end)
        buf = self.buf
        self.buf = buf[end:]
        return buf[:1], buf[5:end]

    def next_request(self):
        """Wait for a request, past what is left of the content of the one before."""
        while self.left:
            self.fill(1)
            n = min(self.left, len(self.buf))
            self.buf = self.buf[n:]
            self.left -= n
        while True:
            kind, payload = self.frame()
            if kind == b"R":
                return payload

    def whole_content(self, n):
        """The content if all of it, n bytes, has been read with the head."""
        buf = self.buf
        if len(buf) >= 10 + n and buf[:1] == b"B" and buf[5 + n : 6 + n] == b"E" and int.from_bytes(buf[1:5], "big") == n:
            self.buf = buf[10 + n :]
            return buf[5 : 5 + n]
        return None


class Content(io.RawIOBase):
    """The content of a request, as it comes."""

    def __init__(self, link):
        self.link = link
        self.ended = False

    def readable(self):
        return True

    def more(self):
        """Go on to the next frame if there is nothing left of this one."""
        link = self.link
        while not link.left and not self.ended:
            link.fill(5)
            kind = link.buf[:1]
            link.left = int.from_bytes(link.buf[1:5], "big")
            link.buf = link.buf[5:]
            self.ended = kind != b"B"
        return not self.ended

    def readinto(self, into):
        if self.ended or not self.more():
            return 0
        link = self.link
        n = min(len(into), link.left)
        if link.buf:
            n = min(n, len(link.buf))
            into[:n] = link.buf[:n]
            link.buf = link.buf[n:]
        else:
            try:
                n = link.sock.recv_into(into, n)
            except OSError as e:
                raise Gone("the client has left") from e
            if n == 0:
                raise Gone("the client has left")
        link.left -= n
        return n

    def readall(self):
        pieces = []
        while not self.ended and self.more():
            piece = bytearray(min(self.link.left, 1 << 20))
            n = self.readinto(memoryview(piece))
            pieces.append(memoryview(piece)[:n])
        return b"".join(pieces)


def content_of(link, how, environ):
    """wsgi.input, and what holds the stream that has to be ended with the request."""
    if how == b"0":
        return io.BytesIO(), None
    if how == b"1":
        data = link.whole_content(int(environ["CONTENT_LENGTH"]))
        if data is not None:
            return io.BytesIO(data), None
        raw = Content(link)
        return io.BufferedReader(raw, 65536), raw
    # Nobody said the length, and applications read none without it: take it all.
    raw, length = Content(link), 0
    spool = tempfile.SpooledTemporaryFile(1 << 20)
    while True:
        data = raw.read(65536)
        if not data:
            break
        length += len(data)
        spool.write(data)
    spool.seek(0)
    environ["CONTENT_LENGTH"] = str(length)
    return spool, raw


# ---- the answer ----


class FileWrapper:
    """wsgi.file_wrapper: blocks of a file, or the file itself where the server can take it."""

    def __init__(self, filelike, blksize=65536):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def regular(self):
        """Descriptor and position of the file, if its bytes are what read gives."""
        f = self.filelike
        for _ in range(3):
            if isinstance(f, (io.FileIO, io.BufferedReader, io.BufferedRandom)):
                break
            f = getattr(f, "file", None)  # as tempfile and Django wrap one
        raw = f if isinstance(f, io.FileIO) else getattr(f, "raw", None)
        if not isinstance(raw, io.FileIO):
            return None
        try:
            info = os.fstat(raw.fileno())
            if not stat.S_ISREG(info.st_mode):
                return None
            at = f.tell()
        except (OSError, ValueError):
            return None
        return raw.fileno(), at, max(info.st_size - at, 0)


class Answer:
    """One answer: start_response, write, and what the iterable gives."""

    __slots__ = ("link", "bodyless", "head", "length", "sent", "written", "held")

    def __init__(self, link, method):
        self.link = link
        self.bodyless = method == "HEAD"
        self.head = None
        self.length = None  # that the application promises
        self.sent = False
        self.written = 0
        self.held = b""  # the piece that makes the promise true waits for the end

    def start(self, status, headers, exc_info=None):
        """start_response"""
        if exc_info:
            try:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response was called twice, without exc_info")
        self.head, self.length = head_of(status, headers)
        if status[:3] in ("204", "304"):
            self.bodyless = True
        return self.write

    def write(self, data):
        """The callable that start_response returns."""
        if not isinstance(data, bytes):
            raise TypeError("write takes bytes, not %s" % type(data).__name__)
        self.account(data)
        if self.held:
            self.piece(self.held)
            self.held = b""
        self.piece(data)

    def account(self, data):
        """Count data against the promise."""
        self.written += len(data)
        if self.length is not None and self.written > self.length and not self.bodyless:
            raise Refused("the application gave %d bytes or more, and its Content-Length was %d" % (self.written, self.length))

    def started(self):
        if self.head is None:
            raise AssertionError("the application gave content before it called start_response")

    def piece(self, data):
        """Send a piece of content, behind the head."""
        if self.bodyless:
            data = b""
        data_frame = b"D" + len(data).to_bytes(4, "big")
        if not self.sent:
            self.sent = True
            data_frame = frame(b"H", self.head) + data_frame
        if len(data) < 16384:
            self.link.send(data_frame + data)
        else:
            self.link.send(data_frame, data)

    def block(self, data):
        """Take a block of the iterable."""
        self.started()
        self.account(data)
        if self.length is None or self.bodyless or self.written < self.length:
            self.piece(data)
        else:
            self.held = data

    def iterate(self, result):
        for data in result:
            if type(data) is not bytes and not isinstance(data, bytes):
                raise TypeError("the application gave %s, not bytes" % type(data).__name__)
            if data:
                self.block(data)

    def whole(self, data, last):
        """Answer with all of the content, when nothing was sent before."""
        if self.head is None:
            raise AssertionError("the application did not call start_response")
        self.sent = True
        head, n = self.head, len(data)
        self.written = n
        if self.length is not None and self.length != n and not self.bodyless:
            self.sent = False
            self.short()
        if n > SMALL and not self.bodyless:
            if self.length is None:
                head += b"\0Content-Length\0%d" % n
            self.link.send(frame(b"H", head) + b"D" + n.to_bytes(4, "big"), data, ENDED + last)
            return
        if self.bodyless and n > 0:  # what it would be is said, and not sent
            if self.length is None and head[:3] not in (b"204", b"304"):
                head += b"\0Content-Length\0%d" % n
            data = b""
        size = len(head)
        self.link.send(b"W" + (4 + size + len(data)).to_bytes(4, "big") + size.to_bytes(4, "big") + head + data + last)

    def file(self, wrapper, last):
        """Answer with a file, if it is one and all is well."""
        if self.head is None or self.sent or self.bodyless or self.held:
            return False
        found = wrapper.regular()
        if found is None:
            return False
        fd, at, n = found
        head = self.head
        if self.length is None:
            head += b"\0Content-Length\0%d" % n
        elif self.length > n:
            self.written = n
            self.short()
        else:
            n = self.length
        self.sent = True
        self.written = n
        self.link.send_file(frame(b"H", head) + frame(b"S", at.to_bytes(8, "big") + n.to_bytes(8, "big")) + ENDED + last, fd)
        return True

    def finish(self, last):
        """End what was given block by block."""
        if not self.sent:
            self.whole(self.held, last)
            return
        if self.length is not None and self.written < self.length and not self.bodyless:
            self.short()
        if self.held:
            self.link.send(frame(b"D", self.held) + ENDED + last)
        else:
            self.link.send(ENDED + last)

    def short(self):
        raise Refused("the application gave %d bytes, and its Content-Length was %d" % (self.written, self.length))


def head_of(status, headers):
    """Encode the head, and find the length that it promises."""
    parts = [status]
    length = None
    try:
        for name, value in headers:
            parts.append(name)
            parts.append(value)
            if len(name) == 14 and name.lower() == "content-length":
                if not (value.strip().isdigit() and value.isascii()) or length not in (None, int(value)):
                    raise ValueError("Content-Length %r is not a number of bytes" % (value,))
                length = int(value)
        text = "\0".join(parts)
    except (TypeError, AttributeError):
        for part in parts:
            if not isinstance(part, str):
                raise TypeError("status and headers are str, not %s: %r" % (type(part).__name__, part)) from None
        raise
    if "\n" in text or "\r" in text or text.count("\0") != len(parts) - 1:
        raise ValueError("a line end or NUL in status or headers: %r" % (parts,))
    code = status[:3]
    if len(code) != 3 or not code.isdigit() or status[3:4] not in ("", " "):
        raise ValueError("status %r does not begin with a number of three digits" % (status,))
    if not 200 <= int(code) <= 599:
        raise ValueError("status %r is not that of an answer, 200 to 599" % (status,))
    return text.encode("latin-1"), length


# ---- one request after the other ----


class Server:
    """What the threads of this process share."""

    def __init__(self, application, control, threads, processes):
        self.application = application
        self.control = control
        self.base = {
            "wsgi.version": (1, 0),
            "wsgi.errors": ERRORS,
            "wsgi.multithread": threads > 1,
            "wsgi.multiprocess": processes > 1,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "SERVER_SOFTWARE": "Spindle",
        }

    def serve(self):
        """Serve requests until the server ends it."""
        link = Link(self.control)
        while True:
            try:
                link.send(IDLE)
                while True:
                    self.request(link, link.next_request())
                    self.control.tell_memory()
            except Gone:
                link.close()
                if self.control.closed():
                    return
                link = Link(self.control)  # a client has left: begin anew

    def request(self, link, payload):
        items = payload[1:].decode("latin-1").split("\0")
        environ = dict(zip(items[::2], items[1::2]))
        environ.update(self.base)
        environ["wsgi.input"], raw = content_of(link, payload[:1], environ)
        answer = Answer(link, environ["REQUEST_METHOD"])
        result = None
        idle = False
        try:
            result = self.application(environ, answer.start)
            idle = not hasattr(result, "close")
            self.answer(answer, result, IDLE if idle else b"")
        except Gone:
            raise
        except BaseException:
            idle = False
            self.failed(link)
        finally:
            try:
                if hasattr(result, "close"):
                    result.close()
            except Exception:
                complain(traceback.format_exc())
            if raw is not None:
                raw.ended = True  # who reads it later reads nothing
        if not idle:
            link.send(IDLE)

    def answer(self, answer, result, last):
        if type(result) in (list, tuple) and not answer.sent:
            if len(result) == 1 and type(result[0]) is bytes:
                answer.whole(result[0], last)
            else:
                answer.whole(b"".join(result), last)
        elif not (isinstance(result, FileWrapper) and answer.file(result, last)):
            answer.iterate(result)
            answer.finish(last)

    def failed(self, link):
        """Tell of the exception that is being handled."""
        kind, exc, tb = sys.exc_info()
        if isinstance(exc, Refused):
            text = str(exc)
        else:
            text = trace_of(kind, exc, tb)
        complain(text)
        link.send(frame(b"X", text[-16384:].encode("utf-8", "replace")))


def complain(text):
    try:
        ERRORS.write(text if text.endswith("\n") else text + "\n")
        ERRORS.flush()
    except (OSError, ValueError):
        pass  # nobody is left to be told


# ---- the process ----


class Control:
    """The connection of the process."""

    def __init__(self, sock):
        self.sock = sock
        self.lock = threading.Lock()
        self.told = time.monotonic()

    def tell(self, kind, *texts):
        payload = "\0".join(texts).encode("utf-8", "replace")
        with self.lock:
            self.sock.sendall(frame(kind, payload))

    def pass_on(self, sock):
        """Give the server the other end of a link."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, sock.fileno().to_bytes(4, sys.byteorder))]
        with self.lock:
            self.sock.sendmsg([frame(b"C", b"")], rights)

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


def trace_of(kind, exc, tb):
    """The traceback without what lies before the application's own code."""
    while tb is not None and tb.tb_next is not None and tb.tb_frame.f_code.co_filename in (OURSELVES, importlib.__file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>"):
        tb = tb.tb_next
    if tb is not None and tb.tb_next is None and tb.tb_frame.f_code.co_filename in (OURSELVES, importlib.__file__, "<frozen importlib._bootstrap>"):
        tb = None
    return "".join(traceback.format_exception(kind, exc, tb))


def place_of(exc):
    """File and line that an exception comes from, as far as the application's own code goes."""
    if isinstance(exc, SyntaxError) and exc.filename:
        return "%s, line %s" % (exc.filename, exc.lineno)
    here, found = os.getcwd() + os.sep, ""
    for entry in traceback.extract_tb(exc.__traceback__):
        if entry.filename == OURSELVES or entry.filename.startswith("<frozen"):
            continue
        inside = entry.filename.startswith(here) and "site-packages" not in entry.filename
        if inside or not found:
            found = "%s, line %s" % (entry.filename, entry.lineno)
    return found


def load(target):
    """The application that target names, and the file it is from."""
    name, _, attribute = target.partition(":")
    if name.endswith(".py") or "/" in name:
        module = load_file(name)
    else:
        module = load_module(name)
    if not attribute:
        attribute = "application" if hasattr(module, "application") or not hasattr(module, "app") else "app"
    call = attribute.endswith("()")
    found = module
    for part in attribute[: -2 if call else None].split("."):
        if not hasattr(found, part):
            public = [k for k, v in vars(module).items() if callable(v) and not k.startswith("_")]
            raise Refused("%s has no %r%s" % (module.__file__ or name, part, "; it has " + ", ".join(public[:12]) if public else ""))
        found = getattr(found, part)
    if call:
        found = found()
    if not callable(found):
        raise Refused("%r of %s is %s, which can not be called" % (attribute, module.__file__ or name, type(found).__name__))
    return found, getattr(module, "__file__", None) or name


def load_module(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name and (name == e.name or name.startswith(e.name + ".")):
            raise Refused("there is no module %r in %s, nor elsewhere on the path of %s" % (e.name, os.getcwd(), sys.executable)) from None
        raise


def load_file(path):
    if not os.path.isfile(path):
        raise Refused("there is no file %s in %s" % (path, os.getcwd()))
    path = os.path.abspath(path)
    sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise Refused("%s is no module of Python" % path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def try_load(control, target):
    """load, or tell the server why not."""
    try:
        return load(target)
    except Refused as e:
        control.tell(b"X", str(e), "")
    except BaseException as e:
        if isinstance(e, SystemExit):
            what = "the application called sys.exit(%s) while it was loaded" % ("" if e.code is None else repr(e.code))
        else:
            what = traceback.format_exception_only(type(e), e)[-1].strip()
        where = place_of(e)
        control.tell(b"X", (where + ": " if where else "") + what, trace_of(type(e), e, e.__traceback__))
    return None


def prepare():
    faulthandler.enable(file=sys.__stderr__)  # who is killed for taking too long says where it was
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, ValueError, OSError):
        pass
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if p]


def main(control_socket, target, threads, processes):
    prepare()
    control = Control(control_socket)
    sys.argv = [target]
    found = try_load(control, target)
    if found is None:
        return
    application, file = found
    server = Server(application, control, threads, processes)
    control.tell(b"L", "%d.%d.%d" % sys.version_info[:3], sys.executable or "", file)
    if threads == 1:
        server.serve()
        return
    team = [threading.Thread(target=server.serve, name="spindle-%d" % (i + 1)) for i in range(threads)]
    for t in team:
        t.start()
    for t in team:
        t.join()
