package web_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mailhaul/mailhaul/internal/web"
)

// consoleOf is a server with a console of one page and one script.
func consoleOf() http.Handler {
	// Sub refuses other names than a map does, as the embedded files do.
	files, err := fs.Sub(fstest.MapFS{
		"dist/index.html":       {Data: []byte(`<meta name="csp-nonce" content="{{nonce}}"><script src="/assets/app-1.js"></script>`)},
		"dist/assets/app-1.js":  {Data: []byte(strings.Repeat("console.log(1)\n", 200))},
		"dist/assets/small.css": {Data: []byte("a{}")},
		"dist/.gitkeep":         {},
	}, "dist")
	if err != nil {
		panic(err)
	}
	return web.New(web.Options{API: answering("api"), Ready: ready, Console: files})
}

func TestEveryPlaceOfTheConsoleIsThePage(t *testing.T) {
	handler := consoleOf()
	for _, path := range []string{"/", "/batches/sales/mailboxes/anna@example.org", "/index.html", "/.gitkeep", "/endpoints/"} {
		w := get(t, handler, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "app-1.js") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %s", path, w.Code, w.Body, w.Header().Get("Cache-Control"))
		}
	}
	if w := get(t, handler, "/api/v1/batches"); w.Body.String() != "api" {
		t.Errorf("the API is hidden: %s", w.Body)
	}
}

func TestTheNumberOfThePageIsInItsPolicyAndNew(t *testing.T) {
	handler, seen := consoleOf(), map[string]bool{}
	for range 3 {
		w := get(t, handler, "/")
		nonce := regexp.MustCompile(`content="([^"]+)"`).FindStringSubmatch(w.Body.String())[1]
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "style-src 'self' 'nonce-"+nonce+"'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("the policy of %s is %s", nonce, policy)
		}
		if len(nonce) < 20 || seen[nonce] {
			t.Errorf("the number %q was there before, or is short", nonce)
		}
		seen[nonce] = true
	}
}

func TestAssetsLastAndArePacked(t *testing.T) {
	handler := consoleOf()
	w := get(t, handler, "/assets/app-1.js", "Accept-Encoding", "br, gzip")
	if w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Vary") != "Accept-Encoding" || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
		t.Errorf("got %v", w.Header())
	}
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(unpacked); err != nil || len(text) != 15*200 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for path, want := range map[string]string{"/assets/app-1.js": "console.log", "/assets/small.css": "a{}"} {
		if w := get(t, handler, path); w.Header().Get("Content-Encoding") != "" || !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %v %.20s", path, w.Header(), w.Body)
		}
	}
}

// A page that is still open asks for files of the build before.
func TestAnAssetOfAnotherBuildIsNotThePage(t *testing.T) {
	for _, path := range []string{"/assets/app-0.js", "/assets/../assets/x.js"} {
		if w := get(t, consoleOf(), path); w.Code == http.StatusOK && strings.Contains(w.Body.String(), "nonce") {
			t.Errorf("%s is the page", path)
		}
	}
}
