//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// This file looks at exceptions of Python applications in the browser, and runs code in
// their frames.

const shopApp = `import logging
from dataclasses import dataclass, field

from flask import Flask, render_template, request, session

app = Flask(__name__)
app.secret_key = "hu" + "sh"
log = logging.getLogger("shop")
VAT = 20


@dataclass
class Item:
    name: str
    price: int
    count: int
    tags: list = field(default_factory=list)


def basket():
    return [Item("distaff", 3, 1, ["wood", ["beech", ["dry", ["old"]]]]), Item("whorl", 3, 0)]


@app.route("/cart", methods=["GET", "POST"])
def cart():
    session["user"] = "ada"
    log.warning("the cart of %s", request.args.get("who"))
    print("two items")
    items, many, api_key = basket(), list(range(500)), "hu" + "sh"
    return render_template("cart.html", items=items)


@app.get("/unit")
def unit():
    try:
        return str([i.price / i.count for i in basket()])
    except ZeroDivisionError as e:
        raise ValueError("no price for nothing") from e


@app.get("/import")
def late():
    import faulty
    return faulty.name


@app.get("/")
def home():
    return "fine"
`

const shopTemplate = `<ul>
{% for item in items %}
  <li>{{ item.name }}: {{ item.price / item.count }}</li>
{% endfor %}
</ul>
`

func startShop(t *testing.T) *devRun {
	d := startDev(t, map[string]string{"app.py": shopApp, "templates/cart.html": shopTemplate,
		"faulty.py": "def ok():\n    pass\n\n\nname = ok( + 1\nother = 2\n"}, "--python", "/usr/bin/python3", "app.py")
	d.await("ready", 1)
	return d
}

// The page of an exception in a template, wide and on a phone, and its console by the
// keyboard alone.
func TestPythonPageInChromium(t *testing.T) {
	t.Parallel()
	d := startShop(t)
	b := openChromium(t, d.url+"/cart?who=ada&token=hush")
	b.until("document.querySelectorAll('.frame').length > 3 && document.readyState === 'complete'")
	for _, want := range []string{"template cart.html", "item.price / item.count", "whorl", "the cart of ada", "two items", "Session", "user"} {
		if got := b.eval(fmt.Sprintf("document.body.textContent.includes(%q)", want)); got != "true" {
			t.Errorf("no %q", want)
		}
	}
	if got := b.eval("document.body.textContent.includes('hush')"); got != "false" {
		t.Error("a secret is shown")
	}
	b.shots("python")
	b.call("Emulation.clearDeviceMetricsOverride", map[string]any{}, nil)

	b.eval("[...document.querySelectorAll('form.talk')].find(f => f.closest('.frame').textContent.includes('app.cart')).elements.expression.focus()")
	b.enter("items[1]")
	b.until("!!document.querySelector('dialog.pin[open]')")
	b.eval(fmt.Sprintf("(() => { const f = document.querySelector('dialog.pin form'); f.elements.pin.value = %q; f.requestSubmit(); })()", d.pinOf()))
	const last = "document.querySelector('form.talk output:not(:empty)').lastElementChild.textContent"
	b.until(last + ".includes(\"Item(name='whorl'\")")
	b.enter("n = VAT + len(many)")
	b.until(last + ".trim() === 'n = VAT + len(many)'")
	b.enter("for i in items:")
	b.until("document.activeElement.value === 'for i in items:\\n    '") // not complete, so that it goes on
	b.enter("print(i.name, n)")
	b.enter("")
	b.until(last + " === 'distaff 520\\nwhorl 520\\n'")
	b.enter("request.args['who'], session['user']")
	b.until(last + ".includes(\"('ada', 'ada')\")")
	b.enter("1 / items[1].count")
	b.until(last + ".includes('ZeroDivisionError')")

	// Values open level by level, beyond what was sent.
	const open = "(() => { const d = document.querySelector('.frame .tree details:not([open])'); if (d) d.querySelector('summary').click(); return !d })()"
	b.eval("document.querySelectorAll('.frame').forEach(f => { if (!f.textContent.includes('app.cart')) f.remove() }); document.querySelectorAll('output').forEach(o => o.replaceChildren())")
	b.until(open + " && document.body.textContent.includes(\"['old']\")")
	b.eval("document.querySelector('.more button[data-from]').click()")
	b.until("document.querySelector('.frame .tree').textContent.includes('124124')")
	keepShot(t, "python-console.png", b.screenshot())
}

// enter types a line and ends it.
func (b *browser) enter(text string) {
	b.Helper()
	if text != "" {
		b.call("Input.insertText", map[string]any{"text": text}, nil)
	}
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}, nil)
	}
}

// A SyntaxError in a module that is imported late has its place and a caret; causes have
// their frames below their own heading; when the worker is gone the ticket says so.
func TestPythonTickets(t *testing.T) {
	t.Parallel()
	d := startShop(t)
	_, page := d.get("/import", "Accept", "text/html")
	if !strings.Contains(page, "SyntaxError") || !strings.Contains(page, "faulty.py<b>:5</b>") || !strings.Contains(page, `<b>^`) {
		t.Error(page)
	}
	_, page = d.get("/unit", "Accept", "text/html")
	if !regexp.MustCompile(`class="cause"><span>because</span> division by zero <code>ZeroDivisionError</code>`).MatchString(page) {
		t.Error(page)
	}
	m := secretAttr.FindStringSubmatch(page)
	if m == nil {
		t.Fatal(page)
	}
	id, secret := m[1], m[2]
	entry := url.Values{"ticket": {id}, "frame": {"0"}, "expression": {"VAT + 1"}}
	if a, text := d.post("console", secret, "", entry); a.StatusCode != 401 {
		t.Errorf("without a PIN: %s %s", a.Status, text)
	}
	a, _ := d.post("pin", secret, "", url.Values{"pin": {d.pinOf()}})
	if a.StatusCode != 204 || len(a.Cookies()) != 1 {
		t.Fatal(a.Status)
	}
	cookie := a.Cookies()[0].Name + "=" + a.Cookies()[0].Value
	if a, text := d.post("console", secret, cookie, entry); a.StatusCode != 200 || !strings.Contains(text, ">21<") {
		t.Errorf("%s %s", a.Status, text)
	}
	// What loops is interrupted, and requests go on meanwhile.
	looping := make(chan string, 1)
	go func() {
		_, text := d.post("console", secret, cookie, url.Values{"ticket": {id}, "frame": {"0"}, "expression": {"import time\nfor i in range(40): time.sleep(.05)\n'slept'"}})
		looping <- text
	}()
	if status, body := d.get("/"); status != 200 || body != "fine" {
		t.Errorf("%d %s", status, body)
	}
	if text := <-looping; !strings.Contains(text, "slept") {
		t.Error(text)
	}
	d.write("app.py", shopApp+"\n")
	d.await("ready", 2)
	d.await("stopped", 1)
	if a, text := d.post("console", secret, cookie, entry); a.StatusCode != 410 || !strings.Contains(text, "The worker that had this frame is gone.") {
		t.Errorf("%s %s", a.Status, text)
	}
	if _, page := d.get("/__spindle__/tickets/"+id, "Accept", "text/html"); !strings.Contains(page, "The worker that had these frames is gone.") || strings.Contains(page, "<textarea") {
		t.Error(page)
	}
}
