from flask import Flask, redirect, request, url_for

application = Flask(__name__)
notes = []


@application.get("/")
def index():
    items = "".join("<li>%s" % note.replace("<", "&lt;") for note in notes)
    return ('<!doctype html><title>Flask</title><h1>Flask</h1><form method="post" action="%s"><input name="note">'
            "<button>Note it</button></form><ul>%s</ul>" % (url_for("add"), items))


@application.post("/add")
def add():
    notes.append(request.form["note"])
    return redirect(url_for("index"))
