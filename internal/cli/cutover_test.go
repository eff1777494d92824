package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/cutover"
)

// nameServer answers with authority from records in the form of a zone file.
type nameServer struct {
	address string
	mu      sync.Mutex
	records []dns.RR
}

// startNameServer listens at an address over UDP; nil where that is not allowed.
func startNameServer(t *testing.T, address string) *nameServer {
	t.Helper()
	packets, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", address)
	if err != nil {
		return nil
	}
	s := &nameServer{address: packets.LocalAddr().String()}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: packets, Handler: s, NotifyStartedFunc: func() { close(started) }}
	go func() { _ = server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = server.Shutdown() })
	return s
}

func (s *nameServer) publish(t *testing.T, lines ...string) {
	t.Helper()
	var records []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

func (s *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := new(dns.Msg).SetReply(q)
	m.Authoritative = true
	for _, rr := range s.records {
		if rr.Header().Name == q.Question[0].Name && rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	_ = w.WriteMsg(m)
}

var delegated = []string{"example.org. 60 IN NS ns1.example.org.", "ns1.example.org. 60 IN A 127.7.4.53", "mx.old.example. 60 IN A 192.0.2.1", "mx.new.example. 60 IN A 192.0.2.2"}

func oldMX() []string { return append(delegated, "example.org. 3600 IN MX 10 mx.old.example.") }
func newMX() []string { return append(delegated, "example.org. 3600 IN MX 10 mx.new.example.") }

// alone runs one of the commands that look by themselves, against a name server of ours.
func alone(t *testing.T, server *nameServer, run func(f *cutoverFlags, c *cobra.Command, r *remote) error, args ...string) (string, error) {
	t.Helper()
	f := &cutoverFlags{dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server.address)
	}}
	c := &cobra.Command{}
	c.SetContext(t.Context())
	f.register(c.Flags())
	c.Flags().DurationVar(&f.every, "every", time.Minute, "")
	if err := c.ParseFlags(append([]string{"--alone", "--no-system-dns", "--dns", server.address, "--mx", "mx.new.example"}, args...)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run(f, c, &remote{streams: Streams{In: strings.NewReader(""), Out: &out, Err: &out}})
	return out.String(), err
}

func checkAlone(f *cutoverFlags, c *cobra.Command, r *remote) error {
	v, err := f.look(c, r, "Example.org")
	if err != nil {
		return err
	}
	printPlanOf(r.streams.Out, v.verdict)
	printVerdict(r.streams.Out, v.verdict)
	return statusOfVerdict(v.verdict, true)
}

// Looks of one command after the other add up in the file, and the status says how far
// the move is.
func TestACommandAloneRemembersWhatItSaw(t *testing.T) {
	server := startNameServer(t, "127.0.0.1:0")
	if server == nil {
		t.Fatal("no name server")
	}
	state := filepath.Join(t.TempDir(), "deep", "state.json")
	check := func(status int, texts ...string) {
		t.Helper()
		out, err := alone(t, server, checkAlone, "--state", state)
		if statusOf(err) != status {
			t.Errorf("status %d, want %d: %v\n%s", statusOf(err), status, err, out)
		}
		for _, text := range texts {
			if !strings.Contains(out, text) {
				t.Errorf("it does not say %q:\n%s", text, out)
			}
		}
	}
	server.publish(t, oldMX()...)
	check(exitSkipped, "example.org: ready-to-switch", "publish  example.org. 3600 IN MX 10 mx.new.example.", "10 mx.old.example (3600 s)", "safe to complete the batches: no", "It is not known whether the mailboxes were synchronised.")
	server.publish(t, append(newMX(), "example.org. 3600 IN MX 20 mx.old.example.")...)
	check(exitDifferences, "example.org: mixed", "[mx-mixed]")
	server.publish(t, newMX()...)
	check(exitSkipped, "example.org: switching", "[waiting]")
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	// As if that had been long ago.
	var file cutoverFile
	text, err := os.ReadFile(state)
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	watch := file.Domains["example.org"]
	for address, s := range watch.Seen {
		s.LastOld, s.FirstNew = s.LastOld.Add(-80*time.Hour), s.FirstNew.Add(-80*time.Hour)
		watch.Seen[address] = s
	}
	watch.CachedUntil = watch.CachedUntil.Add(-80 * time.Hour)
	file.Domains["example.org"] = watch
	if text, err = json.Marshal(file); err == nil {
		err = os.WriteFile(state, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	check(exitDone, "example.org: settled", "[wait-over]", "moved 80 h ago")
	out, err := alone(t, server, func(f *cutoverFlags, c *cobra.Command, r *remote) error { return f.watch(c, r, "example.org") }, "--state", state)
	if err != nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, "example.org: settled") {
		t.Errorf("watching what has settled: %v %s", err, out)
	}
}

func TestFlagsOfACutoverThatDoNotFitAreRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"check", "example.org", "--dns", "192.0.2.1"}, "--dns is for --alone"},
		{[]string{"check", "example.org", "--alone", "--batch", "pilot"}, "--batch is for a server"},
		{[]string{"check", "localhost", "--alone"}, "is not a domain"},
		{[]string{"check", "example.org", "--alone", "--dns", "dns.example.org"}, "is no address of a resolver"},
		{[]string{"check", "example.org", "--alone", "--no-system-dns"}, "name a resolver"},
		{[]string{"check", "example.org", "--alone", "--target", "gmail"}, "is not known"},
		{[]string{"check", "example.org", "--alone", "--switched-at", "2999-01-01"}, "has not come yet"},
		{[]string{"watch", "example.org", "--alone", "--every", "1s"}, "want a minute or more"},
	} {
		args := append([]string{"cutover"}, c.args...)
		if c.args[2] == "--alone" {
			args = append(args, "--state", filepath.Join(t.TempDir(), "state.json"))
			if !strings.Contains(strings.Join(args, " "), "dns") {
				args = append(args, "--dns", "127.0.0.1:1", "--no-system-dns")
			}
		}
		execute(t, args...).want(t, exitUsage, c.says)
	}
}

// The whole way with a server: its own look at a name server at port 53, the watch, and a
// batch that is not completed or deleted by mistake.
func TestABatchIsNotDeletedWhileMailMayStillArrive(t *testing.T) {
	zone := startNameServer(t, "127.7.4.53:53")
	if zone == nil {
		t.Skip("port 53 may not be used here")
	}
	zone.publish(t, oldMX()...)
	s := serveTLS(t, "--allow-loopback", "--dns", zone.address)
	s.run("cutover", "list").want(t, exitDone, "safe to delete")
	s.run("cutover", "check", "example.org", "--mx", "mx.new.example").want(t, exitSkipped, "example.org: ready-to-switch", "No batch has a mailbox of example.org.")
	file := filepath.Join(t.TempDir(), "pilot.csv")
	if err := os.WriteFile(file, []byte("EmailAddress,UserName,Password,TargetPassword\nanna@example.org,anna,one two,three four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "new"} {
		s.run("endpoint", "create", name, "imaps://imap."+name+".example", "--skip-verification").want(t, exitDone)
	}
	s.run("batch", "create", file, "--source", "old", "--target", "new").want(t, exitDone)
	s.run("cutover", "watch", "example.org", "--mx", "mx.new.example", "--notify", "boss@example.org").want(t, exitDone, "ready-to-switch", "again every 15 minutes")
	zone.publish(t, newMX()...)
	s.run("cutover", "check", "example.org").want(t, exitSkipped, "example.org: switching", "[waiting]", "1 mailbox of example.org, 0 synchronised since the switch", "anna@example.org in batch pilot: last pass began never")
	s.run("cutover", "check", "example.org", "--mx", "other.example").want(t, exitUsage, "watches example.org already")
	s.run("cutover", "list").want(t, exitDone, "example.org", "switching")
	s.run("batch", "delete", "pilot", "--yes").want(t, exitUsage, "the mail of example.org is switching", "1 of 1 mailbox was not synchronised", "--despite-cutover pilot")
	s.run("batch", "complete", "pilot").want(t, exitUsage, "it is not safe to complete pilot")
	s.run("batch", "delete", "pilot", "--yes", "--despite-cutover", "another").want(t, exitUsage, "it is not safe")
	s.typed("pilots", "batch", "delete", "pilot", "--yes").want(t, exitUsage, "is lost to the new one", "that is not its name")
	s.typed("pilot", "batch", "delete", "pilot", "--yes").want(t, exitDone, "is being removed")
	s.run("cutover", "delete", "example.org", "--yes").want(t, exitDone)
	s.run("cutover", "delete", "example.org", "--yes").want(t, exitUsage, "There is no watch of the domain")
}

// typed runs a command at a terminal at which a person types a line.
func (s *tlsServer) typed(line string, args ...string) output {
	s.Helper()
	person, program := terminal(s.T)
	if _, err := person.WriteString(line + "\n"); err != nil {
		s.Fatal(err)
	}
	var out, errs bytes.Buffer
	status := Run(s.Context(), append(args, s.trusting...), Streams{In: program, Out: &out, Err: &errs})
	return output{status, out.String(), errs.String()}
}

func TestAVerdictInOneLineHasWhatIsWrong(t *testing.T) {
	v := cutover.Verdict{Domain: "example.org", State: cutover.Mixed, Findings: []cutover.Finding{{Severity: cutover.Bad, Sentence: "This is wrong."}, {Severity: cutover.Note, Sentence: "That is so."}}}
	if got := verdictLine(v); got != "example.org: mixed. This is wrong." {
		t.Error(got)
	}
}
