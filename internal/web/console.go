package web

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// dist is the built console: make console puts it there. Of a binary that was built
// without it only the placeholder is there.
//
//go:embed all:dist
var dist embed.FS

// console serves the web console, a program of one page: what is no file of it is a
// place within it.
type console struct {
	files fs.FS
	// index is the page, with nonceMark where the number goes.
	index []byte
	// packed has files as gzip, by name.
	packed sync.Map
}

const (
	// nonceMark stands in the page for the number of the answer.
	nonceMark = "{{nonce}}"
	// assets are named after their content, so that they never change.
	assets = "assets/"
	// lasting is for what never changes.
	lasting = "public, max-age=31536000, immutable"
	// packFrom is the size, in bytes, from which a file is worth being packed.
	packFrom = 1 << 10
)

// newConsole takes what was built; false when nothing was.
func newConsole(files fs.FS) (*console, bool) {
	index, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return nil, false
	}
	return &console{files: files, index: index}, true
}

// built is what this binary has of the console.
func built() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // the name is valid
	}
	return files
}

func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	text, err := fs.ReadFile(c.files, name)
	switch {
	case err == nil && name != "index.html" && !strings.HasPrefix(name, "."):
		c.file(w, r, name, text)
	case strings.HasPrefix(name, assets) || errors.Is(err, fs.ErrInvalid):
		// An old page asks for what a newer build does not have.
		plain(w, http.StatusNotFound, "not found")
	default:
		c.page(w)
	}
}

// file serves a file, as gzip to who takes it.
func (c *console) file(w http.ResponseWriter, r *http.Request, name string, text []byte) {
	h := w.Header()
	if strings.HasPrefix(name, assets) {
		h.Set("Cache-Control", lasting)
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	if len(text) >= packFrom {
		h.Add("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			text = c.pack(name, text)
		}
	}
	_, _ = w.Write(text) //nolint:gosec // it is a file of the build
}

func (c *console) pack(name string, text []byte) []byte {
	if packed, found := c.packed.Load(name); found {
		return packed.([]byte)
	}
	var out bytes.Buffer
	pack, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	_, _ = pack.Write(text)                                    // to memory
	_ = pack.Close()
	c.packed.Store(name, out.Bytes())
	return out.Bytes()
}

// page serves the page with a number that is of this answer only: the console makes
// its styles as it runs, and the policy takes those that have the number.
func (c *console) page(w http.ResponseWriter) {
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(policy, "style-src 'self'", "style-src 'self' 'nonce-"+nonce+"'", 1))
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(bytes.ReplaceAll(c.index, []byte(nonceMark), []byte(nonce)))
}
