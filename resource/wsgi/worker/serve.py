# One request after the other: the third part of the program that begins with link.py.


class Server:
    """What the threads of this process share."""

    def __init__(self, application, control, threads, processes, developer):
        self.application = application
        self.control = control
        self.developer = developer  # None, but for a development server
        self.answer_of = Answer if developer is None else WatchedAnswer
        self.base = {
            "wsgi.version": (1, 0),
            "wsgi.errors": ERRORS if developer is None else developer.errors,
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
                    self.control.sources.tell()
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
        if self.developer is not None:
            self.developer.begins(environ)
        answer = self.answer_of(link, environ["REQUEST_METHOD"])
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
            self.failed(link, environ)
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

    def failed(self, link, environ):
        """Tell of the exception that is being handled."""
        kind, exc, tb = sys.exc_info()
        if isinstance(exc, Refused):
            text = str(exc)
        else:
            text = trace_of(kind, exc, tb)
        complain(text)
        payload = text[-16384:].replace("\0", " ").encode("utf-8", "replace")
        if self.developer is None:
            link.send(frame(b"X", payload))
            return
        self.developer.failed(exc, tb, environ, lambda more: link.send(frame(b"X", payload + b"\0" + more.encode("utf-8", "replace"))))


def complain(text):
    try:
        ERRORS.write(text if text.endswith("\n") else text + "\n")
        ERRORS.flush()
    except (OSError, ValueError):
        pass  # nobody is left to be told
