package main

import (
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"spindle/protocol"
	"spindle/reactor"
)

// This file is the command line of spindle web, and what is wrong with it.

// webConfig is what the flags ask for.
type webConfig struct {
	Listen   []string // endpoints
	Path     string   // of a directory; "" is the start page
	Index    []string // nil: the default
	Listing  bool
	Log      string // short, combined, json, none; "" chooses by where it goes
	LogFile  string // "" is standard output
	Fields   protocol.Fields
	MimeType string
	Loops    int // 0: one for each core
	Quiet    bool
	Open     bool
	secureConfig
}

// defaultListen is the machine itself only: what is served while it is being made
// is nobody else's affair until somebody says so.
const defaultListen = "tcp:8080:interface=127.0.0.1"

func defaultWebConfig() *webConfig { return &webConfig{Listen: []string{defaultListen}, Loops: 1} }

// logFormats are the values of --log, each with its line in help and completion.
var logFormats = [...]struct{ name, about string }{
	{"short", "for a person: method, target, status, bytes, duration"},
	{"combined", "Apache's combined format"},
	{"json", "one JSON object a line"},
	{"none", "no access log"},
}

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
or SIGHUP opens --log-file again. SIGINT and SIGTERM let the requests under way end;
a second one does not wait.

It exits with 2 when the command line is wrong, with 1 when the system refuses
something, else with 0.`

const webExample = `  spindle web --path ./public --listing
  spindle web --path . --listen tcp:8080 --log-file access.log
  spindle web --path dist --add-header 'Cache-Control: no-store' --open
  spindle web --path ./public --acme example.org --acme www.example.org --acme-email me@example.org`

func newWeb(start func(*webConfig) error) *cobra.Command {
	c := defaultWebConfig()
	var headers []string
	web := &cobra.Command{
		Use:     "web",
		Short:   "Serve a directory, or the start page",
		Long:    webLong,
		Example: webExample,
		Args:    cobra.NoArgs,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkSecure(cmd.Flags().Changed("listen")); err != nil {
				return err
			}
			if err := c.check(headers); err != nil {
				return err
			}
			return start(c)
		},
	}
	addWebFlags(web.Flags(), c, &headers)
	completeWebFlags(web)
	return web
}

func addWebFlags(f *pflag.FlagSet, c *webConfig, headers *[]string) {
	f.SortFlags = false
	f.StringArrayVarP(&c.Listen, "listen", "l", c.Listen, "`endpoint` to listen at; may be given several times")
	f.StringVarP(&c.Path, "path", "p", "", "`directory` to serve; without it, the start page")
	f.StringArrayVar(&c.Index, "index", nil, "file `name` that answers for a directory (default index.html); the first that is there")
	f.BoolVar(&c.Listing, "listing", false, "list a directory that has no such file")
	f.StringVar(&c.MimeType, "mime-type", "", "content `type` of files whose ending says nothing (default application/octet-stream)")
	f.StringArrayVarP(headers, "add-header", "H", nil, "`field` to send with every answer, as 'Name: value'; may be given several times")
	f.StringVar(&c.Log, "log", "", "access log `format`: short, combined, json, none (default short on a terminal, else combined)")
	f.StringVar(&c.LogFile, "log-file", "", "`file` for the access log, in place of standard output")
	addSecureFlags(f, &c.secureConfig)
	f.IntVar(&c.Loops, "loops", 1, "`number` of event loops, each with its own tree; 0 is one for each core")
	f.BoolVar(&c.Open, "open", false, "open the page in the browser")
	f.BoolVarP(&c.Quiet, "quiet", "q", false, "no banner, and no access log unless --log or --log-file asks for it")
}

func completeWebFlags(web *cobra.Command) {
	fixed := func(choices ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return cobra.FixedCompletions(choices, cobra.ShellCompDirectiveNoFileComp)
	}
	var formats []string
	for _, f := range logFormats {
		formats = append(formats, f.name+"\t"+f.about)
	}
	directories := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	files := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	for flag, complete := range map[string]func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective){
		"listen": fixed("tcp:8080\tall addresses", "127.0.0.1:8080\tthis machine only", "tcp:0\ta free port",
			"tls:8443\twith TLS", "unix:\ta UNIX socket", "systemd:index=0\ta socket of systemd", "fd:3\ta socket that is open already"),
		"path":       directories,
		"index":      fixed("index.html", "index.htm", "default.html"),
		"log":        fixed(formats...),
		"log-file":   files,
		"add-header": fixed("Cache-Control: no-store", "Access-Control-Allow-Origin: *", "X-Content-Type-Options: nosniff"),
		"mime-type":  fixed("text/plain; charset=utf-8", "text/html; charset=utf-8", "application/octet-stream"),
		"loops":      fixed("0\tone for each core", "1", "2", "4"),
	} {
		if err := web.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // no such flag: a slip in this file
		}
	}
	for flag, complete := range secureCompletions() {
		if err := web.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // no such flag: a slip in acme.go
		}
	}
}

// check tells what is wrong with the command line, and reads headers.
func (c *webConfig) check(headers []string) error {
	for _, text := range c.Listen {
		if _, err := reactor.ParseEndpoint(text); err != nil {
			return fmt.Errorf("--listen %s: %s", text, withoutPackage(err))
		}
	}
	for _, text := range headers {
		if err := c.addField(text); err != nil {
			return err
		}
	}
	if c.Loops < 0 {
		return fmt.Errorf("--loops %d: give a number of loops, or 0 for one for each core", c.Loops)
	}
	if err := c.checkLog(); err != nil {
		return err
	}
	if c.Path == "" {
		return c.checkPathless()
	}
	return c.checkFiles()
}

func (c *webConfig) addField(text string) error {
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

func (c *webConfig) checkLog() error {
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
	return checkDirectory(c.Path)
}

func checkDirectory(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failure{fmt.Errorf("--path %s: there is no such directory%s", path, whereTheNameEnds(path))}
	case errors.Is(err, fs.ErrPermission):
		return failure{fmt.Errorf("--path %s: this user may not look there", path)}
	case err != nil:
		return failure{fmt.Errorf("--path %s: %w", path, errors.Unwrap(err))}
	case !info.IsDir():
		return failure{fmt.Errorf("--path %s: this is a file; serve the directory that it is in: --path %s", path, filepath.Dir(path))}
	}
	d, err := os.Open(path)
	if err != nil {
		return failure{fmt.Errorf("--path %s: this user may not read the directory: %w", path, errors.Unwrap(err))}
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
	if pkg, rest, ok := strings.Cut(text, ": "); ok && (pkg == "reactor" || pkg == "protocol" || pkg == "site") {
		return rest
	}
	return text
}
