package cert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io/fs"
	"strconv"
	"strings"
)

// This file says what is wrong with a file, and how to mend it.

// Error is a file that can not be used.
type Error struct {
	File   string
	Reason string
	Mend   string
	Err    error // of the system; nil when the file itself is wrong
}

// Error names the file, the reason and the mend.
func (e *Error) Error() string { return e.File + ": " + e.Reason + "; " + e.Mend }

// Unwrap is the error of the system.
func (e *Error) Unwrap() error { return e.Err }

func problem(file, reason, mend string) error { return &Error{File: file, Reason: reason, Mend: mend} }

// unreadable tells why a file can not be read.
func unreadable(name string, err error) error {
	e := &Error{File: name, Err: err}
	var path *fs.PathError
	switch {
	case name == "":
		e.File, e.Reason, e.Mend = "certificate", "no file is named", "name one: cert=fullchain.pem"
	case errors.Is(err, fs.ErrNotExist):
		e.Reason, e.Mend = "there is no such file", "look at the path; a relative one begins where the program was started"
	case errors.Is(err, fs.ErrPermission):
		e.Reason, e.Mend = "this user may not read it", "give the user that the server runs as the right to read it, and nobody else"
	case errors.As(err, &path):
		e.Reason, e.Mend = "it can not be read: "+path.Err.Error(), "name a file in the form PEM"
	default:
		e.Reason, e.Mend = "it can not be read: "+err.Error(), "name a file in the form PEM"
	}
	return e
}

// noCertificate tells what a file holds in place of certificates.
func noCertificate(name string, data []byte, others []string) error {
	switch {
	case len(others) == 0:
		return noPEM(name, data, "certificate", "openssl x509 -inform DER -in "+name+" -out cert.pem")
	case strings.HasSuffix(others[0], "PRIVATE KEY"):
		return problem(name, "it holds a key where a certificate belongs", "perhaps cert and key are the wrong way round")
	case strings.HasSuffix(others[0], "CERTIFICATE REQUEST"):
		return problem(name, "it holds a request for a certificate", "name the certificate that the authority gave for it")
	}
	return problem(name, "it holds no certificate, but "+strconv.Quote(others[0]), "name a file with a block BEGIN CERTIFICATE")
}

// noKey tells what a file holds in place of a key.
func noKey(f Files, data []byte, others []string) error {
	name := f.keyFile()
	switch {
	case f.Key == "":
		return problem(name, "no key is named, and there is none behind the certificate", "name it: key=privkey.pem")
	case len(others) == 0:
		return noPEM(name, data, "key", "openssl pkey -inform DER -in "+name+" -out key.pem")
	case others[0] == "CERTIFICATE":
		return problem(name, "it holds a certificate where a key belongs", "perhaps cert and key are the wrong way round")
	}
	return problem(name, "it holds no key, but "+strconv.Quote(others[0]), "name a file with a block BEGIN PRIVATE KEY")
}

// noPEM tells of a file that is not in the right form, or empty.
func noPEM(name string, data []byte, what, convert string) error {
	const sequence = 0x30 // what DER begins with
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return problem(name, "the file is empty", "name the file with the "+what)
	case data[0] == sequence:
		return problem(name, "it is in the form DER", "write it in the form PEM: "+convert)
	}
	return problem(name, "it is no "+what+" in the form PEM", "name a file with the "+what+" between BEGIN and END lines")
}

// describe names a certificate for a person.
func describe(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	switch {
	case len(names) > 3:
		return "for " + strings.Join(names[:3], ", ") + " and " + strconv.Itoa(len(names)-3) + " more"
	case len(names) > 0:
		return "for " + strings.Join(names, ", ")
	}
	return "of " + c.Subject.String()
}

// parseText is an error of crypto/x509 without its package.
func parseText(err error) string { return strings.TrimPrefix(err.Error(), "x509: ") }
