# Which modules are not the application's, for a server that wants to have them loaded before
# it: a part of the program for a development server, which begins with link.py. What loads
# them is stem.py.

INSTALLED = ("site-packages", "dist-packages")
LIBRARY = os.path.dirname(os.__file__) + os.sep
PATCHING = ("gevent", "eventlet")  # they patch what other modules may have taken already


def is_installed(file):
    """Tell of a file that comes with Python, or that was installed."""
    file, here = os.path.abspath(file), os.getcwd().rstrip(os.sep) + os.sep
    if (file + os.sep).startswith(LIBRARY):
        return True
    inside = file[len(here) :] if file.startswith(here) else file
    return any(part in INSTALLED for part in inside.split(os.sep))


def origin_of(name, module):
    """Where a module comes from that is not the application's, as it is named; "" if it can
    not be loaded by this name; None for one of the application."""
    held = namespace_of(module)
    spec, file = held.get("__spec__"), held.get("__file__")
    files = [file] if isinstance(file, str) else places_of(spec)
    if not all(map(is_installed, files)):
        return None
    return origin_of_spec(spec) if getattr(spec, "name", None) == name else ""


def origin_of_spec(spec):
    """Where a spec has a module come from: a file, "built-in", "frozen", "namespace"."""
    if spec.origin is None and places_of(spec):
        return "namespace"
    return spec.origin if isinstance(spec.origin, str) and "\0" not in spec.origin else ""


def places_of(spec):
    """The directories of a package."""
    return [p for p in getattr(spec, "submodule_search_locations", None) or () if isinstance(p, str)]


def namespace_of(module):
    """The names of a module, without what it does when it is asked for one."""
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}


class Sampler:
    """Tells the server what it has to know to have all that is installed loaded beforehand."""

    def __init__(self):
        self.control = None  # before the application is there
        self.environ = dict(os.environ)
        self.lock = threading.Lock()
        self.known = set()
        self.count = 0  # of the modules that there were

    def fits(self, control):
        """Tell whether the application is as it would be in a process of its own."""
        return True

    def begin(self, control):
        """Tell that the application is there, what it has set before that, and of the modules."""
        self.control = control
        control.sources.sampler = self
        control.tell(b"V", patching(), *self.own_variables())
        self.tell()

    def own_variables(self):
        """The variables of the environment that the application has set."""
        now = dict(os.environ)
        return [k for k in {*self.environ, *now} if self.environ.get(k) != now.get(k)][:500]

    def tell(self):
        """Tell of modules that there were not before."""
        with self.lock:
            if self.count == len(sys.modules):
                return
            self.count = len(sys.modules)
            fresh = []
            for name, module in list(sys.modules.items()):
                if name in self.known or not isinstance(name, str):
                    continue
                self.known.add(name)
                origin = origin_of(name, module)
                if origin is not None and "\0" not in name:
                    fresh += (name, origin)
            for i in range(0, len(fresh), 100):
                self.control.tell(b"Y", *fresh[i : i + 100])


def patching():
    """What has patched, or may patch, modules of others; "" for nothing."""
    return next((name for name in PATCHING if name in sys.modules), "")
