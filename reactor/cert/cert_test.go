package cert

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// made is a certificate in text, with its key.
type made struct {
	cert, key string
	c         *tls.Certificate
}

func makeCert(t *testing.T, from time.Time, names ...string) made {
	t.Helper()
	c, err := Adhoc(names, from)
	if err != nil {
		t.Fatal(err)
	}
	return made{pemText("CERTIFICATE", c.Certificate[0]), keyText(t, c.PrivateKey), c}
}

func keyText(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("PRIVATE KEY", der)
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestLoad(t *testing.T) {
	a, b := makeCert(t, testNow, "a.test"), makeCert(t, testNow, "b.test", "www.b.test", "*.b.test", "192.0.2.1")
	old := makeCert(t, testNow.AddDate(-2, 0, 0), "old.test")
	early := makeCert(t, testNow.AddDate(0, 0, 2), "early.test")
	ec, err := x509.MarshalECPrivateKey(a.c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n"
	for _, row := range []struct {
		name       string
		cert, key  string // what the files hold; "-" for no file
		chain      string
		want, mend string // in the error; "" for none
	}{
		{"right", a.cert, a.key, "", "", ""},
		{"in one file", a.cert + a.key, "", "", "", ""},
		{"in one file, the key first", a.key + a.cert, "", "", "", ""},
		{"key in the form SEC 1", a.cert, pemText("EC PARAMETERS", []byte{6, 8}) + pemText("EC PRIVATE KEY", ec), "", "", ""},
		{"with a chain", a.cert + b.cert, a.key, "", "", ""},
		{"with a chain in a file", a.cert, a.key, b.cert, "", ""},
		{"text around the blocks", "Subject: a\n" + a.cert + "end\n", "key:\n" + a.key, "", "", ""},

		{"no certificate", "-", a.key, "", "cert: there is no such file", "look at the path"},
		{"no key", a.cert, "-", "", "key: there is no such file", "look at the path"},
		{"no chain", a.cert, a.key, "-", "chain: there is no such file", "look at the path"},
		{"no key in the one file", a.cert, "", "", "cert: no key is named", "key=privkey.pem"},
		{"empty", " \n", a.key, "", "cert: the file is empty", "with the certificate"},
		{"empty key", a.cert, "\n", "", "key: the file is empty", "with the key"},
		{"rubbish", "hello", a.key, "", "cert: it is no certificate in the form PEM", "BEGIN"},
		{"DER", string(a.c.Certificate[0]), a.key, "", "cert: it is in the form DER", "openssl x509 -inform DER -in"},
		{"key in DER", a.cert, string(ec), "", "key: it is in the form DER", "openssl pkey -inform DER -in"},
		{"swapped", a.key, a.cert, "", "cert: it holds a key where a certificate belongs", "wrong way round"},
		{"certificate as key", a.cert, a.cert, "", "key: it holds a certificate where a key belongs", "wrong way round"},
		{"a request", pemText("CERTIFICATE REQUEST", request), a.key, "", "cert: it holds a request", "the authority gave"},
		{"another block", pemText("X509 CRL", request), a.key, "", `cert: it holds no certificate, but "X509 CRL"`, "BEGIN CERTIFICATE"},
		{"a public key", a.cert, pemText("PUBLIC KEY", request), "", `key: it holds no key, but "PUBLIC KEY"`, "BEGIN PRIVATE KEY"},
		{"damaged", pemText("CERTIFICATE", a.c.Certificate[0][:100]), a.key, "", "cert: the certificate can not be read", "a new one"},
		{"damaged key", a.cert, pemText("PRIVATE KEY", ec[:20]), "", "key: the key can not be read", "ECDSA, RSA or Ed25519"},
		{"encrypted, PKCS #8", a.cert, pemText("ENCRYPTED PRIVATE KEY", ec), "", "key: the key is encrypted", "openssl pkey -in"},
		{"encrypted, as OpenSSL did", a.cert, encrypted, "", "key: the key is encrypted", "openssl pkey -in"},
		{"another key", a.cert, b.key, "", "key: this key does not belong to the certificate", "(for a.test)"},
		{"the issuer first", b.cert + a.cert, a.key, "", "cert: the certificate of the server is number 2", "put it first"},
		{"expired", old.cert, old.key, "", "cert: the certificate (for old.test) expired on 3 July 2025", "renew it"},
		{"not yet valid", early.cert, early.key, "", "cert: the certificate (for early.test) is valid from 3 June 2026 11:00 UTC on only", "the clock of this machine: it says 1 June 2026 12:00 UTC"},
		{"many names", b.cert, a.key, "", "(for b.test, www.b.test, *.b.test and 1 more)", "made for"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name, content string) string {
				path := filepath.Join(dir, name)
				if content != "-" {
					if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				return path
			}
			f := Files{Cert: file("cert", row.cert)}
			if row.key != "" {
				f.Key = file("key", row.key)
			}
			if row.chain != "" {
				f.Chain = file("chain", row.chain)
			}
			c, err := Load(f, testNow)
			if row.want == "" {
				if err != nil || c.Leaf == nil || c.Leaf.DNSNames[0] != "a.test" {
					t.Fatal(err)
				}
				if want := 1 + strings.Count(row.cert, "BEGIN CERT")/2 + strings.Count(row.chain, "BEGIN CERT"); len(c.Certificate) != want {
					t.Errorf("%d certificates, want %d", len(c.Certificate), want)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), row.mend) {
				t.Errorf("\n got %v\nwant %s … %s", err, row.want, row.mend)
			}
		})
	}
}

func TestLoadOtherKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template, err := leafTemplate([]string{"x.test"}, testNow)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		public, private any
		text            string
	}{
		"Ed25519":     {ed.Public(), ed, keyText(t, ed)},
		"RSA":         {&r.PublicKey, r, keyText(t, r)},
		"RSA, PKCS 1": {&r.PublicKey, r, pemText("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r))},
		"P-384":       {&p384.PublicKey, p384, keyText(t, p384)},
	} {
		der, err := x509.CreateCertificate(rand.Reader, template, template, row.public, row.private)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(path, []byte(pemText("CERTIFICATE", der)+row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Files{Cert: path}, testNow); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(Files{Cert: dir}, testNow); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Error(err)
	}
	if _, err := Load(Files{}, testNow); err == nil || !strings.Contains(err.Error(), "cert=fullchain.pem") {
		t.Error(err)
	}
	err := unreadable("x", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}) // root reads all
	if !strings.Contains(err.Error(), "x: this user may not read it; give the user") || !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}

func TestSet(t *testing.T) {
	list := map[string]*tls.Certificate{}
	var all []*tls.Certificate
	for _, names := range [][]string{{"default.test"}, {"a.test", "*.a.test"}, {"www.a.test"}, {"*.B.test"}} {
		c := makeCert(t, testNow, names...).c
		list[strings.ToLower(names[0])] = c
		all = append(all, c)
	}
	var s Set
	if _, err := s.GetCertificate(&tls.ClientHelloInfo{}); err == nil {
		t.Error("an empty set has a certificate")
	}
	s.Replace(all)
	for name, want := range map[string]string{
		"": "default.test", "default.test": "default.test", "unknown.test": "default.test",
		"a.test": "a.test", "A.Test.": "a.test", "x.a.test": "a.test", "www.a.test": "www.a.test",
		"x.y.a.test": "default.test", "b.test": "default.test", "x.b.test": "*.b.test", "test": "default.test",
	} {
		if c, err := s.GetCertificate(&tls.ClientHelloInfo{ServerName: name}); err != nil || c != list[want] {
			t.Errorf("%q: %v, %v", name, c.Leaf.DNSNames, err)
		}
	}
}

// Of two certificates for a name a client gets the one that it can use.
func TestSetKinds(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template, _ := leafTemplate([]string{"x.test"}, testNow)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	old := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	modern := makeCert(t, testNow, "x.test").c
	var s Set
	s.Replace([]*tls.Certificate{modern, old})
	hello := tls.ClientHelloInfo{
		ServerName: "x.test", SupportedVersions: []uint16{tls.VersionTLS12}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		CipherSuites:     []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.PKCS1WithSHA256}, SupportedPoints: []uint8{0},
	}
	if c, _ := s.GetCertificate(&hello); c != old {
		t.Error("a client that knows RSA only gets ECDSA")
	}
	hello.CipherSuites = append(hello.CipherSuites, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
	hello.SignatureSchemes = append(hello.SignatureSchemes, tls.ECDSAWithP256AndSHA256)
	if c, _ := s.GetCertificate(&hello); c != modern {
		t.Error("a client that knows both gets RSA")
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	f := Files{Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k")}
	put := func(name, content string, age time.Duration) {
		t.Helper()
		if err := replaceFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, testNow, testNow.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	a, b := makeCert(t, testNow, "a.test"), makeCert(t, testNow, "b.test")
	put(f.Cert, a.cert, 9)
	put(f.Key, a.key, 9)
	ca := filepath.Join(dir, "ca")
	put(ca, a.cert, 9)
	s, err := Open([]Files{f}, ca, testNow)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, wantChanged bool, wantErr, name string) {
		t.Helper()
		changed, err := s.Reload(testNow)
		if changed != wantChanged || (err != nil) != (wantErr != "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("%s: %v, %v", what, changed, err)
		}
		if c, _ := s.Set.GetCertificate(&tls.ClientHelloInfo{}); c.Leaf.DNSNames[0] != name {
			t.Errorf("%s: it is %v", what, c.Leaf.DNSNames)
		}
	}
	check("nothing happened", false, "", "a.test")
	put(f.Cert, b.cert, 8)
	check("half of the pair", false, "", "a.test")
	check("still half of it", false, "does not belong", "a.test")
	check("and still", false, "", "a.test")
	put(f.Key, b.key, 8)
	check("both", true, "", "b.test")
	check("nothing more", false, "", "b.test")
	if err := os.Remove(f.Key); err != nil {
		t.Fatal(err)
	}
	check("gone", false, "", "b.test")
	check("still gone", false, "no such file", "b.test")
	put(f.Key, b.key, 8)
	check("back", true, "", "b.test")
	before := s.ClientCAs()
	put(ca, b.cert, 7)
	check("another authority", true, "", "b.test")
	if s.ClientCAs() == before || s.ClientCAs().Equal(before) {
		t.Error("the authorities are the same")
	}
	put(ca, "x", 6)
	check("a bad authority", false, "", "b.test")
	check("it stays", false, "no certificate in the form PEM", "b.test")
}

func TestAuthority(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "spindle")
	if _, err := OpenAuthority(dir, testNow); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	owner := strings.Repeat("somebody with a long name ", 4)
	for _, owner := range []string{owner, "me@here"} {
		if _, err := MakeAuthority(dir, owner, testNow); err != nil {
			t.Fatal(err)
		}
	}
	a, err := OpenAuthority(dir, testNow)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{a.KeyFile(): 0o600, a.CertFile(): 0o644, dir: fs.ModeDir | 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	c, err := a.Issue([]string{"localhost", "*.Example.test", "::1"}, testNow)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := LoadPool(a.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "www.example.test", "::1"} {
		if _, err := c.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name, CurrentTime: testNow}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	late, err := a.Issue([]string{"x"}, a.Certificate().NotAfter.AddDate(0, -1, 0))
	if err != nil || late.Leaf.NotAfter.After(a.Certificate().NotAfter) {
		t.Errorf("it outlives its authority: %v", err)
	}
	files := Files{Cert: filepath.Join(dir, "leaf.pem"), Key: filepath.Join(dir, "leaf-key.pem")}
	if err := Write(c, files.Cert, files.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(files, testNow); err != nil {
		t.Error(err)
	}
	if err := Write(c, a.CertFile(), a.KeyFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir, testNow); err == nil || !strings.Contains(err.Error(), "no authority") {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"localhost": true, "a.example": true, "*.example": true, "xn--mnchen-3ya.de": true, "_x.test": true, "192.0.2.1": true, "::1": true,
		"": false, "a b": false, "*.*.x": false, "a..b": false, "-a": false, "a-": false, "münchen.de": false, "https://x": false,
		strings.Repeat("a", 64): false, strings.Repeat("a.", 130) + "b": false,
	} {
		if _, err := Adhoc([]string{name}, testNow); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Adhoc(nil, testNow); err == nil {
		t.Error("a certificate for nobody")
	}
	if c, err := Adhoc(MachineNames(), testNow); err != nil || c.Leaf.VerifyHostname("localhost") != nil || c.Leaf.VerifyHostname("127.0.0.1") != nil {
		t.Error(err)
	}
}

// Each certificate has to be followed by that of its issuer.
func TestChainOrder(t *testing.T) {
	dir := t.TempDir()
	made := func(name string, signer *tls.Certificate) *tls.Certificate {
		template, err := leafTemplate([]string{name}, testNow)
		if err != nil {
			t.Fatal(err)
		}
		template.Subject.CommonName, template.IsCA, template.BasicConstraintsValid = name, true, true
		template.KeyUsage |= x509.KeyUsageCertSign
		c, err := make509(template, signer)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	root := made("root.test", nil)
	middle := made("middle.test", root)
	again := made("middle.test", root) // in place of middle, for other clients
	leaf := made("leaf.test", middle)
	foreign := made("foreign.test", nil)
	for name, row := range map[string]struct {
		chain []*tls.Certificate
		want  string
	}{
		"right":                  {[]*tls.Certificate{leaf, middle, root}, ""},
		"without the root":       {[]*tls.Certificate{leaf, middle}, ""},
		"two of the same name":   {[]*tls.Certificate{leaf, middle, again, root}, ""},
		"a foreign one behind":   {[]*tls.Certificate{leaf, middle, foreign}, ""},
		"the issuer is missing":  {[]*tls.Certificate{leaf, root, foreign}, ""},
		"the root comes first":   {[]*tls.Certificate{leaf, root, middle}, "number 1 is number 3"},
		"something in between":   {[]*tls.Certificate{leaf, middle, foreign, root}, "number 2 is number 4"},
		"something in between 1": {[]*tls.Certificate{leaf, foreign, middle, root}, "number 1 is number 3"},
	} {
		c := &tls.Certificate{PrivateKey: leaf.PrivateKey}
		for _, x := range row.chain {
			c.Certificate = append(c.Certificate, x.Certificate[0])
		}
		f := Files{Cert: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem")}
		if err := Write(c, f.Cert, f.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(f, testNow); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}
