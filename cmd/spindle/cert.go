package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spindle/reactor"
	"spindle/reactor/cert"
)

// This file is spindle cert: certificates for development, and what they are good for
// in spindle web.

const certLong = `Make certificates for development that a browser accepts without a warning.

The first time, this makes an authority: a key that signs the certificates of this
user. It stays in this user's configuration, readable to nobody else, and it says how
to have browsers trust it. From then on 'spindle web --listen tls:8443' needs nothing
more, and

  spindle cert localhost example.test

writes a certificate for these names, to be given to any server: localhost.pem and
localhost-key.pem. A name may be an IP address, or a wildcard such as *.example.test.

Who has the key of the authority can pretend to be any site to a browser that trusts
it: do not copy it to other machines.`

const certExample = `  spindle cert --ca
  spindle cert localhost 127.0.0.1 ::1
  spindle cert --dir certs example.test '*.example.test'
  spindle web --listen tls:8443:cert=localhost.pem:key=localhost-key.pem`

// certConfig is what the flags ask for.
type certConfig struct {
	Names     []string
	Authority bool   // say only what there is of it
	Dir       string // where the files go
}

func newCert() *cobra.Command {
	c := &certConfig{}
	command := &cobra.Command{
		Use:     "cert [flags] [name ...]",
		Short:   "Make certificates for development",
		Long:    certLong,
		Example: certExample,

		ValidArgsFunction: cobra.FixedCompletions([]string{"localhost", "127.0.0.1", "::1"}, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, names []string) error {
			c.Names = names
			if len(names) == 0 && !c.Authority {
				return errors.New("for which names? As in: spindle cert localhost 127.0.0.1; --ca shows the authority")
			}
			return c.run(cmd.OutOrStdout())
		},
	}
	f := command.Flags()
	f.SortFlags = false
	f.BoolVar(&c.Authority, "ca", false, "show where the authority is and how to trust it; make it if there is none")
	f.StringVarP(&c.Dir, "dir", "d", ".", "`directory` for the certificate and its key")
	if err := command.RegisterFlagCompletionFunc("dir", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}); err != nil {
		panic(err) // no such flag: a slip in this file
	}
	return command
}

func (c *certConfig) run(out io.Writer) error {
	now := time.Now()
	dir, err := cert.AuthorityDir()
	if err != nil {
		return failure{fmt.Errorf("there is no place for the authority: %w", err)}
	}
	a, err := cert.OpenAuthority(dir, now)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		a, err = cert.MakeAuthority(dir, owner(), now)
	}
	if err != nil {
		return failure{err}
	}
	if made {
		fmt.Fprintf(out, "Made an authority: %s\n\n", a.CertFile())
	} else if c.Authority {
		fmt.Fprintf(out, "The authority: %s\nits key:       %s\nvalid until    %s\n\n", a.CertFile(), a.KeyFile(), dayText(a.Certificate().NotAfter))
	}
	if made || c.Authority {
		fmt.Fprint(out, trustText(a.CertFile()))
	}
	if len(c.Names) == 0 {
		return nil
	}
	if made || c.Authority {
		fmt.Fprintln(out)
	}
	return c.issue(out, a, now)
}

// issue writes the certificate for the names.
func (c *certConfig) issue(out io.Writer, a *cert.Authority, now time.Time) error {
	leaf, err := a.Issue(c.Names, now)
	if err != nil {
		return errors.New(err.Error())
	}
	base := filepath.Join(c.Dir, fileName(c.Names[0]))
	files := cert.Files{Cert: base + ".pem", Key: base + "-key.pem"}
	if err := cert.Write(leaf, files.Cert, files.Key); err != nil {
		return failure{err}
	}
	fmt.Fprintf(out, "Made a certificate for %s, valid until %s:\n  %s\n  %s\n\nspindle web --listen %s\n",
		strings.Join(c.Names, ", "), dayText(leaf.Leaf.NotAfter), files.Cert, files.Key,
		reactor.Endpoint{Kind: reactor.EndpointTCP, Port: 8443, TLS: &reactor.TLSOptions{Files: []cert.Files{files}}})
	return nil
}

// fileName is a name without what a shell or a file system could take amiss.
func fileName(name string) string {
	return strings.NewReplacer("*", "_wildcard", ":", "_").Replace(strings.ToLower(name))
}

func dayText(t time.Time) string { return t.Format("2 January 2006") }

// owner names the user and the machine, for a list of authorities in a browser.
func owner() string {
	name := "somebody"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}

// trustText says how each system and browser is told to trust the authority.
func trustText(file string) string {
	file = shellQuote(file)
	return `To trust it:

  Debian, Ubuntu  sudo cp ` + file + ` /usr/local/share/ca-certificates/spindle-development.crt
                  sudo update-ca-certificates
  Fedora, RHEL    sudo cp ` + file + ` /etc/pki/ca-trust/source/anchors/spindle-development.pem
                  sudo update-ca-trust
  macOS           security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ` + file + `
  Chromium, Chrome on Linux (certutil is in the package libnss3-tools)
                  mkdir -p ~/.pki/nssdb
                  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n spindle-development -i ` + file + `
  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import;
                  tick "identify websites"
  curl            curl --cacert ` + file + `
  Node            NODE_EXTRA_CA_CERTS=` + file + `
  Python          SSL_CERT_FILE=` + file + `

Chrome on macOS trusts what the system does. To take it back, delete it there again.
`
}

// shellQuote writes s for a shell.
func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// signed gives an endpoint that names no certificate one of the user's authority, if
// there is one; without it the endpoint gets one that nobody trusts. trusted tells
// which.
func signed(e *reactor.Endpoint) (trusted bool, err error) {
	if e.TLS == nil || len(e.TLS.Files) > 0 || e.TLS.ACME != nil {
		return true, nil
	}
	dir, err := cert.AuthorityDir()
	if err != nil {
		return false, nil // a user without a home has none
	}
	now := time.Now()
	a, err := cert.OpenAuthority(dir, now)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, failure{err}
	}
	c, err := a.Issue(cert.MachineNames(), now)
	if err != nil {
		return false, failure{err}
	}
	e.TLS.Certificates = append(e.TLS.Certificates, c)
	return true, nil
}
