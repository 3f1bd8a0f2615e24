package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/reactor"
	"spindle/reactor/acme"
	"spindle/resource"
)

// This file is the part of the command line that is about certificates which an authority
// such as Let's Encrypt gives, and about bringing browsers to https.

// secureConfig is what the flags ask for.
type secureConfig struct {
	ACME     reactor.ACMEOptions // without Names: none
	Redirect bool                // plain requests go to https
}

// acmeListen is where --acme listens without --listen.
var acmeListen = []string{"tls:443", "tcp:80"}

func addSecureFlags(f *pflag.FlagSet, c *secureConfig) {
	o := &c.ACME
	f.StringSliceVar(&o.Names, "acme", nil, "obtain a certificate for `host` from an authority; may be given several times")
	f.StringVar(&o.Email, "acme-email", "", "`address` to which the authority may write")
	f.StringVar(&o.Server, "acme-server", "", "`URL` of the authority's directory, or letsencrypt-staging to try it out (default Let's Encrypt)")
	f.StringVar(&o.Dir, "acme-dir", "", "`directory` for the certificates and keys (default in this user's configuration)")
	f.StringVar(&o.Roots, "acme-roots", "", "`file` with the certificates that vouch for the authority's server, unless the system knows them")
	f.StringVar(&o.Binding, "acme-binding", "", "`file` with the identifier and the key that the authority gives to its customers")
	f.BoolVar(&c.Redirect, "https-only", false, "send plain requests to https")
}

// completions of the flags that name something.
func secureCompletions() completions {
	return completions{
		"acme":         cobra.NoFileCompletions,
		"acme-email":   cobra.NoFileCompletions,
		"acme-server":  cobra.FixedCompletions([]string{"letsencrypt-staging\tto try it out"}, cobra.ShellCompDirectiveNoFileComp),
		"acme-dir":     directories,
		"acme-roots":   files,
		"acme-binding": files,
	}
}

// checkSecure tells what is wrong with the flags, and sets what they imply. listens tells
// whether --listen was given.
func (c *listenConfig) checkSecure(listens bool) error {
	o := &c.secureConfig.ACME
	if len(o.Names) == 0 {
		switch {
		case o.Email+o.Server+o.Dir+o.Roots+o.Binding != "":
			return errors.New("the flags that begin with --acme- are about certificates that are obtained: name the hosts with --acme")
		case c.secureConfig.Redirect && !c.listensTo(func(e *reactor.Endpoint) bool { return e.TLS != nil }):
			return errors.New("--https-only: no --listen has TLS to send browsers to: add --listen tls:8443")
		}
		return nil
	}
	if err := o.Check(); err != nil {
		return fmt.Errorf("--%s", err)
	}
	if !listens {
		c.Listen, c.secureConfig.Redirect = acmeListen, true
	}
	if !c.listensTo(obtains) {
		return errors.New("--acme: no --listen has TLS without a certificate of its own: add --listen tls:443")
	}
	return nil
}

// listensTo tells whether there is an endpoint such as that. What is no endpoint is told
// elsewhere.
func (c *listenConfig) listensTo(such func(e *reactor.Endpoint) bool) bool {
	return slices.ContainsFunc(c.Listen, func(text string) bool {
		e, err := reactor.ParseEndpoint(text)
		return err != nil || such(&e)
	})
}

// obtains tells whether --acme is about an endpoint: it has TLS, and nothing else is said
// about its certificates.
func obtains(e *reactor.Endpoint) bool {
	return e.TLS != nil && len(e.TLS.Files) == 0 && e.TLS.ACME == nil
}

// obtaining gives e what --acme says.
func (c *secureConfig) obtaining(e *reactor.Endpoint) {
	if len(c.ACME.Names) > 0 && obtains(e) {
		o := c.ACME
		e.TLS.ACME = &o
	}
}

// secured is root with what the flags ask for before it: what an authority asks over HTTP
// is answered even where all else is sent to https.
func (c *listenConfig) secured(root resource.Resource) resource.Resource {
	if c.secureConfig.Redirect {
		root = &resource.SecureRedirect{Inner: root, Port: c.securePort()}
	}
	if c.listensTo(func(e *reactor.Endpoint) bool {
		return e.TLS != nil && (e.TLS.ACME != nil || len(c.secureConfig.ACME.Names) > 0)
	}) {
		return &resource.HTTP01{Answer: acme.Answer(), Inner: root}
	}
	return root
}

// securePort is the port of the first endpoint with TLS; 0 when none is known.
func (c *listenConfig) securePort() int {
	for _, text := range c.Listen {
		if e, err := reactor.ParseEndpoint(text); err == nil && e.TLS != nil && e.Port != 0 {
			return e.Port
		}
	}
	return 0
}
