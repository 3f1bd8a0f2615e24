# The answer to one request: the second part of the program that begins with link.py.


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
