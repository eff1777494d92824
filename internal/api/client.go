package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// ClientOptions say how to reach a server.
type ClientOptions struct {
	// Server is its address, such as https://mailhaul.example.org. Without TLS
	// only a server on this computer is spoken to.
	Server string
	// Token is the API token; empty for what needs none.
	Token secret.Text
	// CA is a PEM bundle instead of the system's authorities.
	CA []byte
	// Pin is the base64 SHA-256 of the one public key that is trusted, whoever
	// signed it.
	Pin string
}

// Client speaks to a server's API. It follows no redirect: the token is for the
// server that was named.
type Client struct {
	base  *url.URL
	token secret.Text
	http  *http.Client
	// session is there after signing in, instead of a token.
	session *http.Cookie
}

// maxAnswer bounds an answer that is read as a whole.
const maxAnswer = 64 << 20

// NewClient checks the options. Nothing is sent yet.
func NewClient(o ClientOptions) (*Client, error) {
	base, err := url.Parse(strings.TrimSuffix(o.Server, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return nil, errors.New("the address of the server must look like https://mailhaul.example.org")
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !loopback(base.Hostname())) {
		return nil, fmt.Errorf("%s would get the token in clear text; write https://", base.Host)
	}
	protection, err := o.tls()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: protection, ForceAttemptHTTP2: true,
		DialContext: (&net.Dialer{Timeout: 15 * time.Second}).DialContext, TLSHandshakeTimeout: 15 * time.Second, IdleConnTimeout: time.Minute,
	}
	return &Client{base: base, token: o.Token, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close ends the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (o ClientOptions) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("the file of authorities holds no certificate in PEM form")
		}
	}
	if o.Pin != "" {
		config.InsecureSkipVerify = true //nolint:gosec // the pin is checked instead
		config.VerifyConnection = func(state tls.ConnectionState) error {
			sum := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if seen := base64.StdEncoding.EncodeToString(sum[:]); seen != strings.TrimPrefix(o.Pin, "sha256/") {
				return fmt.Errorf("the key of the server is %s, which is not the pin", seen)
			}
			return nil
		}
	}
	return config, nil
}

// request is one question to the server.
type request struct {
	method, path string
	query        url.Values
	headers      http.Header
	// body is sent as JSON, or as it is when it is a Reader.
	body any
	kind string
}

// call asks and reads the answer as JSON.
func call[T any](ctx context.Context, c *Client, r request) (answer T, err error) {
	response, err := c.send(ctx, r)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	return decode[T](ctx, c, response)
}

func decode[T any](ctx context.Context, c *Client, response *http.Response) (answer T, err error) {
	if response.StatusCode == http.StatusNoContent {
		return answer, nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer); err != nil {
		return answer, c.lost(ctx, err)
	}
	return answer, nil
}

// send asks and gives the answer when it is a good one.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	body, kind, err := r.encoded()
	if err != nil {
		return nil, err
	}
	target := *c.base
	target.Path, target.RawPath = c.base.Path+unescaped(r.path), c.base.EscapedPath()+r.path
	target.RawQuery = r.query.Encode()
	question, err := http.NewRequestWithContext(ctx, r.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range r.headers {
		question.Header[name] = values
	}
	if kind != "" {
		question.Header.Set("Content-Type", kind)
	}
	if !c.token.Empty() {
		question.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	if c.session != nil {
		question.AddCookie(&http.Cookie{Name: c.session.Name, Value: c.session.Value}) //nolint:gosec // it is sent, and not set
	}
	response, err := c.http.Do(question)
	if err != nil {
		return nil, c.lost(ctx, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer response.Body.Close()
		return nil, c.refused(response)
	}
	return response, nil
}

func unescaped(path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		return plain
	}
	return path
}

func (r request) encoded() (io.Reader, string, error) {
	switch body := r.body.(type) {
	case nil:
		return nil, r.kind, nil
	case io.Reader:
		return body, r.kind, nil
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, "", fmt.Errorf("writing the request: %w", err)
		}
		return bytes.NewReader(text), "application/json", nil
	}
}

// lost is a fault of the line to the server.
func (c *Client) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fault := &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: "asking the server " + c.base.Host, Err: err,
		Remedy: "Check that the server runs and that its address is right (--server)."}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		fault.Code, fault.Remedy = migration.CodeTLS, "Name the authority that signed the server's certificate (--server-ca), or its key (--server-pin)."
	}
	return fault
}

// refused reads the problem that the server answered with.
func (c *Client) refused(response *http.Response) error {
	p := &Problem{}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if json.Unmarshal(text, p) == nil && p.Code != "" {
		return p
	}
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeConnect, Doing: fmt.Sprintf("%s answered %s, not as a mailhaul server does", c.base.Host, response.Status),
		Remedy: "Check the address (--server)."}
}

// stream gives an answer that is read bit by bit.
func (c *Client) stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	response, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// at is a path with its variable parts escaped.
func at(parts ...string) string {
	path := "/api/v1"
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// ifMatch asks that nobody has changed the thing since; 0 does not ask.
func ifMatch(version int64) http.Header {
	if version == 0 {
		return nil
	}
	return http.Header{"If-Match": {strconv.Quote(strconv.FormatInt(version, 10))}}
}

// once makes a create safe to repeat.
func once(key string) http.Header {
	if key == "" {
		return nil
	}
	return http.Header{"Idempotency-Key": {key}}
}
