package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mailhaul/mailhaul/internal/web"
)

func get(t *testing.T, handler http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func answering(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
}

func ready(context.Context) error { return nil }

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	handler := web.New(web.Options{API: answering("api"), Metrics: answering("figures"), Ready: ready, TLS: true, Console: fstest.MapFS{}})
	for path, want := range map[string]string{
		"/": "mailhaul", "/style.css": "system-ui", "/healthz": "ok", "/readyz": "ready", "/metrics": "figures", "/api/v1/x": "api", "/nothing": "not found",
	} {
		w := get(t, handler, path)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		for name, value := range map[string]string{
			"Content-Security-Policy": "frame-ancestors 'none'", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Strict-Transport-Security": "max-age", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if !strings.Contains(w.Header().Get(name), value) {
				t.Errorf("%s: %s is %q", path, name, w.Header().Get(name))
			}
		}
	}
}

func TestThePageHasNothingInlineOrFromElsewhere(t *testing.T) {
	body := get(t, web.New(web.Options{API: answering(""), Ready: ready, Console: fstest.MapFS{}}), "/").Body.String()
	for _, forbidden := range []string{"<script", "<style", "style=", "onclick", "http://", "https://"} {
		if strings.Contains(body, forbidden) {
			t.Errorf("the page holds %q", forbidden)
		}
	}
}

func TestReadyTellsTheLogWhyAndNobodyElse(t *testing.T) {
	var log bytes.Buffer
	handler := web.New(web.Options{API: answering(""), Ready: func(context.Context) error { return errors.New("disk of db-7 is full") },
		Log: slog.New(slog.NewJSONHandler(&log, nil))})
	w := get(t, handler, "/readyz")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "db-7") || !strings.Contains(log.String(), "db-7") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, &log)
	}
	if w := get(t, handler, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz is %d", w.Code)
	}
}

func TestOnlyTrustedProxiesNameTheClient(t *testing.T) {
	var seen string
	api := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr })
	for _, c := range []struct{ proxies, forwarded, want string }{
		{"", "203.0.113.9", "192.0.2.1:1234"},
		{"192.0.2.0/24", "203.0.113.9", "203.0.113.9:0"},
		{"192.0.2.0/24", "10.0.0.1, 203.0.113.9", "203.0.113.9:0"},
		{"192.0.2.0/24", "203.0.113.9, 192.0.2.7", "203.0.113.9:0"},
		{"192.0.2.0/24", "nonsense", "192.0.2.1:1234"},
		{"192.0.2.0/24", "", "192.0.2.1:1234"},
	} {
		o := web.Options{API: api, Ready: ready}
		if c.proxies != "" {
			o.Proxies = []netip.Prefix{netip.MustParsePrefix(c.proxies)}
		}
		get(t, web.New(o), "/api/v1/x", "X-Forwarded-For", c.forwarded)
		if seen != c.want {
			t.Errorf("%+v: the client is %s", c, seen)
		}
	}
}

func TestTheLogHasTheRouteAndNoSecretOfTheRequest(t *testing.T) {
	var log bytes.Buffer
	var observed string
	api := http.NewServeMux()
	api.HandleFunc("GET /api/v1/batches/{batch}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := web.New(web.Options{API: api, Ready: ready, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Observe: func(route, method string, status int, _ time.Duration) {
			observed = method + " " + route + " " + http.StatusText(status)
		}})
	get(t, handler, "/api/v1/batches/canary-path?q=canary-query", "Authorization", "Bearer canary-token", "Cookie", "s=canary-cookie")
	if !strings.Contains(log.String(), "/api/v1/batches/{batch}") || strings.Contains(log.String(), "canary") {
		t.Errorf("the log has %s", &log)
	}
	if observed != "GET /api/v1/batches/{batch} I'm a teapot" {
		t.Errorf("observed %q", observed)
	}
}

func TestPanicTellsTheClientNothing(t *testing.T) {
	var log bytes.Buffer
	api := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("canary of a panic") })
	w := get(t, web.New(web.Options{API: api, Ready: ready, Log: slog.New(slog.NewJSONHandler(&log, nil))}), "/api/v1/x")
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "panic in a request") || strings.Contains(log.String(), "canary of a panic") {
		t.Errorf("the log has %s", &log)
	}
}
