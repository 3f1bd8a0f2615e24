//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// This file drives Chromium by its DevTools protocol. There is one for all tests; each has
// pages in a context of its own, as in a private window: without cookies, storage, cache and
// connections of others.

// browser is one page of it, or the whole of it.
type browser struct {
	*testing.T
	conn net.Conn
	last int
}

// theChromium is the process, once somebody has asked for it.
var theChromium *exec.Cmd

// chromiumAt starts it, and tells where its DevTools are: a port, and a path.
var chromiumAt = sync.OnceValues(func() (at string, err error) {
	home := filepath.Join(programs.dir, "chromium")
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-popup-blocking",
		"--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
		"--ignore-certificate-errors", "--remote-debugging-port=0", "--user-data-dir="+home, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // when a test is late, nobody else ends it
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for the thread that it dies with
		started <- cmd.Start()
		select {}
	}()
	if err := <-started; err != nil {
		return "", err
	}
	theChromium = cmd
	for late := time.Now().Add(time.Minute); ; time.Sleep(lookAgain) {
		text, err := os.ReadFile(filepath.Join(home, "DevToolsActivePort"))
		if port, path, ok := strings.Cut(string(text), "\n"); ok && path != "" {
			return "127.0.0.1:" + port + path, nil
		}
		if time.Now().After(late) {
			return "", fmt.Errorf("Chromium does not say where its DevTools are: %v", err)
		}
	}
})

// endChromium ends it, when no test needs it any more.
func endChromium() {
	if theChromium != nil {
		_ = theChromium.Process.Signal(os.Interrupt)
		late := time.AfterFunc(10*time.Second, func() { _ = theChromium.Process.Kill() })
		_ = theChromium.Wait()
		late.Stop()
	}
}

// listening has pages tell when the events of spindle dev come to them.
const listening = `window.EventSource = class extends EventSource {
	constructor(...args) {
		super(...args);
		this.addEventListener('hello', () => { window.listening = true });
	}
}`

// openChromium opens a page in a window of its own. It is closed when the test ends.
func openChromium(t *testing.T, url string) *browser {
	t.Helper()
	at, err := chromiumAt()
	must(t, err)
	whole := dialChromium(t, at)
	var context struct{ BrowserContextID string }
	whole.call("Target.createBrowserContext", map[string]any{"disposeOnDetach": true}, &context)
	var page struct{ TargetID string }
	whole.call("Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": context.BrowserContextID,
		"newWindow": true, "width": 1100, "height": 800}, &page)
	t.Cleanup(func() {
		whole.call("Target.disposeBrowserContext", map[string]any{"browserContextId": context.BrowserContextID}, nil)
	})
	address, _, _ := strings.Cut(at, "/")
	b := dialChromium(t, address+"/devtools/page/"+page.TargetID)
	b.call("Page.enable", map[string]any{}, nil)
	b.call("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": listening}, nil)
	b.call("Page.navigate", map[string]any{"url": url}, nil)
	return b
}

// dialChromium connects to the DevTools of a page, or of the whole.
func dialChromium(t *testing.T, at string) *browser {
	t.Helper()
	conn, _, _, err := ws.Dial(patience(t), "ws://"+at)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &browser{T: t, conn: conn}
}

// as has the page shown in a size and a scheme of colours.
func (b *browser) as(width, height int, scheme string, phone bool) {
	b.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shots looks whether the page fits on a wide screen and on a phone, in the light and in the
// dark, and keeps what it looks like.
func (b *browser) shots(name string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for screen, width := range map[string]int{"wide": 1100, "phone": 390} {
			b.as(width, 1500, scheme, screen == "phone")
			if got := b.eval("document.documentElement.scrollWidth <= innerWidth"); got != "true" {
				b.Errorf("%s, %s: the page is wider than the screen: %s", screen, scheme, b.eval("document.documentElement.scrollWidth + ' of ' + innerWidth"))
			}
			keepShot(b.T, name+"-"+screen+"-"+scheme+".png", b.screenshot())
		}
	}
}

// chromiumProfile is a directory for a Chromium with a home of its own.
func chromiumProfile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "chromium-")
	must(t, err)
	t.Cleanup(func() { removeBusy(dir) })
	return dir
}

// removeBusy removes a directory in which what a Chromium that has ended leaves may still
// write for a moment.
func removeBusy(dir string) {
	for range 400 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(lookAgain)
	}
}

// call asks the browser, and decodes what it answers.
func (b *browser) call(method string, params, result any) {
	b.Helper()
	b.last++
	text, err := json.Marshal(map[string]any{"id": b.last, "method": method, "params": params})
	must(b.T, err)
	must(b.T, b.conn.SetDeadline(time.Now().Add(30*time.Second)))
	must(b.T, wsutil.WriteClientText(b.conn, text))
	for {
		answer, err := wsutil.ReadServerText(b.conn)
		must(b.T, err)
		var a struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		must(b.T, json.Unmarshal(answer, &a))
		if a.ID != b.last {
			continue // an event
		}
		if a.Error == nil && result != nil {
			must(b.T, json.Unmarshal(a.Result, result))
		}
		return // an error comes from a page that is just going
	}
}

// eval is the value of an expression as text.
func (b *browser) eval(expression string) string {
	b.Helper()
	var got struct {
		Result struct{ Value any }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "String((() => { try { return eval(" + quoteJS(expression) + ") } catch (e) { return e } })())"}, &got)
	text, _ := got.Result.Value.(string)
	return text
}

func quoteJS(s string) string {
	text, _ := json.Marshal(s) // a string always has a form
	return string(text)
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.Helper()
	for late := time.Now().Add(time.Minute); b.eval(expression) != "true"; time.Sleep(4 * lookAgain) { // a look is work for the page
		if time.Now().After(late) {
			b.Fatalf("never true: %s; the page is %s %.2000s", expression, b.eval("location.href"), b.eval("document.documentElement.outerHTML"))
		}
	}
}

// screenshot is the page as PNG.
func (b *browser) screenshot() []byte {
	b.Helper()
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{}, &got)
	png, err := base64.StdEncoding.DecodeString(got.Data)
	must(b.T, err)
	return png
}
