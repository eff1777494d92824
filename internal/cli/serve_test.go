package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func TestSettingsThatDoNotFitAreRefusedBeforeAnythingStarts(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"beyond loopback without TLS":   {[]string{"--listen", "0.0.0.0:8765"}, "in clear text; give tls-cert and tls-key"},
		"all interfaces":                {[]string{"--listen", ":8765"}, "in clear text"},
		"a host name":                   {[]string{"--listen", "mailhaul.example.org:8765"}, "in clear text"},
		"no port":                       {[]string{"--listen", "127.0.0.1"}, "want host:port"},
		"half of TLS":                   {[]string{"--tls-cert", os.Args[0]}, "go together"},
		"a certificate that is missing": {[]string{"--tls-cert", "/no/cert", "--tls-key", "/no/key"}, "there is no file /no/cert"},
		"no network":                    {[]string{"--allow-network", "ten"}, `"ten" is no address or network`},
		"no proxy":                      {[]string{"--trusted-proxy", "proxy"}, `"proxy" is no address or network`},
		"a database of another kind":    {[]string{"--database", "mysql://x"}, "want a URL such as postgres://"},
		"a password for all to see":     {[]string{"--database", "postgres://u:canary@h/d"}, "would show in the process list"},
		"mail from nobody":              {[]string{"--smtp-host", "mail.example.org"}, "smtp-from"},
		"a level that is none":          {[]string{"--log-level", "loud"}, "want debug, info, warn or error"},
		"two keys":                      {[]string{"--key-file", "a", "--key-command", "b"}, "exclude each other"},
		"kept for less than nothing":    {[]string{"--keep-completed", "-1h"}, "keep-completed: must not be negative"},
		"no resolver":                   {[]string{"--dns", "foo"}, `dns: "foo" is no address of a resolver`},
		"a webhook that is no URL":      {[]string{"--webhook-url", "foo"}, "webhook-url: the address is no URL"},
		"a webhook without secret":      {[]string{"--webhook-url", "https://hook.example.org/"}, "the secret must have 16 bytes"},
		"a key command that is missing": {[]string{"--key-command", "/nope --now"}, "key-command: "},
		"a certificate that is none":    {[]string{"--tls-cert", os.Args[0], "--tls-key", os.Args[0]}, "tls-cert and tls-key: "},
		"no slots":                      {[]string{"--slots", "0"}, "slots: must be at least 1"},
		"a file that is missing":        {[]string{"--config", "/no/file"}, "--config: "},
	} {
		r := execute(t, append([]string{"serve", "--check-config", "--data-dir", filepath.Join(dir, "data")}, c.args...)...)
		r.want(t, exitUsage, c.want)
		if strings.Contains(r.err, "canary") {
			t.Errorf("%s: the password is repeated: %s", name, r.err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("something was made: %v", entries)
	}
}

func TestSettingsThatFitAreTold(t *testing.T) {
	t.Setenv("MAILHAUL_DATABASE", "postgres://u:canary@h/d")
	for _, args := range [][]string{
		nil, {"--listen", "[::1]:0"}, {"--listen", "localhost:8765"}, {"--listen", "0.0.0.0:8765", "--trusted-proxy", "10.0.0.1"},
		{"--allow-network", "10.0.0.0/8,192.168.0.0/16"}, {"--smtp-host", "mail.example.org", "--smtp-from", "mailhaul@example.org"},
	} {
		execute(t, append([]string{"serve", "--check-config"}, args...)...).want(t, exitDone, "the settings are right")
	}
}

func TestOnWindowsThereIsNoServer(t *testing.T) {
	for _, command := range []string{"serve", "demo"} {
		if err := noServerOn("windows", command); statusOf(err) != exitUsage || !strings.Contains(err.Error(), command+" does not run on Windows") {
			t.Error(err)
		}
		if err := noServerOn("linux", command); err != nil {
			t.Error(err)
		}
	}
}

func TestTheServerEndsWhenItsDatabaseHasFailedForGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flags := &serveFlags{dataDir: filepath.Join(dir, "data"), keyFile: filepath.Join(dir, "key"), node: "a", listen: "127.0.0.1:0", slots: 1, drain: 10 * time.Second, logLevel: "error"}
	s := &server{flags: flags, streams: Streams{Out: io.Discard, Err: io.Discard}, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, step := range []func(context.Context) error{s.open, s.join, s.listen} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = s.store.Close() })
	second := &server{flags: flags, streams: s.streams, log: s.log}
	if err := second.open(ctx); !errors.Is(err, store.ErrOpenElsewhere) || !strings.Contains(migration.FaultOf(err).Remedy, "--data-dir") {
		t.Errorf("a second server on the same directory: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	answer, err := http.Get(s.address() + "/healthz") // it waits until the server runs
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := s.store.DB().Close(); err != nil {
		t.Fatal(err)
	}
	err = <-ended
	if ctx.Err() != nil || migration.ClassOf(err) != migration.Stop || !strings.Contains(err.Error(), "mailhaul.db") {
		t.Fatalf("it ends with %v", err)
	}
}

func TestTheTokenFileMustBePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	execute(t, "batch", "list", "--token-file", path).want(t, exitLogin, "run mailhaul login")
	if err := os.WriteFile(path, []byte("mh_canary\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	execute(t, "batch", "list", "--token-file", path).want(t, exitUsage, "others may read")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, "batch", "list", "--token-file", path, "--server", "http://mailhaul.example.org").want(t, exitUsage, "clear text")
	r := execute(t, "batch", "list", "--token-file", path, "--server", "http://127.0.0.1:1")
	r.want(t, exitConnection, "what to do")
	if strings.Contains(r.err, "canary") {
		t.Errorf("the token is told: %s", r.err)
	}
}
