package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// TestServeWithTLSIsReachedByCommandsThatTrustIt: from the setup token to a first
// answer, and not without the authority.
func TestServeWithTLSIsReachedByCommandsThatTrustIt(t *testing.T) {
	s := serveTLS(t)
	s.run("node", "list").want(t, exitDone, "alive")
	execute(t, "node", "list", "--server", s.url, "--token-file", s.token).want(t, exitConnection, "--server-ca")
}

// TestHealthSaysWhetherTheServerIsWell: it is, when there is one, without a token; and it
// is not where nobody listens, or something else does.
func TestHealthSaysWhetherTheServerIsWell(t *testing.T) {
	s := serveTLS(t)
	var trusting []string
	for i, flag := range s.trusting {
		if flag != "--token-file" && (i == 0 || s.trusting[i-1] != "--token-file") {
			trusting = append(trusting, flag)
		}
	}
	execute(t, append([]string{"health"}, trusting...)...).want(t, exitDone, "the server is well")
	execute(t, "health", "--server", s.url).want(t, exitConnection, "--server-ca")
	for answer, want := range map[int]string{http.StatusServiceUnavailable: "its database does not", http.StatusNotFound: "not as a mailhaul server does"} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(answer) }))
		execute(t, "health", "--server", other.URL).want(t, exitConnection, want)
		other.Close()
		execute(t, "health", "--server", other.URL).want(t, exitConnection, "connection refused")
	}
}

// tlsServer is a server with TLS, and the flags by which commands reach it.
type tlsServer struct {
	*testing.T
	url, token string
	trusting   []string
	log        *watched
}

func (s *tlsServer) run(args ...string) output {
	s.Helper()
	return execute(s.T, append(args, s.trusting...)...)
}

// serveTLS starts a server with more flags, and makes its first operator. It must end well.
func serveTLS(t *testing.T, flags ...string) *tlsServer {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := certificate(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	out, log := &watched{want: "operator setup", come: make(chan struct{})}, &watched{}
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--key-file", filepath.Join(dir, "server.key"),
			"--tls-cert", file("cert.pem", cert), "--tls-key", file("key.pem", key)}, flags...), Streams{In: strings.NewReader(""), Out: out, Err: log})
	}()
	t.Cleanup(func() {
		cancel()
		if status := <-ended; status != exitDone {
			t.Errorf("exit status %d\n%s", status, log)
		}
	})
	select {
	case <-out.come:
	case status := <-ended:
		ended <- status
		t.Fatalf("exit status %d\n%s", status, log)
	}
	found := regexp.MustCompile(`(?s)serves at (https://\S+).*works once:\s+(\S+)`).FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("it says %s", out)
	}
	if strings.Contains(log.String(), found[2]) {
		t.Error("the setup token is in the log")
	}
	s := &tlsServer{T: t, url: found[1], token: filepath.Join(dir, "token"), log: log}
	s.trusting = []string{"--server", found[1], "--server-ca", file("ca.pem", ca), "--token-file", s.token}
	s.run("operator", "setup", "anna", "--setup-token-file", file("setup", found[2]), "--password-file", file("password", "one two three four")).
		want(t, exitDone, "signed in as anna (admin)")
	return s
}

// certificate makes an authority, and a certificate for 127.0.0.1 with its key.
func certificate(t *testing.T) (ca, cert, key string) {
	t.Helper()
	authority, err := imapfake.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	issued, err := authority.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issued.Certificate[0]}))
	return string(authority.PEM()), cert, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}
