package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the part of the command line that every command which serves has: where
// it listens, what it logs, how it shows itself.

// listenConfig is what these flags ask for.
type listenConfig struct {
	Listen  []string // endpoints
	Log     string   // short, combined, json, none; "" chooses by where it goes
	LogFile string   // "" is standard output
	Fields  protocol.Fields
	Loops   int // 0: one for each core
	Quiet   bool
	Open    bool
	secureConfig
	serviceConfig
	mailConfig

	TrustProxies []string       // addresses, ranges; "unix"
	trusted      []netip.Prefix // of them

	headers []string // as they were given; nil once they are in Fields
}

// defaultListen is the machine itself only: what is served while it is being made
// is nobody else's affair until somebody says so.
const defaultListen = "tcp:8080:interface=127.0.0.1"

func defaultListenConfig() listenConfig {
	return listenConfig{Listen: []string{defaultListen}, Loops: 1, mailConfig: mailConfig{SMTP: defaultSMTP}}
}

// logFormats are the values of --log, each with its line in help and completion.
var logFormats = [...]struct{ name, about string }{
	{"short", "for a person: method, target, status, bytes, duration"},
	{"combined", "Apache's combined format"},
	{"json", "one JSON object a line"},
	{"none", "no access log"},
}

// addFirstFlags adds the flag that stands before those of the command itself.
func (c *listenConfig) addFirstFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringArrayVarP(&c.Listen, "listen", "l", c.Listen, "`endpoint` to listen at; may be given several times")
}

// addLogFlags adds those about the answers and the access log.
func (c *listenConfig) addLogFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&c.headers, "add-header", "H", nil, "`field` for every answer of the tree, as 'Name: value'; may be given several times")
	f.StringArrayVar(&c.TrustProxies, "trust-proxy", nil, "`address` or range of proxies whose X-Forwarded fields are believed; unix for UNIX sockets")
	f.StringVar(&c.Log, "log", "", "access log `format`: short, combined, json, none (default short on a terminal, else combined)")
	f.StringVar(&c.LogFile, "log-file", "", "`file` for the access log, in place of standard output")
	addSecureFlags(f, &c.secureConfig)
}

// addLastFlags adds those that stand behind all others.
func (c *listenConfig) addLastFlags(f *pflag.FlagSet) {
	f.BoolVar(&c.Open, "open", false, "open the page in the browser")
	f.BoolVarP(&c.Quiet, "quiet", "q", false, "no banner, and no access log unless --log or --log-file asks for it")
}

// completions is how the values of flags are completed.
type completions map[string]cobra.CompletionFunc

func fixed(choices ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// listenCompletions is that of these flags.
func listenCompletions() completions {
	var formats []string
	for _, f := range logFormats {
		formats = append(formats, f.name+"\t"+f.about)
	}
	return completions{
		"listen": fixed("tcp:8080\tall addresses", "127.0.0.1:8080\tthis machine only", "tcp:0\ta free port",
			"tls:8443\twith TLS", "unix:\ta UNIX socket", "systemd:index=0\ta socket of systemd", "fd:3\ta socket that is open already"),
		"log":         fixed(formats...),
		"log-file":    files,
		"trust-proxy": fixed("127.0.0.1", "::1", "10.0.0.0/8", "unix\twho comes over a UNIX socket"),
		"add-header":  fixed("Cache-Control: no-store", "Access-Control-Allow-Origin: *", "X-Content-Type-Options: nosniff"),
	}
}

// complete has the flags of c completed.
func complete(c *cobra.Command, lists ...completions) {
	for _, list := range append(lists, listenCompletions(), secureCompletions()) {
		for flag, f := range list {
			if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
				panic(err) // no such flag: a slip in this program
			}
		}
	}
}

// check tells what is wrong with these flags, and reads the fields.
func (c *listenConfig) check(cmd *cobra.Command) error {
	if err := c.checkSecure(cmd.Flags().Changed("listen")); err != nil {
		return err
	}
	for _, text := range c.Listen {
		if _, err := reactor.ParseEndpoint(text); err != nil {
			return fmt.Errorf("--listen %s: %s", text, withoutEndpoint(err))
		}
	}
	for _, text := range c.headers {
		if err := c.addField(text); err != nil {
			return err
		}
	}
	c.headers = nil
	if err := c.readTrusted(); err != nil {
		return err
	}
	if err := c.checkLog(); err != nil {
		return err
	}
	if err := c.checkService(); err != nil {
		return err
	}
	return c.checkMail(cmd.Flags().Changed)
}

// nobody is a range of no address: who comes over a UNIX socket is trusted where anybody is.
var nobody = netip.MustParsePrefix("0.0.0.0/32")

// readTrusted reads --trust-proxy.
func (c *listenConfig) readTrusted() error {
	c.trusted = nil
	for _, text := range c.TrustProxies {
		prefix, err := netip.ParsePrefix(text)
		if ip, err2 := netip.ParseAddr(text); err != nil && err2 == nil && ip.Zone() == "" {
			prefix, err = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
		}
		switch {
		case text == "unix":
			prefix = nobody
		case err != nil:
			return fmt.Errorf("--trust-proxy %s: give an address, a range as 10.0.0.0/8, or unix", text)
		}
		c.trusted = append(c.trusted, prefix)
	}
	return nil
}

func (c *listenConfig) addField(text string) error {
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return fmt.Errorf("--add-header %q: give it as 'Name: value'", text)
	}
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if err := protocol.CheckField(name, value); err != nil {
		return fmt.Errorf("--add-header %q: %s", text, withoutPackage(err))
	}
	for _, own := range []string{"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Trailer"} {
		if strings.EqualFold(name, own) {
			return fmt.Errorf("--add-header %q: the server writes %s itself", text, own)
		}
	}
	c.Fields.Add(name, value)
	return nil
}

func (c *listenConfig) checkLog() error {
	if c.Log == "" {
		return nil
	}
	for _, f := range logFormats {
		if c.Log == f.name {
			if c.Log == "none" && c.LogFile != "" {
				return errors.New("--log none and --log-file contradict each other: leave one out")
			}
			return nil
		}
	}
	return fmt.Errorf("--log %s: there is no such format; there are short, combined, json and none", c.Log)
}
