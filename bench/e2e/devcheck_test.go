//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// What a linter finds is a bar above the page, opens as a whole, and goes away when it is
// mended; the page stays.
func TestDevLintInChromium(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"index.html": "<!doctype html><html><head><link rel=stylesheet href=a.css></head><body><p id=p>page</p></body></html>", "a.css": ""},
		".", "--lint", "if test -e wrong; then echo 'index.html:1:3: not so'; exit 1; fi")
	b := openChromium(t, d.url+"/")
	b.until("!!document.querySelector('#p') && window.listening")
	b.eval("window.stays = 1")
	const in = "document.querySelector('spindle-dev')?.shadowRoot."
	d.write("wrong", "")
	d.write("a.css", "p { color: red }")
	b.until("!!" + in + "querySelector('.spindle-bar.bad')?.textContent.includes('finds fault')")
	b.eval(in + "querySelector('.spindle-bar button').click()")
	b.until("!!" + in + "querySelector('.spindle-veil')?.textContent.includes('not so')")
	must(t, os.Remove(filepath.Join(d.dir, "wrong")))
	d.write("a.css", "p { color: blue }")
	b.until("!" + in + "querySelector('.spindle-veil') && !" + in + "querySelector('.spindle-bar')")
	if b.eval("window.stays") != "1" {
		t.Error("the page was loaded anew")
	}
}
