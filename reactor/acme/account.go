package acme

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"spindle/reactor"
	"spindle/reactor/cert"
)

// This file is the account with the authority, and how its server is asked.

const stagingURL = "https://acme-staging-v02.api.letsencrypt.org/directory"

const (
	requestTime   = 30 * time.Second
	maxTries      = 4 // of one request, when the server is at odds with itself
	nonceRetry    = 50 * time.Millisecond
	longestOfBusy = 10 * time.Second // what a server may have us wait inside an attempt
)

// serverURL is the URL of the directory that text stands for.
func serverURL(text string) string {
	switch {
	case text == "" || text == "letsencrypt":
		return acme.LetsEncryptURL
	case text == "letsencrypt-staging":
		return stagingURL
	case !strings.Contains(text, "://"):
		return "https://" + text
	}
	return text
}

// httpClient asks the server; roots are who vouch for it.
func httpClient(roots string) (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: requestTime / 3}
	if roots != "" {
		pool, err := cert.LoadPool(roots)
		if err != nil {
			return nil, fmt.Errorf("acme: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: transport, Timeout: requestTime}, nil
}

// client is one that is signed in. A server that has forgotten the account makes it
// anew.
func (i *issuer) client(ctx context.Context) (*acme.Client, error) {
	key, err := i.store.accountKey()
	if err != nil {
		return nil, err
	}
	c := &acme.Client{Key: key, HTTPClient: i.http, DirectoryURL: i.server, RetryBackoff: backoff, UserAgent: "spindle"}
	account := &acme.Account{}
	if i.options.Email != "" {
		account.Contact = []string{"mailto:" + i.options.Email}
	}
	if i.options.Binding != "" {
		if account.ExternalAccountBinding, err = readBinding(i.options.Binding); err != nil {
			return nil, err
		}
	}
	if _, err := c.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("the account with %s: %w", i.server, err)
	}
	return c, nil
}

// readBinding reads what an authority gives to its customers.
func readBinding(name string) (*acme.ExternalAccountBinding, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(string(text))
	if len(words) == 2 {
		if key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(words[1], "=")); err == nil {
			return &acme.ExternalAccountBinding{KID: words[0], Key: key}, nil
		}
	}
	return nil, fmt.Errorf("%s: it should hold two words, the identifier and the key in base64url that the authority has given", name)
}

// backoff is how long to wait before a request is repeated; 0 gives up. See
// acme.Client.
func backoff(n int, _ *http.Request, res *http.Response) time.Duration {
	switch {
	case n > maxTries:
		return 0
	case res.StatusCode == http.StatusBadRequest: // a nonce that was used already
		return nonceRetry
	case res.Header.Get("Retry-After") != "":
		wait := retryAfter(res.Header, time.Now())
		if wait > longestOfBusy {
			return 0
		}
		return max(wait, nonceRetry)
	}
	return time.Second << (n - 1)
}

// retryAfter reads the field of that name (RFC 9110 §10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if when, err := http.ParseTime(text); err == nil {
		return when.Sub(now)
	}
	return 0
}

// serverSays is how long the server wants to be left alone, up to a day.
func serverSays(err error, now time.Time) time.Duration {
	var e *acme.Error
	if !errors.As(err, &e) || e.Header == nil {
		return 0
	}
	return min(retryAfter(e.Header, now), 24*time.Hour)
}

// isUnreachable tells that it was no refusal: the server was not there, or was not well.
func isUnreachable(err error) bool {
	var e *acme.Error
	if errors.As(err, &e) {
		return e.StatusCode >= 500
	}
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, errBusy) || errors.Is(err, reactor.ErrPoolFull)
}
