# What a script has in front of load.py: see script.go.

import importlib
import importlib.util
import os
import sys
import traceback

OURSELVES = "<string>"


class Refused(Exception):
    """Why the application can not be had, in words."""


def loaded(target):
    """The application, and the file it is from; where it can not be loaded the script ends and says why."""
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if p]
    sys.argv = [target]
    try:
        return load(target)
    except Refused as e:
        sys.exit("spindle: %s can not be loaded: %s" % (target, e))
    except Exception as e:
        where = place_of(e)
        sys.stderr.write(trace_of(type(e), e, e.__traceback__))
        what = traceback.format_exception_only(type(e), e)[-1].strip()
        sys.exit("spindle: %s can not be loaded: %s" % (target, where + ": " + what if where else what))
