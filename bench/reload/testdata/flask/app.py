from flask import Flask

app = Flask(__name__)


@app.route("/")
def answer():
    return "VERSION\n"
