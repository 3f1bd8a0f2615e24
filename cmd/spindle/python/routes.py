# spindle routes: what routes an application has, as JSON to descriptor 3. It asks the objects
# of the frameworks that are loaded, and looks for those behind what stands in front of them.

import inspect
import json
import re

MOST_ROUTES = 10000


def place(view):
    """Name, file and line of what answers."""
    view = getattr(view, "view_class", view)
    view = inspect.unwrap(view) if callable(view) else view
    while hasattr(view, "func") and not isinstance(view, (type, types.FunctionType)):
        view = view.func  # functools.partial
    if isinstance(view, types.MethodType):
        view = view.__func__
    if not isinstance(view, (type, types.FunctionType)):
        view = type(view)
    name = "%s.%s" % (view.__module__, view.__qualname__)
    try:
        file, line = inspect.getsourcefile(view), inspect.getsourcelines(view)[1]
    except (OSError, TypeError):
        file, line = None, 0
    return {"handler": name, "file": file or "", "line": line}


def route(path, methods=(), name="", view=None):
    found = {"path": path, "methods": sorted(set(methods)), "name": name or "", "handler": "", "file": "", "line": 0}
    if view is not None:
        found.update(place(view))
    return found


def below(prefix, routes):
    """routes, with prefix in front of their paths."""
    for r in routes:
        yield dict(r, path=prefix.rstrip("/") + "/" + r["path"].lstrip("/"))


def of_flask(app):
    for rule in app.url_map.iter_rules():
        methods = set(rule.methods or ()) - {"HEAD", "OPTIONS"}
        host = getattr(rule, "host", None) or (rule.subdomain and rule.subdomain + ".")
        yield route((host or "") + rule.rule, methods, rule.endpoint, app.view_functions.get(rule.endpoint))


def of_map(urls):
    for rule in urls.iter_rules():
        endpoint = rule.endpoint
        view = endpoint if callable(endpoint) else None
        yield route(rule.rule, set(rule.methods or ()) - {"HEAD", "OPTIONS"}, "" if view else str(endpoint), view)


def of_django(_):
    from django.urls import URLPattern, get_resolver

    def text(pattern):
        found = str(pattern)
        if hasattr(pattern, "_regex"):  # not a path()
            return re.sub(r"(\\Z|\$)$", "", found.lstrip("^"))
        return found

    def walk(patterns, prefix, names):
        for p in patterns:
            path = prefix + text(p.pattern)
            if isinstance(p, URLPattern):
                view = p.callback
                cls = getattr(view, "view_class", None) or getattr(view, "cls", None)
                methods = [m.upper() for m in getattr(cls, "http_method_names", ()) if hasattr(cls, m) and m not in ("options", "head")]
                yield route(path, methods, ":".join(names + [p.name]) if p.name else "", view)
            else:
                yield from walk(p.url_patterns, path, names + [p.namespace] if p.namespace else names)

    yield from walk(get_resolver().url_patterns, "/", [])


def of_bottle(app):
    mounted = set()
    for r in app.routes:
        mount = r.config.get("mountpoint.target") or (r.config.get("mountpoint") or {}).get("target")
        prefix = r.config.get("mountpoint.prefix") or (r.config.get("mountpoint") or {}).get("prefix")
        if mount is not None:
            if (prefix, id(mount)) in mounted:
                continue  # it has two routes
            mounted.add((prefix, id(mount)))
            known = routes_of(mount)
            if known is not None:
                yield from below(prefix or "", known[1])
                continue
        yield route(r.rule, [] if r.method in ("ANY", "PROXY") else [r.method], r.name, r.get_undecorated_callback() if hasattr(r, "get_undecorated_callback") else r.callback)


def of_pyramid(app):
    from pyramid.interfaces import IRouteRequest, IRoutesMapper, IView, IViewClassifier, IMultiView
    from zope.interface import Interface

    mapper = app.registry.queryUtility(IRoutesMapper)
    for r in mapper.get_routes() if mapper else ():
        kind = app.registry.queryUtility(IRouteRequest, r.name)
        view = kind and app.registry.adapters.lookup((IViewClassifier, kind, Interface), IView, name="", default=None)
        views = [v for _, v, _ in view.views] if view is not None and IMultiView.providedBy(view) else [view]
        for v in views:
            predicates = list(r.predicates) + list(getattr(v, "__predicates__", ()))
            methods = {m for p in predicates for m in as_methods(getattr(p, "val", None)) if type(p).__name__ == "RequestMethodPredicate"}
            yield route("/" + r.pattern.lstrip("/"), methods - {"HEAD"} or methods, r.name, getattr(v, "__original_view__", v))


def as_methods(value):
    return value if isinstance(value, (tuple, list, set, frozenset)) else [value] if value else []


def of_cherrypy(app):
    apps = app.apps if hasattr(app, "apps") else {app.script_name or "": app}
    for prefix, one in sorted(apps.items()):
        root = one.root if hasattr(one, "root") else one
        seen = set()

        def methods(f):
            config = getattr(f, "_cp_config", {})
            return as_methods(config.get("tools.allow.methods"))

        def walk(node, path):
            if id(node) in seen or len(path) > 500:
                return
            seen.add(id(node))
            verbs = [m for m in ("DELETE", "GET", "PATCH", "POST", "PUT") if callable(getattr(node, m, None))]
            if verbs and getattr(node, "exposed", False):
                yield route(path or "/", verbs, "", node)
            for name in sorted(dir(node)):
                if name.startswith("__"):
                    continue
                child = getattr(node, name, None)
                if child is None or isinstance(child, (str, bytes, int, float, dict, list, tuple, set, types.ModuleType)):
                    continue
                if callable(child) and getattr(child, "exposed", False):
                    if name in verbs:
                        continue
                    leaf = {"index": "/", "default": "/*"}.get(name, "/" + name)
                    yield route(path + leaf, methods(child), "", child)
                elif not callable(child) or getattr(child, "exposed", False):
                    if getattr(type(child), "__module__", "builtins") != "builtins":
                        yield from walk(child, path + "/" + name)

        if root is not None:
            yield from below(prefix, walk(root, ""))


def of_webpy(app):
    import web

    for pattern, what in app.mapping:
        if isinstance(what, web.application):
            yield from below(pattern, of_webpy(what))
            continue
        if isinstance(what, str):
            if what.startswith("redirect "):
                yield route(pattern, (), what)
                continue
            found = app.fvars.get(what) if "." not in what else None
            if found is None:
                yield route(pattern, (), what)
                continue
            what = found
        yield route(pattern, [m for m in ("DELETE", "GET", "PATCH", "POST", "PUT") if hasattr(what, m)], "", what)


def of_quixote(app):
    publisher = getattr(app, "publisher", app)
    root = getattr(publisher, "root_directory", None) or getattr(getattr(publisher, "namespace", None), "_q_exports", None)

    def walk(node, path, depth=0):
        for name in getattr(node, "_q_exports", ()):
            url, attribute = name if isinstance(name, tuple) else (name, name or "_q_index")
            child = getattr(node, attribute, None)
            if hasattr(child, "_q_exports") and depth < 20:
                yield from walk(child, path + "/" + url, depth + 1)
            elif child is not None:
                yield route(path + "/" + url, (), "", child)

    yield from walk(root, "")


def of_mounts(app):
    """Applications below prefixes: DispatcherMiddleware of Werkzeug, URLMap of Paste."""
    if hasattr(app, "mounts"):
        parts = [("", app.app)] + sorted(app.mounts.items())
    else:
        parts = [((domain or "") + url, one) for (domain, url), one in app.applications]
    for prefix, one in parts:
        known = routes_of(one)
        if known is not None:
            yield from below(prefix, known[1])
        else:
            yield route((prefix or "") + "/*" if not hasattr(app, "applications") else prefix or "/", (), "", one)


KINDS = (
    ("Flask", "flask", "Flask", of_flask),
    ("Django", "django.core.handlers.base", "BaseHandler", of_django),
    ("Bottle", "bottle", "Bottle", of_bottle),
    ("Pyramid", "pyramid.router", "Router", of_pyramid),
    ("CherryPy", "cherrypy", "Application", of_cherrypy),
    ("CherryPy", "cherrypy._cptree", "Tree", of_cherrypy),
    ("web.py", "web", "application", of_webpy),
    ("Quixote", "quixote.wsgi", "QWIP", of_quixote),
    ("Quixote", "quixote.publish", "Publisher", of_quixote),
    ("Werkzeug", "werkzeug.middleware.dispatcher", "DispatcherMiddleware", of_mounts),
    ("Paste", "paste.urlmap", "URLMap", of_mounts),
    ("Werkzeug", "werkzeug.routing", "Map", of_map),
)


def routes_of(app):
    """The framework, and its routes; None when none is known."""

    def kind(obj):
        for title, module, name, routes in KINDS:
            if instance(obj, module, name):
                return title, routes, obj

    known = nearest(app, kind)
    return known and (known[0], list(known[1](known[2])))


def main():
    application, file = loaded(sys.argv[1])
    known = routes_of(application)
    cls = type(application)
    answer = {"kind": "%s.%s" % (cls.__module__, cls.__qualname__), "file": file}
    if known is not None:
        answer["framework"], answer["routes"] = known[0], known[1][:MOST_ROUTES]
    with os.fdopen(3, "w", encoding="utf-8") as out:
        json.dump(answer, out)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a thread of the application would go on


main()
