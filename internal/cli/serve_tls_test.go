package cli

import (
	"context"
	"crypto/x509"
	"encoding/pem"
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
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := certificate(t)
	t.Setenv("MAILHAUL_TOKEN", "")
	t.Setenv("MAILHAUL_DATABASE", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, log := &watched{want: "operator setup", come: make(chan struct{})}, &watched{}
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--key-file", filepath.Join(dir, "server.key"),
			"--tls-cert", file("cert.pem", cert), "--tls-key", file("key.pem", key)}, Streams{In: strings.NewReader(""), Out: out, Err: log})
	}()
	select {
	case <-out.come:
	case status := <-ended:
		t.Fatalf("exit status %d\n%s", status, log)
	}
	found := regexp.MustCompile(`(?s)serves at (https://\S+).*works once:\s+(\S+)`).FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("it says %s", out)
	}
	if strings.Contains(log.String(), found[2]) {
		t.Error("the setup token is in the log")
	}
	trusting := []string{"--server", found[1], "--server-ca", file("ca.pem", ca), "--token-file", filepath.Join(dir, "token")}
	execute(t, append([]string{"operator", "setup", "anna", "--setup-token-file", file("setup", found[2]), "--password-file", file("password", "one two three four")}, trusting...)...).
		want(t, exitDone, "signed in as anna (admin)")
	execute(t, append([]string{"node", "list"}, trusting...)...).want(t, exitDone, "alive")
	execute(t, "node", "list", "--server", found[1], "--token-file", filepath.Join(dir, "token")).want(t, exitConnection, "--server-ca")
	cancel()
	if status := <-ended; status != exitDone {
		t.Errorf("exit status %d\n%s", status, log)
	}
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
