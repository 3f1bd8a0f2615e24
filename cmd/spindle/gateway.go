package main

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"spindle/protocol/cache"
	"spindle/resource"
	"spindle/resource/proxy"
	"spindle/resource/rewrite"
	"spindle/resource/vhost"
)

// This file is the part of spindle web that passes requests on: --proxy, --vhost,
// --rewrite and --forward-proxy.

// gateways are what these flags ask for.
type gateways struct {
	Proxies  []string // /path=upstream,upstream
	Hosts    []string // name=directory or upstream
	Rewrites []string

	Balance     string
	RewriteHost bool
	Health      string
	CacheMiB    int

	Forward []string // hosts that clients may be connected with
}

func (g *gateways) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&g.Proxies, "proxy", nil, "pass on `/path=upstream`: http://host:port, https://host, unix:/socket, or several with commas")
	f.StringVar(&g.Balance, "balance", "", "`how` an upstream is chosen: least-busy, round-robin, client, cookie:NAME (default least-busy)")
	f.BoolVar(&g.RewriteHost, "rewrite-host", false, "send upstreams their own host, in place of the one that the client asked for")
	f.StringVar(&g.Health, "health", "", "`path` that upstreams are asked for every 10 s, to see whether they are well")
	f.IntVar(&g.CacheMiB, "cache", 0, "`MiB` of answers of upstreams to keep in memory, on each loop, as far as they may be kept")
	f.StringArrayVar(&g.Forward, "forward-proxy", nil, "be a proxy for clients, to `host`: a name, *.example.org, *, an address or range; with :port or :*")
	f.StringArrayVar(&g.Hosts, "vhost", nil, "serve a host of its own, as `name=directory` or name=upstream; the name may be *.example.org")
	f.StringArrayVar(&g.Rewrites, "rewrite", nil, "change paths, as `/from=/to` or ~pattern=/to; 301:/from=/to sends the client there")
}

// check tells what is wrong with the flags.
func (g *gateways) check() error {
	for _, text := range g.Proxies {
		path, upstreams, ok := strings.Cut(text, "=")
		if !ok || !strings.HasPrefix(path, "/") {
			return fmt.Errorf("--proxy %s: give it as /path=http://host:port", text)
		}
		if _, err := url.PathUnescape(path); err != nil {
			return fmt.Errorf("--proxy %s: the path can not be decoded", text)
		}
		if _, err := g.proxy(upstreams); err != nil {
			return fmt.Errorf("--proxy %s: %s", text, strings.TrimPrefix(err.Error(), "proxy: "))
		}
	}
	for _, text := range g.Hosts {
		if err := g.checkHost(text); err != nil {
			return err
		}
	}
	for _, text := range g.Rewrites {
		if _, err := rewrite.ParseRule(text); err != nil {
			return fmt.Errorf("--rewrite %s: %s", text, strings.TrimPrefix(err.Error(), "rewrite: "))
		}
	}
	if _, err := proxy.NewForward(g.Forward...); err != nil {
		return fmt.Errorf("--forward-proxy %s", strings.TrimPrefix(err.Error(), "proxy: "))
	}
	if err := g.checkBalance(); err != nil {
		return err
	}
	if g.Health != "" && !strings.HasPrefix(g.Health, "/") {
		return fmt.Errorf("--health %s: give a path that begins with a slash", g.Health)
	}
	if g.CacheMiB < 0 {
		return fmt.Errorf("--cache %d: give a number of MiB", g.CacheMiB)
	}
	for flag, given := range map[string]bool{"--balance": g.Balance != "", "--rewrite-host": g.RewriteHost, "--health": g.Health != "",
		"--cache": g.CacheMiB != 0} {
		if given && len(g.Proxies)+len(g.Hosts) == 0 {
			return fmt.Errorf("%s is about upstreams: name one with --proxy", flag)
		}
	}
	return nil
}

func (g *gateways) checkHost(text string) error {
	name, what, ok := strings.Cut(text, "=")
	if !ok || what == "" {
		return fmt.Errorf("--vhost %s: give it as name=directory, or name=http://host:port", text)
	}
	if err := vhost.Check(name); err != nil {
		return fmt.Errorf("--vhost %s: %s", text, strings.TrimPrefix(err.Error(), "vhost: "))
	}
	if isUpstream(what) {
		if _, err := g.proxy(what); err != nil {
			return fmt.Errorf("--vhost %s: %s", text, strings.TrimPrefix(err.Error(), "proxy: "))
		}
		return nil
	}
	if info, err := os.Stat(what); err != nil || !info.IsDir() {
		return failure{fmt.Errorf("--vhost %s: %s is no directory", text, what)}
	}
	return nil
}

func isUpstream(text string) bool {
	return strings.Contains(text, "://") || strings.HasPrefix(text, "unix:")
}

func (g *gateways) checkBalance() error {
	switch g.Balance {
	case "", "least-busy", "round-robin", "client":
		return nil
	}
	if name, ok := strings.CutPrefix(g.Balance, "cookie:"); ok && name != "" {
		return nil
	}
	return fmt.Errorf("--balance %s: there are least-busy, round-robin, client and cookie:NAME", g.Balance)
}

// proxy makes the leaf for upstreams, which have commas between them.
func (g *gateways) proxy(upstreams string) (*proxy.Proxy, error) {
	p, err := proxy.New(strings.Split(upstreams, ",")...)
	if err != nil {
		return nil, err
	}
	p.RewriteHost = g.RewriteHost
	p.RewriteAnswers = true
	if g.CacheMiB > 0 {
		p.Cache = &cache.Store{MaxBytes: int64(g.CacheMiB) << 20}
	}
	if g.Health != "" {
		p.Check = &proxy.HealthCheck{Path: g.Health}
	}
	switch name, cookie := strings.CutPrefix(g.Balance, "cookie:"); {
	case cookie:
		p.Policy, p.Key = proxy.Hash, proxy.ByCookie(name)
	case g.Balance == "client":
		p.Policy = proxy.Hash
	case g.Balance == "round-robin":
		p.Policy = proxy.RoundRobin
	}
	return p, nil
}

// wrap puts around root, of one loop, what the flags ask for. check has passed.
func (g *gateways) wrap(root resource.Resource, show shower) resource.Resource {
	if len(g.Proxies) > 0 {
		m := &mounts{rest: root, show: show}
		for _, text := range g.Proxies {
			path, upstreams, _ := strings.Cut(text, "=")
			p, _ := g.proxy(upstreams) // check has made one
			m.add(path, "asked for with --proxy", p)
		}
		root = m
	}
	if len(g.Hosts) > 0 {
		hosts := vhost.New()
		hosts.Default = root
		for _, text := range g.Hosts {
			name, what, _ := strings.Cut(text, "=")
			hosts.Add(name, g.host(what))
		}
		root = hosts
	}
	if len(g.Rewrites) > 0 {
		var rules []rewrite.Rule
		for _, text := range g.Rewrites {
			rule, _ := rewrite.ParseRule(text)
			rules = append(rules, rule)
		}
		root = rewrite.New(root, rules...)
	}
	if len(g.Forward) > 0 {
		f, _ := proxy.NewForward(g.Forward...) // check has made one
		f.Rest = root
		root = f
	}
	return root
}

func (g *gateways) host(what string) resource.Resource {
	if isUpstream(what) {
		p, _ := g.proxy(what)
		return p
	}
	return directory(&webConfig{Path: what})
}

// mounts is resources at paths, in front of another that has the rest.
type mounts struct {
	resource.Leaf
	list []mount // the longest first
	rest resource.Resource
	show shower // nil: they are not shown
}

// shower draws on the start page what is mounted at a path, and gives what counts its
// requests.
type shower func(path, about string, r resource.Resource) resource.Resource

type mount struct {
	segments []string
	resource resource.Resource
}

// add mounts r; about says on the start page what asked for it.
func (m *mounts) add(path, about string, r resource.Resource) {
	var segments []string
	for _, s := range strings.Split(strings.Trim(path, "/"), "/") {
		if plain, err := url.PathUnescape(s); err == nil && plain != "" {
			segments = append(segments, plain)
		}
	}
	if m.show != nil {
		r = m.show(strings.Join(segments, "/")+"/", about, r)
	}
	m.list = append(m.list, mount{segments, r})
	slices.SortStableFunc(m.list, func(a, b mount) int { return cmp.Compare(len(b.segments), len(a.segments)) })
}

// Pass is the resource of the longest path that the request's begins with.
func (m *mounts) Pass(r *resource.Request) (resource.Resource, error) {
	path := r.Postpath()
	for _, at := range m.list {
		n := len(at.segments)
		if len(path) >= n && slices.Equal(path[:n], at.segments) {
			r.Descend(n)
			return at.resource, nil
		}
	}
	return m.rest, nil
}

var _ resource.Passer = (*mounts)(nil)
