//go:build e2e

package e2e

import (
	"fmt"
	"testing"
)

// This file opens the demonstrations of the start page in two windows of Chromium at
// once, over TLS and HTTP/2: what one says in the chat the other hears, and both tickers
// tick.

// startPage runs spindle web with no more words than --listen.
func startPage(t *testing.T) (url string) {
	t.Helper()
	name := build(t, "cmd/spindle")
	port := freePort(t)
	serving(t, atHome(t, t.TempDir(), name, "web", "--listen", fmt.Sprintf("tls:%d", port)), port)
	return fmt.Sprintf("https://127.0.0.1:%d", port)
}

func TestChatInTwoWindows(t *testing.T) {
	t.Parallel()
	url := startPage(t)
	ada, ben := openChromium(t, url+"/chat"), openChromium(t, url+"/chat")
	ben.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
	for name, b := range map[string]*browser{"Ada": ada, "Ben": ben} {
		b.until("document.getElementById('state').textContent === '2 are here'")
		b.eval("document.getElementById('name').value = " + quoteJS(name))
		if got := b.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol"); got != "h2" {
			t.Errorf("the page came over %q", got)
		}
	}
	for i := range 4 { // the messages cross
		for name, b := range map[string]*browser{"Ada": ada, "Ben": ben} {
			b.eval(fmt.Sprintf("document.getElementById('text').value = '%s says %d <b>&amp;'; document.querySelector('button').click()", name, i))
		}
	}
	for _, b := range []*browser{ada, ben} {
		b.until("document.querySelectorAll('li').length === 8")
		b.until("[...document.querySelectorAll('li')].every((li) => / says \\d <b>&amp;$/.test(li.textContent) && li.children.length === 1)")
		b.until("document.querySelectorAll('li.mine').length === 4")
	}
	keepShot(t, "chat-light.png", ada.screenshot())
	keepShot(t, "chat-dark.png", ben.screenshot())

	for _, b := range []*browser{ada, ben} {
		b.call("Page.navigate", map[string]any{"url": url + "/ticker"}, nil)
	}
	for _, b := range []*browser{ada, ben} {
		b.until("ticks.length >= 3")
		if got := b.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol"); got != "h2" {
			t.Errorf("the page came over %q", got)
		}
	}
	ada.eval("document.getElementById('cut').click()") // cuts both
	ada.until("document.getElementById('state').className !== 'open'")
	for _, b := range []*browser{ada, ben} {
		b.until("document.getElementById('state').className === 'open' && ticks.length >= 6 && ticks.every((t, i) => i === 0 || t.at === ticks[i-1].at + 1)")
	}
	keepShot(t, "ticker-light.png", ada.screenshot())
	keepShot(t, "ticker-dark.png", ben.screenshot())
}
