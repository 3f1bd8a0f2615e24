package main

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file is the command line of spindle web, and what is wrong with it.

// webConfig is what the flags ask for.
type webConfig struct {
	listenConfig
	gateways
	scripts
	Path     string   // of a directory; "" is the start page
	Index    []string // nil: the default
	Listing  bool
	MimeType string
}

func defaultWebConfig() *webConfig { return &webConfig{listenConfig: defaultListenConfig()} }

const webLong = `Serve the files of a directory, or without --path the start page, where the
server shows the tree of resources that it runs, with live figures.

It listens at 127.0.0.1 only, so that nobody else can reach it; --listen tcp:8080
opens it to the network. An endpoint is one of

  8080, :8080, tcp:8080         all addresses of this machine, IPv4 and IPv6
  127.0.0.1:8080, [::1]:8080    one address
  localhost:8080, tcp:8080:interface=eth0
  tcp:0                         a free port, which the banner names
  tls:8443                      with TLS, and a certificate made on the spot
  tls:443:cert=fullchain.pem:key=privkey.pem
  tls:443:acme=example.org      with a certificate of Let's Encrypt; or say --acme
  unix:/run/web.sock:mode=660   a UNIX socket
  systemd:index=0, fd:3         a socket that is open already

--acme example.org obtains a certificate from Let's Encrypt, or from the authority of
--acme-server, and renews it; who says it agrees to its terms of service. Without
--listen the server is then at tls:443, and at tcp:80, which sends browsers there. The
authority comes to one of these two ports of each host to see that it is ours.

Files of a directory come with validators and ranges; siblings with the ending .br,
.zst or .gz are sent to browsers that accept them; names that begin with a dot are
hidden. The access log goes to standard output, all else to standard error. SIGUSR1
or SIGHUP opens --log-file and --error-log again. SIGINT and SIGTERM let the requests under way end;
a second one does not wait.

--proxy passes a part of the tree on to other servers, streamed both ways, WebSocket
included; --vhost serves hosts of their own beside the rest, which is for all others.

--trust-proxy names who stands in front of the server: what such a proxy says of the client,
its host and whether it came by https, in X-Forwarded-For, -Host and -Proto, is taken then, and from
nobody else. --forward-proxy serves clients that are set to use a proxy; without a port the
ports of a host are 80 and 443, and addresses that are not public are reached only where the
flag names them. Who can reach --listen can use it, so keep it from others.

--cgi runs scripts, one process for each request; --php serves a directory with PHP in
it through php-fpm; --fastcgi and --scgi pass a part of the tree on to an application.
--as has the server itself stand behind another one: by FastCGI or SCGI at --listen, or by
CGI as a process that answers one request:

  #!/bin/sh
  exec spindle web --as cgi --path /srv/www

` + serviceHelp + `

It exits with 2 when the command line is wrong, with 1 when the system refuses
something, else with 0.`

const webExample = `  spindle web --path ./public --listing
  spindle web --path . --listen tcp:8080 --log-file access.log
  spindle web --path dist --proxy /api=http://127.0.0.1:3000
  spindle web --php /=./public@unix:/run/php/php8.2-fpm.sock --php-front index.php
  spindle web --path dist --as fastcgi --listen unix:/run/site.sock
  spindle web --path dist --add-header 'Cache-Control: no-store' --open
  spindle web --path ./public --acme example.org --acme www.example.org --acme-email me@example.org`

// mostLoops is more than most machines have cores for.
const mostLoops = 256

// noDirectory refuses arguments, and tells where a directory belongs.
func noDirectory(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		return fmt.Errorf("%q is a directory: serve it by --path %[1]s", args[0])
	}
	return cobra.NoArgs(cmd, args)
}

func newWeb(start func(*webConfig) error) *cobra.Command {
	c := defaultWebConfig()
	web := &cobra.Command{
		Use:     "web",
		Short:   "Serve a directory, or the start page",
		Long:    webLong,
		Example: webExample,
		Args:    noDirectory,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Path == "" && cmd.Flags().Changed("path") {
				return errors.New("--path: give the name of a directory; the one that was given is empty")
			}
			if err := c.check(cmd); err != nil {
				return err
			}
			return start(c)
		},
	}
	f := web.Flags()
	c.addFirstFlags(f)
	c.addWebFlags(f)
	c.gateways.addFlags(f)
	c.scripts.addFlags(f)
	c.addLogFlags(f)
	c.addServiceFlags(f, &c.mailConfig)
	f.IntVar(&c.Loops, "loops", 1, "`number` of event loops, each with its own tree; 0 is one for each core")
	c.addLastFlags(f)
	complete(web, serviceCompletions(), completions{
		"path":          directories,
		"index":         fixed("index.html", "index.htm", "default.html"),
		"mime-type":     fixed("text/plain; charset=utf-8", "text/html; charset=utf-8", "application/octet-stream"),
		"forward-proxy": fixed("*\tall public hosts", "*.example.org", "127.0.0.1:*"),
		"balance":       fixed("least-busy", "round-robin", "client\tthe same client goes to the same one", "cookie:\tby the value of a cookie"),
		"as":            fixed("http", "fastcgi\tbehind a web server", "scgi\tbehind a web server", "cgi\tstarted by a web server for one request"),
		"loops":         fixed("0\tone for each core", "1", "2", "4"),
	})
	return web
}

func (c *webConfig) addWebFlags(f *pflag.FlagSet) {
	f.StringVarP(&c.Path, "path", "p", "", "`directory` to serve; without it, the start page")
	f.StringArrayVar(&c.Index, "index", nil, "file `name` that answers for a directory (default index.html); the first that is there")
	f.BoolVar(&c.Listing, "listing", false, "list a directory that has no such file")
	f.StringVar(&c.MimeType, "mime-type", "", "content `type` of files whose ending says nothing (default application/octet-stream)")
}

// check tells what is wrong with the command line.
func (c *webConfig) check(cmd *cobra.Command) error {
	if err := c.listenConfig.check(cmd); err != nil {
		return err
	}
	if c.Loops < 0 {
		return fmt.Errorf("--loops %d: give a number of loops, or 0 for one for each core", c.Loops)
	}
	if most := max(mostLoops, runtime.NumCPU()); c.Loops > most {
		return fmt.Errorf("--loops %d: more than %d loops serve nobody on %d cores; 0 is one for each", c.Loops, most, runtime.NumCPU())
	}
	if err := c.gateways.check(); err != nil {
		return err
	}
	if err := c.scripts.check(); err != nil {
		return err
	}
	if c.As == "cgi" && (c.Daemon || c.PIDFile != "" || c.User != "") {
		return errors.New("--as cgi: the web server starts a process for each request, which is no service: leave --daemon, --pid-file and --user out")
	}
	if c.Path == "" {
		return c.checkPathless()
	}
	return c.checkFiles()
}

// checkPathless refuses flags that would do nothing.
func (c *webConfig) checkPathless() error {
	for flag, given := range map[string]bool{"--index": c.Index != nil, "--listing": c.Listing, "--mime-type": c.MimeType != ""} {
		if given {
			return fmt.Errorf("%s is about the files of a directory: name it with --path", flag)
		}
	}
	return nil
}

// checkFiles looks at what concerns --path. The directory comes last, since it is
// the only part that is not a matter of the command line.
func (c *webConfig) checkFiles() error {
	for _, name := range c.Index {
		if name == "" || strings.Contains(name, "/") || name == "." || name == ".." {
			return fmt.Errorf("--index %q: give the name of a file, without a path", name)
		}
	}
	if c.MimeType != "" {
		if _, _, err := mime.ParseMediaType(c.MimeType); err != nil || !strings.Contains(c.MimeType, "/") {
			return fmt.Errorf("--mime-type %q: give a type such as 'text/plain; charset=utf-8'", c.MimeType)
		}
	}
	return checkDirectory("--path", c.Path)
}

// checkDirectory tells what is wrong with a directory that a flag names.
func checkDirectory(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure{fmt.Errorf("%s %s: there is no such directory%s", flag, path, whereTheNameEnds(path))}
	case errors.Is(err, fs.ErrPermission):
		return failure{fmt.Errorf("%s %s: this user may not look there", flag, path)}
	case err != nil:
		return failure{fmt.Errorf("%s %s: %w", flag, path, errors.Unwrap(err))}
	case !info.IsDir():
		return failure{fmt.Errorf("%s %s: this is a file; serve the directory that it is in: %[1]s %[3]s", flag, path, filepath.Dir(path))}
	}
	d, err := os.Open(path)
	if err != nil {
		return failure{fmt.Errorf("%s %s: this user may not read the directory: %w", flag, path, errors.Unwrap(err))}
	}
	return d.Close()
}

// whereTheNameEnds says up to where a path exists, when that is not plain to see.
func whereTheNameEnds(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for dir := filepath.Dir(abs); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			return "; " + dir + " is there, " + strings.TrimPrefix(strings.TrimPrefix(abs, dir), "/") + " is not in it"
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// withoutPackage is the text of an error of the library without its package, which
// is no concern of the command line.
func withoutPackage(err error) string {
	text := err.Error()
	if pkg, rest, ok := strings.Cut(text, ": "); ok && (pkg == "reactor" || pkg == "protocol" || pkg == "site" || pkg == "wsgi") {
		return rest
	}
	return text
}

// withoutEndpoint is withoutPackage without the endpoint either, which stands before it, too.
func withoutEndpoint(err error) string {
	text := withoutPackage(err)
	if _, rest, ok := strings.Cut(text, `": `); ok && strings.HasPrefix(text, `endpoint "`) {
		return rest
	}
	return text
}
