package discover

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// The bounds of what is fetched.
const (
	bodyMost     = 1 << 20
	headerMost   = 64 << 10
	redirectMost = 3
)

// postmaster stands for the person where a question wants an address: every domain
// has it (RFC 5321 section 4.5.1), so that it tells nothing.
const postmaster = "postmaster"

// web fetches over HTTPS.
type web struct{ client *http.Client }

// newWeb makes a client without a proxy, without cookies, and without connections
// that outlive the search.
func newWeb(search context.Context, options Options) *web {
	dial := options.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &web{&http.Client{
		Transport: &http.Transport{
			DialContext:            dialWithin(search, dial),
			TLSClientConfig:        &tls.Config{RootCAs: options.Roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: headerMost,
			DisableKeepAlives:      true,
			DisableCompression:     true, // a megabyte is a megabyte
		},
		CheckRedirect: followable,
	}}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialWithin ends what it dials with the search. A transport goes on dialling when its
// request has been given up, in case there is a next one.
func dialWithin(search context.Context, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(search, cancel)()
		conn, err := dial(ctx, network, address)
		if err == nil {
			context.AfterFunc(search, func() { conn.Close() })
		}
		return conn, err
	}
}

var (
	errRedirectScheme = errors.New("it leads to an address without https, which is not followed")
	errRedirects      = fmt.Errorf("it leads on more than %d times", redirectMost)
	errBody           = fmt.Errorf("it is larger than %d bytes", bodyMost)
)

// followable decides about a redirection: https only, and few.
func followable(next *http.Request, before []*http.Request) error {
	if next.URL.Scheme != "https" || next.URL.User != nil {
		return errRedirectScheme
	}
	if len(before) > redirectMost {
		return errRedirects
	}
	next.Header.Del("Referer")
	return nil
}

// page is what was fetched.
type page struct {
	status int
	header http.Header
	// host is that of the address it came from in the end.
	host string
	body []byte
}

// get fetches an address, and post sends XML there.
func (w *web) get(ctx context.Context, address string) (*page, error) {
	return w.fetch(ctx, http.MethodGet, address, nil)
}

func (w *web) post(ctx context.Context, address string, xml []byte) (*page, error) {
	return w.fetch(ctx, http.MethodPost, address, xml)
}

func (w *web) fetch(ctx context.Context, method, address string, body []byte) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	request.Header.Set("User-Agent", "mailhaul")
	if body != nil {
		request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, bodyMost+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(text) > bodyMost {
		return nil, errBody
	}
	return &page{answer.StatusCode, answer.Header, answer.Request.URL.Hostname(), text}, nil
}

// webTrouble says why there is no page.
func webTrouble(err error) string {
	for _, known := range []error{errRedirectScheme, errRedirects, errBody} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return Plain(err)
}
