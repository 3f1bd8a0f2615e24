# What manage.py runserver looks at when it starts: system checks and migrations. The answer is
# the last line of standard output, as JSON.

import io
import json
import os
import re
import sys

MARK = "spindle-django "


def settings_of(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        found = re.search(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)""", f.read())
    return found and found.group(1)


def look_at_checks(answer):
    from django.core import checks

    for m in checks.run_checks():
        if m.is_silenced():
            continue
        obj = m.obj
        name = "" if obj is None else getattr(getattr(obj, "_meta", None), "label", None) or str(obj)
        answer["checks"].append({"serious": m.is_serious(), "message": m.msg, "hint": m.hint or "", "id": m.id or "", "object": name})


def look_at_migrations(answer):
    from django.apps import apps
    from django.db import connection
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.questioner import NonInteractiveMigrationQuestioner
    from django.db.migrations.state import ProjectState

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    answer["pending"] = [m.app_label + "." + m.name for m, _ in plan]
    loader = executor.loader
    if not loader.detect_conflicts():
        changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps), NonInteractiveMigrationQuestioner(specified_apps=(), dry_run=True)).changes(graph=loader.graph)
        answer["unmade"] = sorted(changes)


def main():
    out, sys.stdout = sys.stdout, io.StringIO()
    sys.path[:] = [os.getcwd()] + [p for p in sys.path if p]
    name = settings_of("manage.py")
    if name:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", name)
    answer = {"checks": [], "pending": [], "unmade": [], "trouble": ""}
    import django

    django.setup()
    look_at_checks(answer)
    try:
        look_at_migrations(answer)
    except BaseException as e:  # also SystemExit, of a question
        answer["trouble"] = "%s: %s" % (type(e).__name__, str(e).strip().split("\n")[0])
    out.write("\n" + MARK + json.dumps(answer) + "\n")


main()
