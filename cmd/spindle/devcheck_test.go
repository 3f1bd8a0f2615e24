package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"spindle/site/dev"
)

// What would run is said, and what is wrong; a fault is exit code 1.
func TestDevCheck(t *testing.T) {
	python := withModule(t, "json")
	files := map[string]string{"pages/index.html": "", "pages/.env": "A=1\n", "good.py": "def application(e, s): pass\n", "bad.py": "import nothing_like_it\n",
		"go.mod": "module gone\n\ngo 1.26\n", "gone/main.go": "package main\n\nimport \"none.example/x\"\n\nfunc main() { x.Y() }\n"}
	for _, row := range []struct {
		config, variable, target string
		code                     int
		want                     string // several, divided by |
	}{
		{"", "", "./pages", 0, "target     directory |watched    2 files in pages|variables  pages/.env|Nothing is wrong."},
		{"", "", "good.py", 0, "python   3.|target   Python application in |Nothing is wrong."},
		{"", "", "bad.py", 1, "fault: bad.py can not be loaded|ModuleNotFoundError"},
		{"python = \"no/python\"\n", "", "good.py", 1, "good.py can not be loaded: |no/python"},
		{"", "", "./none", 1, "fault: there is no ./none"},
		{"", "", "./gone", 1, "fault: The package can not be |main.go:3:8: no required module provides package none.example/x|mend: go get none.example/x"},
		{"vett = true\n", "", "./pages", 1, `fault: spindle.toml: there is no key "vett"; did you mean "vet"?`},
		{"listen = [\"tcp:x\"]\n", "", "./pages", 1, "fault: --listen tcp:x"},
		{"debugger = \"2345\"\n", "", "./pages", 1, "fault: --debugger 2345: give it as an address and a port"},
		{"direct = true\napp-port = 3\n", "", "./pages", 1, "contradict each other"},
		{"[rule]\n\"*.x\" = \"nothing\"\n", "", "./pages", 1, `is no action`},
		{"", "SPINDLE_DEV_EDTOR", "./pages", 1, "SPINDLE_DEV_EDTOR is set, and there is no such flag; did you mean SPINDLE_DEV_EDITOR?"},
	} {
		t.Run(row.target+row.config+row.variable, func(t *testing.T) {
			inDir(t, files)
			if row.config != "" {
				if err := os.WriteFile(configName, []byte(row.config), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if row.variable != "" {
				t.Setenv(row.variable, "x")
			}
			if !strings.HasPrefix(row.config, "listen") {
				t.Setenv("SPINDLE_DEV_LISTEN", "tcp:0:interface=127.0.0.1") // somebody may have the usual one
			}
			args := []string{"dev", "check", row.target}
			if !strings.HasPrefix(row.config, "python") {
				args = append(args, "--python", python)
			}
			c := startChild(t, "spindle", args...)
			var out strings.Builder
			for c.out.Scan() {
				out.WriteString(c.out.Text() + "\n")
			}
			_ = c.cmd.Wait() // the exit code says it
			if code := c.cmd.ProcessState.ExitCode(); code != row.code {
				t.Errorf("exit code %d", code)
			}
			for want := range strings.SplitSeq(row.want, "|") {
				if !strings.Contains(out.String()+c.said(), want) {
					t.Errorf("no %q in %s%s", want, out.String(), c.said())
				}
			}
		})
	}
}

// A port that is taken is no fault: spindle dev itself may have it. Who has it is said.
func TestDevCheckPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	inDir(t, map[string]string{"pages/index.html": "", configName: fmt.Sprintf("listen = [%q]\n", l.Addr())})
	c := startChild(t, "spindle", "dev", "check", "./pages")
	var out strings.Builder
	for c.out.Scan() {
		out.WriteString(c.out.Text() + "\n")
	}
	for _, want := range []string{fmt.Sprintf("is in use by process %d: ", os.Getpid()), "--listen tcp:", "Nothing else is wrong."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s%s", want, out.String(), c.said())
		}
	}
}

// What Django's checks say is a fault or a notice, with what to do.
func TestDjangoJudge(t *testing.T) {
	x := djangoLooks{dir: "/app"}
	f, notices := x.judge("noise\nspindle-django "+`{"checks": [{"serious": true, "message": "No.", "hint": "Do.", "id": "a.E1", "object": "shop.User"},
		{"serious": false, "message": "Hm.", "hint": "", "id": "a.W1", "object": ""}], "pending": ["auth.0001", "auth.0002", "shop.0001"], "unmade": ["shop"], "trouble": ""}`+"\n", "", true)
	if f == nil || len(f.Faults) != 1 || f.Faults[0] != (dev.Fault{Message: "shop.User: No. (a.E1)", Mend: "Do."}) {
		t.Errorf("%+v", f)
	}
	want := []string{"manage.py check warns: Hm. (a.W1)", "3 migrations are not applied, of auth, shop: python manage.py migrate",
		"models have changed without a migration, of shop: python manage.py makemigrations"}
	if strings.Join(notices, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", notices)
	}
	for path, asks := range map[string]bool{"/app/models.py": true, "/app/db.sqlite3": true, "/app/a.css": false} {
		if x.when(path) != asks {
			t.Errorf("%s: %v", path, !asks)
		}
	}
	if f, notices = x.judge("\nspindle-django {}\n", "", true); f != nil || len(notices) != 0 || x.when("/app/db.sqlite3") {
		t.Errorf("%+v %q", f, notices)
	}
	if f, notices = x.judge("", "ImproperlyConfigured", false); f != nil || notices != nil {
		t.Errorf("without an answer: %+v %q", f, notices)
	}
}

// A project of Django is looked at by its own interpreter: what is wrong, and what waits.
func TestDjangoCheck(t *testing.T) {
	python := withModule(t, "django")
	inDir(t, map[string]string{
		"manage.py":                   "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n",
		"settings.py":                 "SECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.contenttypes', 'django.contrib.auth', 'shop']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db.sqlite3'}}\nROOT_URLCONF = 'settings'\nurlpatterns = []\n",
		"shop/__init__.py":            "",
		"shop/models.py":              "from django.db import models\nclass One(models.Model):\n    id = models.AutoField(primary_key=True)\n    title = models.CharField()\n",
		"shop/migrations/__init__.py": "",
		"wsgi.py":                     "from django.core.wsgi import get_wsgi_application\nimport os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\napplication = get_wsgi_application()\n",
	})
	c := startChild(t, "spindle", "dev", "check", "wsgi.py", "--python", python)
	var text strings.Builder
	for c.out.Scan() {
		text.WriteString(c.out.Text() + "\n")
	}
	for _, want := range []string{"fault: manage.py check finds fault", "shop.One.title: ", "max_length", "migrations are not applied, of auth, contenttypes: python manage.py migrate", "of shop: python manage.py makemigrations"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %s%s", want, text.String(), c.said())
		}
	}
}
