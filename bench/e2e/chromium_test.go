//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// This file drives Chromium by its DevTools protocol.

// browser is one page of a Chromium.
type browser struct {
	*testing.T
	conn net.Conn
	last int
}

// openChromium starts one at a URL, with more flags if there are any.
func openChromium(t *testing.T, url string, flags ...string) *browser {
	t.Helper()
	home := chromiumProfile(t)
	flags = append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--window-size=1100,800", "--remote-debugging-port=0", "--user-data-dir=" + home}, flags...)
	cmd := exec.CommandContext(patience(t), "chromium", append(flags, url)...)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	b := &browser{T: t}
	ctx := patience(t)
	for b.conn == nil {
		select {
		case <-ctx.Done():
			t.Fatal("Chromium does not say where its DevTools are")
		case <-time.After(50 * time.Millisecond):
		}
		port, err := os.ReadFile(filepath.Join(home, "DevToolsActivePort"))
		if err != nil {
			continue
		}
		at, _, _ := strings.Cut(string(port), "\n")
		if page := debuggedPage(at); page != "" {
			conn, _, _, err := ws.Dial(ctx, page)
			must(t, err)
			b.conn = conn
			t.Cleanup(func() { _ = conn.Close() })
		}
	}
	return b
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

// chromiumProfile is a directory for one. What a Chromium that has ended leaves may still
// write in it for a moment.
func chromiumProfile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "chromium-")
	must(t, err)
	t.Cleanup(func() {
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return dir
}

// debuggedPage is the address of the page's debugger, "" when there is none yet.
func debuggedPage(port string) string {
	out, err := exec.Command("curl", "-s", "http://127.0.0.1:"+port+"/json/list").Output()
	if err != nil {
		return ""
	}
	var pages []struct {
		Type string
		URL  string `json:"webSocketDebuggerUrl"`
	}
	if json.Unmarshal(out, &pages) != nil {
		return ""
	}
	for _, p := range pages {
		if p.Type == "page" {
			return p.URL
		}
	}
	return ""
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
	for late := time.After(30 * time.Second); b.eval(expression) != "true"; {
		select {
		case <-late:
			b.Fatalf("never true: %s; the page is %s %.2000s", expression, b.eval("location.href"), b.eval("document.documentElement.outerHTML"))
		case <-time.After(50 * time.Millisecond):
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
