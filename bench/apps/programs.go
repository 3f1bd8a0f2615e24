package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/http/pprof"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	gorilla "github.com/gorilla/websocket"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"
)

// This file is the programs, as their authors' documentation has them.

func ginApp() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) { c.AbortWithStatus(500) }))
	e.GET("/ping/:name", func(c *gin.Context) {
		c.JSON(200, gin.H{"message": "pong", "name": c.Param("name"), "ip": c.ClientIP()})
	})
	e.POST("/upload", func(c *gin.Context) {
		f, err := c.FormFile("file")
		if err != nil {
			c.String(400, err.Error())
			return
		}
		c.String(200, "%s %d", f.Filename, f.Size)
	})
	e.GET("/events", func(c *gin.Context) {
		n := 0
		c.Stream(func(io.Writer) bool {
			c.SSEvent("tick", n)
			n++
			return n < 3
		})
	})
	e.GET("/panic", func(*gin.Context) { panic("oh") })
	return e
}

func chiApp() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, middleware.Compress(5), middleware.Timeout(10*time.Second))
	r.Route("/articles", func(r chi.Router) {
		r.Get("/{id}", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "article %s by %s", chi.URLParam(r, "id"), chi.RouteContext(r.Context()).RoutePattern())
		})
		r.Put("/{id}", func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "%d %v", n, err)
		})
	})
	return r
}

func echoApp() http.Handler {
	e := echo.New()
	e.Use(echomiddleware.Gzip(), echomiddleware.BodyLimit("1M"))
	e.GET("/users/:id", func(c echo.Context) error { return c.String(200, "user "+c.Param("id")) })
	e.POST("/echo", func(c echo.Context) error { return c.Stream(200, "application/octet-stream", c.Request().Body) })
	e.GET("/error", func(echo.Context) error { return echo.NewHTTPError(418, "teapot") })
	return e
}

// grpcServer is gRPC's own server with its health service, as an http.Handler.
func grpcServer() *grpc.Server {
	s := grpc.NewServer()
	h := health.NewServer()
	h.SetServingStatus("spindle", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s, h)
	return s
}

// gateway translates JSON to gRPC for a server in memory.
func gateway() http.Handler {
	l, s := bufconn.Listen(1<<20), grpcServer()
	go func() { _ = s.Serve(l) }()
	conn, err := grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		panic(err)
	}
	m := runtime.NewServeMux(runtime.WithHealthEndpointAt(healthpb.NewHealthClient(conn), "/healthz"))
	err = m.HandlePath("GET", "/v1/{kind=*}/{id=**}", func(w http.ResponseWriter, _ *http.Request, params map[string]string) {
		fmt.Fprintf(w, "%s %s", params["kind"], params["id"])
	})
	if err != nil {
		panic(err)
	}
	return m
}

func pprofMux() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return m
}

func gorillaEcho() http.Handler {
	upgrader := gorilla.Upgrader{Subprotocols: []string{"echo"}, EnableCompression: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, message, err := c.ReadMessage()
			if err != nil {
				return
			}
			if err := c.WriteMessage(kind, message); err != nil {
				return
			}
		}
	})
}

func coderEcho() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"echo"}, CompressionMode: websocket.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, reader, err := c.Reader(r.Context())
			if err != nil {
				return
			}
			writer, err := c.Writer(r.Context(), kind)
			if err != nil {
				return
			}
			if _, err = io.Copy(writer, reader); err != nil || writer.Close() != nil {
				return
			}
		}
	})
}

func proxy(upstream *url.URL) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream)
		r.SetXForwarded()
	}, FlushInterval: -1}
}

func files(dir string) http.Handler { return http.FileServer(http.Dir(dir)) }
