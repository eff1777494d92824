package fidelitytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/internal/cli"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

const user = "anna@example.org"

// needRigs skips a test where real servers are not wanted.
func needRigs(t *testing.T) {
	t.Helper()
	if os.Getenv("MAILHAUL_NO_RIGS") == "1" || testing.Short() {
		t.Skip("needs real servers; runs with make test")
	}
	rig.Require(t, oracle.Missing)
}

// host is a real server.
type host struct {
	*rig.Mail
	separator, prefix string
}

func startHost(t *testing.T, s system) *host {
	t.Helper()
	return &host{s.start(t), s.separator, s.prefix}
}

// mailTarget is a user's mailbox for those who fill it.
func (h *host) mailTarget(user string) mailgen.Target {
	return mailgen.Target{Addr: h.Addr(), User: user, Password: h.Password, Separator: h.separator, Prefix: h.prefix}
}

func (h *host) snapshot(t *testing.T, user string) oracle.Snapshot {
	t.Helper()
	snapshot, err := oracle.Take(t.Context(), h.Host, h.Port, user, h.Password)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// pair is a mailbox at a source and one at a target.
type pair struct {
	t              *testing.T
	source, target *host
	// targetUser is whose mailbox it is at the target; empty means the same.
	targetUser string
	dir        string
}

// runTo executes a command over verified TLS, from the first byte at the source and by
// STARTTLS at the target, and returns what it printed. It has to end with the status.
func (p *pair) runTo(status int, verb string, more ...string) string {
	p.t.Helper()
	password := p.file("password", []byte(p.source.Password+"\n"))
	to := p.targetUser
	if to == "" {
		to = user
	}
	args := append([]string{verb, "--ledger", filepath.Join(p.dir, "ledger.db"),
		"--source", fmt.Sprintf("imaps://%s@localhost:%d", escaped(user), p.source.TLSPort), "--source-ca", p.file("source.pem", p.source.CAPEM),
		"--target", fmt.Sprintf("imap://%s@localhost:%d", escaped(to), p.target.Port), "--target-ca", p.file("target.pem", p.target.CAPEM),
		"--source-password-file", password, "--target-password-file", password}, more...)
	return execute(p.t, status, args...)
}

// file writes a file into the pair's folder.
func (p *pair) file(name string, data []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func escaped(user string) string { return strings.ReplaceAll(user, "@", "%40") }

// execute runs a command, which has to end with the status.
func execute(t *testing.T, status int, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	if got := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); got != status {
		t.Fatalf("%s ended with %d, want %d\n%s\n%s", args[0], got, status, out.String(), errs.String())
	}
	return out.String()
}

// summary is what copy --json prints, as far as the tests look at it.
type summary struct {
	Mailboxes []struct {
		Messages migration.Counts
		Findings []migration.Finding
	}
	Total struct{ Messages migration.Counts }
}

func (p *pair) summary(output string) summary { return summaryOf(p.t, output) }

func summaryOf(t *testing.T, output string) summary {
	t.Helper()
	var s summary
	if err := json.Unmarshal([]byte(output), &s); err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Mailboxes {
		for _, finding := range m.Findings {
			t.Logf("finding: %+v", finding)
		}
	}
	return s
}
