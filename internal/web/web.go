package web

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Options are what the outside is made of.
type Options struct {
	// API serves everything below /api/.
	API http.Handler
	// Metrics serves /metrics; nil when there is none.
	Metrics http.Handler
	// Console is the built console; nil is the one in this binary. Where it is empty
	// a page says how to build it.
	Console fs.FS
	// Ready says why the server cannot work just now; nil when it can.
	Ready func(context.Context) error
	// TLS is true when browsers reach the server by https, here or at a proxy.
	TLS bool
	// Proxies may name the client they speak for.
	Proxies []netip.Prefix
	// Log takes a line for each request; nil is none.
	Log *slog.Logger
	// Observe takes the route, a pattern, and what became of each request; may be
	// nil.
	Observe func(route, method string, status int, took time.Duration)
}

//go:embed page
var pages embed.FS

// readyWithin bounds the question to the database.
const readyWithin = 3 * time.Second

// New gives the handler of the whole server.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", o.API)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", o.ready)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
	}
	if o.Console == nil {
		o.Console = built()
	}
	if console, found := newConsole(o.Console); found {
		mux.Handle("/", console)
	} else {
		mux.HandleFunc("GET /{$}", page("page/index.html", "text/html; charset=utf-8"))
		mux.HandleFunc("GET /style.css", page("page/style.css", "text/css; charset=utf-8"))
	}
	return o.address(o.record(o.headers(mux)))
}

// ready does not say what is wrong: anybody may ask. The log does.
func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := o.Ready(ctx); err != nil {
		o.Log.WarnContext(ctx, "not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	plain(w, http.StatusOK, "ready")
}

func page(name, kind string) http.HandlerFunc {
	text, err := pages.ReadFile(name)
	if err != nil {
		panic("web: " + err.Error()) // embedded above
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text)
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
