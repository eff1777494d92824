package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// policy lets a page load what comes from here and nothing else; no script or
// style may stand in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// headers are on every answer. Nothing is kept by a cache unless the handler
// says otherwise.
func (o Options) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if o.TLS {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// address puts the client in place of a trusted proxy: the last address of
// X-Forwarded-For that is no trusted proxy itself. Of anybody else the header is
// not read.
func (o Options) address(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, ok := o.client(r); ok {
			r = r.Clone(r.Context())
			r.RemoteAddr = net.JoinHostPort(client.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

func (o Options) client(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !o.trusts(peer.Addr()) {
		return netip.Addr{}, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		address, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return netip.Addr{}, false
		}
		if !o.trusts(address) {
			return address.Unmap(), true
		}
	}
	return netip.Addr{}, false
}

func (o Options) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(o.Proxies, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}

// record notes each request, and ends one that panics. The route is the pattern
// that a mux beneath, the innermost last, has left in the request: never the path
// itself, which has names in it.
func (o Options) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		noted := &noted{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				o.panicked(noted, r, cause)
			}
			took := time.Since(began)
			o.Log.InfoContext(r.Context(), "request", "method", r.Method, "route", routeOf(r), "status", noted.state(), "took", took.Round(time.Microsecond).String(),
				"bytes", noted.bytes, "address", host(r.RemoteAddr))
			if o.Observe != nil {
				o.Observe(routeOf(r), r.Method, noted.state(), took)
			}
		}()
		next.ServeHTTP(noted, r)
	})
}

// panicked tells the log where, and the client nothing. A handler that gives up
// on purpose is left alone.
func (o Options) panicked(w *noted, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint // it is this very value
		panic(cause)
	}
	o.Log.ErrorContext(r.Context(), "panic in a request", "cause", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
	if w.status == 0 {
		plain(w, http.StatusInternalServerError, "internal error")
	}
}

// routeOf is the pattern without its method.
func routeOf(r *http.Request) string {
	_, path, found := strings.Cut(r.Pattern, " ")
	if !found {
		return r.Pattern
	}
	return path
}

func host(address string) string {
	if name, _, err := net.SplitHostPort(address); err == nil {
		return name
	}
	return address
}

// noted remembers what was answered.
type noted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (n *noted) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noted) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	written, err := n.ResponseWriter.Write(p)
	n.bytes += int64(written)
	return written, err
}

func (n *noted) state() int {
	if n.status == 0 {
		return http.StatusOK
	}
	return n.status
}

// Unwrap lets http.ResponseController reach what is beneath, for live answers.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }
