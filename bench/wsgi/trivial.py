"""The application that is measured: a line, a MiB, and what counts what it is sent."""
BIG = b"0123456789abcdef" * 65536


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/big":
        start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BIG)))])
        return [BIG]
    if path == "/count":
        read, n = environ["wsgi.input"].read, 0
        while True:
            data = read(65536)
            if not data:
                break
            n += len(data)
        body = b"%d" % n
    else:
        body = b"Hello, world!"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
