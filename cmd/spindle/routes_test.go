package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"spindle/resource/outline"
	"spindle/resource/wsgi"
)

// withModule is an interpreter that has a module; the test is skipped without one.
func withModule(t *testing.T, module string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		path, err := exec.LookPath(name)
		if err == nil && exec.Command(path, "-c", "import importlib.util as u; assert u.find_spec('"+module+"')").Run() == nil {
			return path
		}
	}
	t.Skipf("no interpreter has %s", module)
	return ""
}

// applications are those of each framework, and what is to be found in them.
var applications = map[string]struct {
	source string
	want   []string
}{
	"flask": {`
from flask import Flask, Blueprint
app = Flask(__name__, static_folder=None)
b = Blueprint("users", __name__, url_prefix="/users")
@b.route("/<int:id>", methods=["GET", "PUT"])
def user(id): return ""
app.register_blueprint(b)
class Behind:
    def __init__(self, app): self.app = app
    def __call__(self, e, s): return self.app(e, s)
application = Behind(app.wsgi_app)
`, []string{"GET,PUT /users/<int:id> users.user app.user :5"}},
	"bottle": {`
from bottle import Bottle
application, inner = Bottle(), Bottle()
@inner.post("/x")
def x(): return ""
@application.route("/any", "ANY")
def every(): return ""
application.mount("/in", inner)
`, []string{" /any  app.every :6", "POST /in/x  app.x :4"}},
	"django": {`
from django.conf import settings
settings.configure(SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path, re_path
from django.views import View
class One(View):
    def get(self, r, id): return HttpResponse()
    def post(self, r, id): return HttpResponse()
def two(r): return HttpResponse()
urlpatterns = [path("a/", include(([path("<int:id>/", One.as_view(), name="one")], "inner"), namespace="in")), re_path(r"^two$", two)]
application = get_wsgi_application()
`, []string{"GET,POST /a/<int:id>/ in:one app.One :8", " /two  app.two :11"}},
	"pyramid": {`
from pyramid.config import Configurator
from pyramid.response import Response
def get(r): return Response("")
def post(r): return Response("")
with Configurator() as c:
    c.add_route("user", "/users/{id}")
    c.add_view(get, route_name="user", request_method="GET")
    c.add_view(post, route_name="user", request_method="POST")
    application = c.make_wsgi_app()
`, []string{"GET /users/{id} user app.get :4", "POST /users/{id} user app.post :5"}},
	"cherrypy": {`
import cherrypy
class Users:
    exposed = True
    def GET(self): return ""
    def PUT(self): return ""
class Root:
    users = Users()
    @cherrypy.expose
    def index(self): return ""
    @cherrypy.expose
    def default(self, *a): return ""
application = cherrypy.Application(Root(), "/shop")
`, []string{" /shop/  app.Root.index :9", " /shop/*  app.Root.default :11", "GET,PUT /shop/users  app.Users :3"}},
	"web": {`
import web
class page:
    def GET(self): return ""
    def POST(self): return ""
inner = web.application(("/x", "page"), globals())
application = web.application(("/", "page", "/in", inner), globals()).wsgifunc()
`, []string{"GET,POST /  app.page :3", "GET,POST /in/x  app.page :3"}},
	"werkzeug": {`
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware
urls = Map([Rule("/a/<id>", endpoint="a", methods=["POST"])])
@Request.application
def inner(request): return Response(urls.bind_to_environ(request.environ).match()[0])
application = DispatcherMiddleware(inner, {"/in": inner})
`, []string{"POST /a/<id> a  :0", "POST /in/a/<id> a  :0"}},
}

// The routes of each framework are found, also behind what stands in front of it.
func TestRoutesOfFrameworks(t *testing.T) {
	for module, one := range applications {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			python, dir := withModule(t, module), t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(strings.TrimPrefix(one.source, "\n")), 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := wsgi.Script(python, dir, nil, behindScript+"\n"+routesScript, "app.py")
			if err != nil {
				t.Fatal(err)
			}
			list, err := askRoutes(c, "app.py", os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range list.Routes {
				if r.Line > 0 {
					r.Line++ // the first line was cut
				}
				got = append(got, strings.Join([]string{strings.Join(r.Methods, ","), r.Path, r.Name, r.Handler, ":"}, " ")+decimal(r.Line))
			}
			for _, want := range one.want {
				if !slices.Contains(got, want) {
					t.Errorf("no %q in %q", want, got)
				}
			}
			if len(got) != len(one.want) {
				t.Errorf("%d routes: %q", len(got), got)
			}
		})
	}
}

func decimal(n int) string { b, _ := json.Marshal(n); return string(b) }

// What can not be listed is said, with what the application is.
func TestRoutesOfOthers(t *testing.T) {
	python := withModule(t, "json")
	inDir(t, map[string]string{"plain.py": "def application(e, s):\n    return []\n", "bad.py": "import nothing_like_it\n", "pages/index.html": ""})
	for _, row := range []struct{ target, want string }{
		{"plain.py", "it is builtins.function, and none of Flask,"},
		{"bad.py", ""}, // the script says it itself
		{"./pages", "is a directory: its paths are its files"},
	} {
		code, out, errs := capture(t, "routes", row.target, "--python", python)
		if code != exitFailed || out != "" || !strings.Contains(errs, row.want) {
			t.Errorf("%s: exit code %d, %s%s", row.target, code, out, errs)
		}
	}
	_, _, errs := capture(t, "routes", "bad.py", "--python", python)
	if !strings.Contains(errs, "bad.py can not be loaded: ") || !strings.Contains(errs, "bad.py, line 1: ModuleNotFoundError: No module named 'nothing_like_it'") {
		t.Error(errs)
	}
}

// Columns and JSON.
func TestRoutesPrinted(t *testing.T) {
	l := &routeList{Target: "app.py", Framework: "Flask", Routes: []route{
		{Path: "/", Methods: []string{"GET", "POST"}, Name: "index", Handler: "app.index", File: "/usr/lib/x.py", Line: 3}, {Path: "/a/<b>"}}}
	var b strings.Builder
	if err := l.print(&b, false); err != nil {
		t.Fatal(err)
	}
	if want := "app.py: Flask, 2 routes\n\n  GET,POST  /  index  app.index\n  any       /a/<b>\n"; b.String() != want {
		t.Errorf("%q, not %q", b.String(), want)
	}
	b.Reset()
	if err := l.print(&b, true); err != nil {
		t.Fatal(err)
	}
	var again routeList
	if err := json.Unmarshal([]byte(b.String()), &again); err != nil || len(again.Routes) != 2 || again.Routes[1].Path != "/a/<b>" || !strings.Contains(b.String(), "<b>") {
		t.Errorf("%v: %s", err, b.String())
	}
}

// Routes are drawn by their segments; one that stands for many is open.
func TestRouteTree(t *testing.T) {
	l := &routeList{Target: "app.py", Framework: "Flask", Routes: []route{
		{Path: "/", Methods: []string{"GET"}, Handler: "app.index"},
		{Path: "/users/<id>", Methods: []string{"GET"}, Name: "user", Handler: "app.user"},
		{Path: "/users/<id>", Methods: []string{"PUT"}, Handler: "app.put"},
		{Path: "^users/(\\d+)/edit$", Name: "edit"},
	}}
	var got []string
	root := l.draw()
	root.Each(func(n outline.Node) {
		got = append(got, strings.Join([]string{n.Name, n.Path, n.Href, n.Kind, n.About, n.Methods}, "|"))
	})
	want := []string{"||/|Flask|app.py, app.index|GET", "users|users|/users|||", "<id>|users/*||app.put||GET, PUT", "(\\d+)|users/*||||", "edit|users/*/edit||edit||"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nnot %q", got, want)
	}
}

// spindle shell runs what comes by a pipe, or is given, with the names of the module.
func TestShell(t *testing.T) {
	python := withModule(t, "flask")
	inDir(t, map[string]string{".env": "FROM_FILE=yes\n", "app.py": "from flask import Flask\nanswer = 41\napp = Flask('shop')\n", "web/main.go": ""})
	c := startChild(t, "spindle", "shell", "app.py", "--python", python)
	if _, err := c.in.Write([]byte("import os\nfrom flask import current_app\nprint(answer + 1, app.name, current_app.name, os.environ['FROM_FILE'])\n")); err != nil {
		t.Fatal(err)
	}
	_ = c.in.Close()
	if got := c.line(); got != "42 shop shop yes" {
		t.Error(got)
	}
	if got := startChild(t, "spindle", "shell", "app:app", "--python", python, "--command", "print(application is app)").line(); got != "True" {
		t.Error(got)
	}
	if code, _, errs := capture(t, "shell", "./web"); code != exitFailed || !strings.Contains(errs, "the page of a panic has a console") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := capture(t, "shell", "a", "b"); code != exitUsage || !strings.Contains(errs, `"b" is a second`) {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
