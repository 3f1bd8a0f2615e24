# What a framework knows of a request: a part of the program for a development server,
# which begins with link.py.

MOST_PAIRS = 60


def let_through(application):
    """Have a framework that answers for exceptions itself, with a page of its own, raise them."""
    config = getattr(application, "config", None)
    if "flask" in sys.modules and isinstance(config, dict) and config.get("PROPAGATE_EXCEPTIONS", 0) is None:
        config["PROPAGATE_EXCEPTIONS"] = True
    if "bottle" in sys.modules and getattr(application, "catchall", False) is True:
        application.catchall = False
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    if settings is not None and settings.configured:
        settings.DEBUG_PROPAGATE_EXCEPTIONS = True


def sections_of(kept, environ):
    """Query, form, files and session, each as pairs that can be shown."""
    found = [("Query", pairs_of_query(environ.get("QUERY_STRING", "")))]
    request = request_of(kept)
    form = form_of(request) if request is not None else None
    found.append(("Form", form if form is not None else posted(environ)))
    found.append(("Files", files_of_request(request)))
    found.append(("Session", session_of(kept, request)))
    return [{"title": title, "pairs": pairs} for title, pairs in found if pairs]


def environment():
    """That of the process."""
    return sorted((pair(k, v) for k, v in os.environ.items()), key=lambda p: p["name"])


def pair(name, value):
    text = MASK if hides(name, value) else value if isinstance(value, str) else Bounded().text(value)[0]
    return {"name": str(name)[:200], "value": text[:1000]}


def pairs_of_query(text):
    return [pair(k, v) for k, v in urllib.parse.parse_qsl(text, keep_blank_values=True)[:MOST_PAIRS]]


def pairs_of(x):
    """The pairs of a mapping, which may have several values of one name."""
    found = []
    for name in itertools.islice(x, MOST_PAIRS):
        values = x.getlist(name) if hasattr(x, "getlist") else [x[name]]
        found += [pair(name, v) for v in values]
    return found[:MOST_PAIRS]


def posted(environ):
    """The form that was sent, if it is there without reading for it."""
    stream = environ.get("wsgi.input")
    if not isinstance(stream, io.BytesIO) or not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return []
    return pairs_of_query(stream.getvalue()[:65536].decode("utf-8", "replace"))


def request_of(kept):
    """The request as the framework has it: Flask keeps it in a context, Django hands it on."""
    for context in kept.contexts:
        found = getattr(context, "request", None)
        if found is not None:
            return found
    for f in kept.frames:
        found = f.names.get("request")
        if hasattr(found, "META"):
            return found
    return None


def form_of(request):
    """What the framework has read already; to ask for more could wait for the client."""
    held = getattr(request, "__dict__", {})
    form = held.get("form", held.get("_post"))
    return pairs_of(form) if isinstance(form, collections.abc.Mapping) or hasattr(form, "getlist") else None


def files_of_request(request):
    held = getattr(request, "__dict__", {})
    files = held.get("files", held.get("_files"))
    if not hasattr(files, "getlist"):
        return []
    return [{"name": str(name)[:200], "value": str(getattr(f, "filename", None) or getattr(f, "name", None))[:1000]}
            for name in itertools.islice(files, MOST_PAIRS) for f in files.getlist(name)]


def session_of(kept, request):
    for context in kept.contexts:
        session = getattr(context, "session", None)
        if isinstance(session, collections.abc.Mapping):
            return pairs_of(session)
    session = getattr(request, "session", None) if request is not None else None
    held = getattr(session, "_session_cache", None)  # of Django; without it nobody has read it
    return pairs_of(held) if isinstance(held, collections.abc.Mapping) else []
