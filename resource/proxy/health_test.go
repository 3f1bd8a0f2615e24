package proxy_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"spindle/resource/proxy"
)

// An upstream that is not healthy gets no requests until it is again.
func TestHealthChecks(t *testing.T) {
	var sick atomic.Bool
	var checks, requests atomic.Int32
	checked := make(chan struct{}, 1000)
	server := func(counts bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/up" && counts:
				checks.Add(1)
				if sick.Load() {
					w.WriteHeader(500)
				}
				checked <- struct{}{}
			case counts:
				requests.Add(1)
			}
		}
	}
	f := behind(t, func(p *proxy.Proxy) {
		p.Policy = proxy.RoundRobin
		p.Check = &proxy.HealthCheck{Path: "/up", Interval: 10 * time.Millisecond}
	}, upstream(t, server(true)), upstream(t, server(false)))
	f.get("/")
	f.get("/")
	if requests.Load() != 1 {
		t.Errorf("%d requests of 2", requests.Load())
	}
	sick.Store(true)
	for range 3 { // the third begins after the second was judged
		<-checked
	}
	before := requests.Load()
	for range 6 {
		f.get("/")
	}
	if n := requests.Load() - before; n != 0 {
		t.Errorf("a sick one got %d requests", n)
	}
	sick.Store(false)
	for range 4 {
		<-checked
	}
	for range 6 {
		f.get("/")
	}
	if requests.Load() == before {
		t.Error("one that is well again got none")
	}
}
