package acme

import (
	"crypto"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"spindle/reactor"
	"spindle/reactor/cert"
)

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	s, err := openStore(dir, "https://ca.test:14000/dir/")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "ca.test_14000_dir"); s.dir != want {
		t.Errorf("%s, want %s", s.dir, want)
	}
	now := time.Now()
	if c, err := s.load("a.test", now); c != nil || err != nil {
		t.Error(c, err)
	}
	c, err := cert.Adhoc([]string{"a.test"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.keep("a.test", c); err != nil {
		t.Fatal(err)
	}
	if err := s.keep("b.test", c); err != nil { // not for it
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		now  time.Time
		good bool
	}{{"a.test", now, true}, {"a.test", now.AddDate(2, 0, 0), false}, {"b.test", now, false}} {
		if c, err := s.load(row.name, row.now); (c != nil) != row.good || err != nil {
			t.Errorf("%s at %v: %v, %v", row.name, row.now, c, err)
		}
	}
	key, err := s.accountKey()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.accountKey(); err != nil || !again.Equal(key) {
		t.Error("another key", err)
	}
	for _, name := range []string{"", "a.test-key.pem", "account-key.pem"} {
		if info, err := os.Stat(filepath.Join(s.dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Error(name, info.Mode(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, "account-key.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.accountKey(); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Error(err)
	}
}

func TestStoreLock(t *testing.T) {
	s := &store{t.TempDir()}
	unlock, err := s.lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.lock(); !errors.Is(err, errBusy) {
		t.Error(err)
	}
	unlock()
	if unlock, err = s.lock(); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestOpenRefusals(t *testing.T) {
	open1 := t.TempDir()
	if err := os.Chmod(open1, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]reactor.ACMEOptions{
		"no host is named":                  {},
		"chmod 700":                         {Names: []string{"a.test"}, Dir: open1},
		"can not be made":                   {Names: []string{"a.test"}, Dir: filepath.Join(file, "x")},
		"it is no certificate":              {Names: []string{"a.test"}, Dir: t.TempDir(), Roots: file},
		"should hold two words":             {Names: []string{"a.test"}, Dir: t.TempDir(), Binding: file},
		"no such file":                      {Names: []string{"a.test"}, Dir: t.TempDir(), Binding: file + "x"},
		"a wildcard":                        {Names: []string{"*.a.test"}},
		"there are tls-alpn-01 and http-01": {Names: []string{"a.test"}, Challenges: []string{"dns-01"}},
	} {
		if _, err := open(&o, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestServerURL(t *testing.T) {
	for in, want := range map[string]string{
		"": acme.LetsEncryptURL, "letsencrypt": acme.LetsEncryptURL, "letsencrypt-staging": stagingURL,
		"ca.test/dir": "https://ca.test/dir", "https://ca.test:14000/dir": "https://ca.test:14000/dir",
	} {
		if got := serverURL(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, row := range []struct {
		n      int
		status int
		after  string
		want   time.Duration
	}{
		{1, 400, "", nonceRetry}, {4, 400, "", nonceRetry}, {5, 400, "", 0}, {1, 500, "", time.Second}, {3, 503, "", 4 * time.Second},
		{5, 503, "", 0}, {1, 429, "3", 3 * time.Second}, {1, 429, "0", nonceRetry}, {1, 429, "60", 0}, {1, 503, "soon", nonceRetry},
	} {
		res := &http.Response{StatusCode: row.status, Header: http.Header{}}
		if row.after != "" {
			res.Header.Set("Retry-After", row.after)
		}
		if got := backoff(row.n, nil, res); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

func TestAccept(t *testing.T) {
	now := time.Now()
	c, err := cert.Adhoc([]string{"a.test"}, now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := cert.Adhoc([]string{"a.test"}, now)
	if err != nil {
		t.Fatal(err)
	}
	key := c.PrivateKey.(crypto.Signer)
	for _, row := range []struct {
		chain [][]byte
		name  string
		now   time.Time
		want  string
	}{
		{c.Certificate, "a.test", now, ""},
		{[][]byte{{1, 2}}, "a.test", now, "what is no certificate"},
		{other.Certificate, "a.test", now, "for another key"},
		{c.Certificate, "b.test", now, `not for b.test, but for "a.test"`},
		{c.Certificate, "a.test", now.AddDate(2, 0, 0), "has expired"},
	} {
		if _, err := accept(row.chain, key, row.name, row.now); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v, want %q", err, row.want)
		}
	}
}
