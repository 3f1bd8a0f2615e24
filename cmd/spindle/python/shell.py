# spindle shell: an interactive Python with the application loaded.


def names_of(application, file):
    """The public names of the application's module, and what its framework adds."""
    names = {"application": application}
    module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == file), None)
    names.update((k, v) for k, v in vars(module or types.ModuleType("none")).items() if not k.startswith("_"))
    adders = (("flask", "Flask", of_flask), ("django.core.handlers.base", "BaseHandler", of_django), ("pyramid.router", "Router", of_pyramid))

    def kind(obj):
        return next(((add, obj) for module, name, add in adders if instance(obj, module, name)), None)

    known = nearest(application, kind)
    about = []
    if known is not None:
        more, about = known[0](known[1])
        for k, v in more.items():
            names.setdefault(k, v)
    return names, about


def of_flask(app):
    """As flask shell: with the context of the application."""
    app.app_context().push()
    return dict(app.make_shell_context(), app=app), ["the context of the application is there"]


def of_django(_):
    """As manage.py shell of today: with the models."""
    from django.apps import apps

    models = {m.__name__: m for m in apps.get_models()}
    return models, ["models: " + ", ".join(sorted(models))] if models else []


def of_pyramid(app):
    from pyramid.scripting import prepare

    env = prepare(registry=app.registry)
    return {k: env[k] for k in ("request", "root", "registry")}, ["request, root and registry are those of a request for /"]


def banner(target, names, about):
    shown = sorted(k for k, v in names.items() if not isinstance(v, types.ModuleType))
    text = ", ".join(shown[:30]) + (", and %d more" % (len(shown) - 30) if len(shown) > 30 else "")
    return "\n".join(["Python %d.%d.%d with %s; Ctrl-D ends it" % (sys.version_info[:3] + (target,)), "names: " + text] + about)


def interact(names, text, plain):
    if not plain:
        try:
            import IPython
        except ImportError:
            pass
        else:
            print(text)
            IPython.start_ipython(argv=["--no-banner"], user_ns=names)
            return
    import code

    startup = os.environ.get("PYTHONSTARTUP")
    if startup and os.path.isfile(startup):
        with open(startup) as f:
            exec(compile(f.read(), startup, "exec"), names)
    hook = getattr(sys, "__interactivehook__", None)
    if hook is not None:
        hook()  # the keys of readline, and the history
    try:
        import readline
        import rlcompleter

        readline.set_completer(rlcompleter.Completer(names).complete)
    except ImportError:
        pass
    code.interact(banner=text, local=names, exitmsg="")


def main():
    target, plain, source = sys.argv[1], sys.argv[2] == "plain", sys.argv[3]
    application, file = loaded(target)
    names, about = names_of(application, file)
    if source:
        exec(compile(source, "<command>", "exec"), names)
    elif not sys.stdin.isatty():
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), names)
    else:
        interact(names, banner(target, names, about), plain)


main()
