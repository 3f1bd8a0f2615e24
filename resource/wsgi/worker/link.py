# The side of the application: what a worker process runs. Standard library only,
# Python 3.8 or later. See doc.go for the drawing and frame.go for the frames. The program
# is this file and those behind it, as one: answer.py, serve.py, sources.py, load.py, process.py;
# and for a development server alone values.py, journal.py, frames.py, sections.py,
# console.py and modules.py, with stem.py where workers are forked.
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
