# The loading of the application: a part of the program that begins with link.py, and of
# scripts that look at an application without serving it (script.go).


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
