# What stands behind an application: the part that spindle routes and spindle shell have in
# common. The first part is that of wsgi.Script.

import types

# Where middleware keeps it.
BEHIND = ("app", "application", "wsgi_app", "_app", "wrapped", "__wrapped__", "handler", "next_app")
MOST_BEHIND = 200


def instance(obj, module, name):
    """Tell whether obj is of a class, without importing its module."""
    cls = getattr(sys.modules.get(module), name, None)
    return isinstance(cls, type) and isinstance(obj, cls)


def behind(obj):
    """What an application may have behind it."""
    if isinstance(obj, types.MethodType):
        yield obj.__self__
        obj = obj.__func__
    if isinstance(obj, types.FunctionType):
        for cell in obj.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:
                pass  # not set yet
        for name in obj.__code__.co_names:
            if name in obj.__globals__:
                yield obj.__globals__[name]
        if getattr(obj, "__wrapped__", None):
            yield obj.__wrapped__
        return
    if isinstance(obj, (type, types.ModuleType, str, bytes, int, float, list, dict, tuple, set, types.BuiltinFunctionType)):
        return
    names = getattr(obj, "__dict__", None) or {}
    for name in BEHIND:
        if name in names:
            yield names[name]
    yield from names.values()


def nearest(app, judge):
    """What judge gives, for the nearest that it gives something for: app, or what is behind it."""
    seen, row = set(), [app]
    while row and len(seen) < MOST_BEHIND:
        after = []
        for obj in row:
            if id(obj) in seen or isinstance(obj, (str, bytes, int, float)) or obj is None:
                continue
            seen.add(id(obj))
            found = judge(obj)
            if found is not None:
                return found
            after.extend(behind(obj))
        row = after
    return None
