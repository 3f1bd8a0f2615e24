//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// This file has programs answer in ways that HTTP does not want, and looks for the hints.

const faultyServer = `import os, socket, threading

ANSWERS = {
    "/more": b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nabc",
    "/bare": b"Content-Length: 5\r\nSet-Cookie: session=1\r\nETag: abc\r\n\r\nhello",
    "/both": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "/good": b"Content-Type: text/plain\r\nContent-Length: 4\r\nCache-Control: no-store\r\n\r\ngood",
}


def serve(c):
    with c:
        head = c.makefile("rb")
        while True:
            line = head.readline()
            if not line:
                return
            while head.readline() not in (b"\r\n", b""):
                pass
            c.sendall(b"HTTP/1.1 200 OK\r\n" + ANSWERS.get(line.split()[1].decode(), b"Content-Length: 0\r\n\r\n"))


s = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`

// Hints of a program that is none of ours: once each at the terminal, counted in the list of
// the dashboard, with their sections in the detail.
func TestHints(t *testing.T) {
	t.Parallel()
	d := startDev(t, map[string]string{"server.py": faultyServer}, "--command", "--", "/usr/bin/python3", "server.py")
	d.await("ready", 1)
	for range 2 {
		for _, path := range []string{"/more", "/bare", "/both", "/good"} {
			d.get(path)
		}
	}
	d.await("hint", 6) // of /more one, of /bare four, of /both one
	b := openChromium(t, d.url+"/__spindle__/")
	b.until("document.querySelectorAll('#requests .hints-count').length === 6")
	keepShot(t, "hints-list.png", b.screenshot())
	b.eval("[...document.querySelectorAll('#requests tr')].find(r => r.textContent.includes('/bare')).click()")
	b.until("document.querySelectorAll('.hint-list li').length === 4")
	if got := b.eval("document.querySelector('.hint-list a').href"); got != `"https://www.rfc-editor.org/rfc/rfc9110.html#section-8.3"` && !strings.Contains(got, "rfc9110.html#section-8.3") {
		t.Error(got)
	}
	keepShot(t, "hints-detail.png", b.screenshot())
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": true}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "light"}}}, nil)
	keepShot(t, "hints-phone.png", b.screenshot())
	for _, want := range []string{"1 bytes or more came behind the content (Content-Length: 2) (RFC 9110 §8.6)", "there is content and no Content-Type",
		`ETag "abc" is not in quotes`, "the cookie session is not HttpOnly", "there are both Content-Length and Transfer-Encoding (RFC 9112 §6.3)"} {
		if n := strings.Count(d.log.String(), want); n != 1 {
			t.Errorf("%d times %q", n, want)
		}
	}
	if strings.Contains(d.log.String(), "/good  ") {
		t.Error("a hint for what is right")
	}
}
