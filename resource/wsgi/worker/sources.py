# Which files the application consists of: a part of the program that begins with link.py.


class Sources:
    """What the server has been told of them."""

    def __init__(self, control):
        self.control = control
        self.lock = threading.Lock()
        self.modules = 0  # how many there were
        self.known = set()
        self.passed = {}  # modules that were told of
        self.sampler = None  # of a development server: who tells of modules as such

    def tell(self, more=()):
        """Tell which files were loaded, if there are others than before."""
        if self.modules == len(sys.modules) and not more:
            return
        self.modules = len(sys.modules)
        self.tell_files({os.path.abspath(f) for f in (*loaded_files(self.passed), *more)})
        if self.sampler is not None:
            self.sampler.tell()

    def tell_known(self, modules, files):
        """Tell of the files of modules that need not be looked at."""
        self.passed = modules
        self.tell_files(files)

    def tell_files(self, found):
        with self.lock:
            fresh = [f for f in found - self.known if "\0" not in f]
            self.known |= found
        for i in range(0, len(fresh), 50):  # a frame has a bound, and a path, too
            self.control.tell(b"P", *fresh[i : i + 50])


def is_library(file):
    """Tell of a file of the standard library, which nobody edits."""
    return file.startswith(os.path.dirname(os.__file__) + os.sep) and "site-packages" not in file and "dist-packages" not in file


def loaded_files(passed=()):
    """The files of the modules that are there, without those of the standard library and
    those that are passed over."""
    for name, module in list(sys.modules.items()):
        if name in passed:
            continue
        try:  # not by getattr: there are modules that load what they stand for then
            file = object.__getattribute__(module, "__dict__").get("__file__")
        except AttributeError:
            continue
        if isinstance(file, str) and not is_library(file):
            yield file


def files_of(exc):
    """The files that an exception went through."""
    files = [entry.filename for entry in traceback.extract_tb(exc.__traceback__)]
    if isinstance(exc, SyntaxError) and exc.filename:
        files.append(exc.filename)
    return [f for f in files if os.path.isfile(f) and not is_library(f)]
