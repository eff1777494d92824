package discover

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is what the search sees: DNS, web servers and mail servers.
type world struct {
	srv   map[string][]*net.SRV // by service and name, as "imaps example.org"
	mx    map[string][]*net.MX
	cname map[string]string
	// pages are the web servers' answers, by https:// address without its query.
	pages map[string]http.HandlerFunc
	// servers are the mail servers that answer, by imaps://host:port or imap://.
	servers map[string]Seen

	mu       sync.Mutex
	requests []string // with headers and bodies
	looked   []string
}

var errNotFound = &net.DNSError{Err: "no such host", IsNotFound: true}

func (w *world) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if proto != "tcp" || !strings.HasSuffix(name, ".") {
		return "", nil, errors.New("a name that is not absolute was asked for")
	}
	records := w.srv[service+" "+strings.TrimSuffix(name, ".")]
	if len(records) == 0 {
		return "", nil, errNotFound
	}
	return name, records, nil
}

func (w *world) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	records := w.mx[strings.TrimSuffix(name, ".")]
	if len(records) == 0 || !strings.HasSuffix(name, ".") {
		return nil, errNotFound
	}
	return records, nil
}

func (w *world) LookupCNAME(_ context.Context, host string) (string, error) {
	if name := w.cname[strings.TrimSuffix(host, ".")]; name != "" {
		return name, nil
	}
	return "", errNotFound
}

// look is the Prober.
func (w *world) look(_ context.Context, e migration.Endpoint) Seen {
	at := urlOf(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = append(w.looked, at)
	if seen, ok := w.servers[at]; ok {
		return seen
	}
	return Seen{Trouble: "connection refused", Code: migration.CodeConnect}
}

func urlOf(e migration.Endpoint) string {
	scheme := map[migration.Security]string{migration.Implicit: "imaps://", migration.StartTLS: "imap://"}[e.Security]
	return scheme + e.Address()
}

// good is a server that answers with a good certificate.
func good(greeting string) Seen { return Seen{Answered: true, Trusted: true, Greeting: greeting} }

// find searches in the world. Every name that a page is of leads to one web server.
func (w *world) find(t *testing.T, address string, change func(*Options)) Result {
	t.Helper()
	options := Options{Resolver: w, Dial: w.serve(t), Probe: w.look, Timeout: time.Minute} // machines are busy
	w.trust(t, &options)
	if change != nil {
		change(&options)
	}
	result, err := Find(t.Context(), address, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

var authority = sync.OnceValues(imapfake.NewCA)

func (w *world) trust(t *testing.T, options *Options) {
	t.Helper()
	ca, err := authority()
	if err != nil {
		t.Fatal(err)
	}
	options.Roots = ca.Pool()
}

// serve starts the web server, and gives the dialler.
func (w *world) serve(t *testing.T) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	var hosts []string
	for address := range w.pages {
		host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 {
		return func(context.Context, string, string) (net.Conn, error) { return nil, errNotFound }
	}
	ca, err := authority()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(hosts...)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(w.answer))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, _ := strings.Cut(address, ":")
		if !slices.Contains(hosts, host) || port != "443" {
			return nil, errNotFound
		}
		return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
	}
}

func (w *world) answer(out http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	var headers strings.Builder
	_ = request.Header.Write(&headers)
	w.mu.Lock()
	w.requests = append(w.requests, request.Method+" https://"+request.Host+request.URL.String()+"\n"+headers.String()+"\n"+string(body))
	w.mu.Unlock()
	if page := w.pages["https://"+request.Host+request.URL.Path]; page != nil {
		page(out, request)
		return
	}
	http.NotFound(out, request)
}

// page answers with a text.
func textPage(text string) http.HandlerFunc {
	return func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, text) }
}

// best is the first candidate.
func (r Result) best(t *testing.T) Candidate {
	t.Helper()
	if len(r.Candidates) == 0 {
		t.Fatalf("nothing was found: %v", r.Asked)
	}
	return r.Candidates[0]
}

// at finds a candidate by its address.
func (r Result) at(url string) *Candidate {
	for i := range r.Candidates {
		if urlOf(r.Candidates[i].Endpoint) == url {
			return &r.Candidates[i]
		}
	}
	return nil
}

func (r Result) answerTo(question string) string {
	for _, a := range r.Asked {
		if strings.Contains(a.Question, question) {
			return a.Answer
		}
	}
	return "(not asked)"
}

// autoconfig is a file with one server.
func autoconfigOf(host, port, socket, user string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><clientConfig version="1.1"><emailProvider id="example.org"><domain>example.org</domain>
<incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port><socketType>SSL</socketType></incomingServer>
<incomingServer type="imap"><hostname>` + host + `</hostname><port>` + port + `</port><socketType>` + socket + `</socketType>
<username>` + user + `</username><authentication>password-cleartext</authentication></incomingServer></emailProvider></clientConfig>`
}

const (
	configPage    = "https://autoconfig.example.org/mail/config-v1.1.xml"
	wellKnownPage = "https://example.org/.well-known/autoconfig/mail/config-v1.1.xml"
	poxPage       = "https://autodiscover.example.org/autodiscover/autodiscover.xml"
	jsonPage      = "https://autodiscover.example.org/autodiscover/autodiscover.json"
)
