package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
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

var delegated = []string{"org. 60 IN NS ns1.example.org.", "example.org. 60 IN NS ns1.example.org.", "ns1.example.org. 60 IN A 127.7.4.53", "mx.old.example. 60 IN A 192.0.2.1", "mx.new.example. 60 IN A 192.0.2.2"}

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
	printPlanOf(r.streams.Out, v.verdict, v.assumed)
	printVerdict(r.streams.Out, v.verdict, v.assumed)
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
	check(exitSkipped, "example.org: ready-to-switch", "target: mx.new.example\n", "publish  example.org. 3600 IN MX 10 mx.new.example.", "10 mx.old.example (3600 s)", "safe to complete the batches: no", "It is not known whether the mailboxes were synchronised.")
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
	for address, c := range watch.Caches {
		c.OldUntil, c.LastOld = c.OldUntil.Add(-80*time.Hour), c.LastOld.Add(-80*time.Hour)
		watch.Caches[address] = c
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
	if err != nil || strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, "target: mx.new.example\n") || !strings.Contains(out, "example.org: settled") {
		t.Errorf("watching what has settled: %v %s", err, out)
	}
}

// What is stated is said once: a command that looks again and again does not repeat it.
func TestACommandSaysOnceWhenTheSwitchWas(t *testing.T) {
	server := startNameServer(t, "127.0.0.1:0")
	if server == nil {
		t.Fatal("no name server")
	}
	server.publish(t, newMX()...)
	state := filepath.Join(t.TempDir(), "state.json")
	said := func() time.Time {
		t.Helper()
		w, err := cutoverMemory{state}.watch("example.org")
		if err != nil || w.Stated.IsZero() || w.StatedOn.IsZero() {
			t.Errorf("%+v, %v", w, err)
		}
		return w.StatedOn
	}
	var first time.Time
	_, err := alone(t, server, func(f *cutoverFlags, c *cobra.Command, r *remote) error {
		if _, err := f.look(c, r, "example.org"); err != nil {
			return err
		}
		first = said()
		_, err := f.lookAlone(c.Context(), "example.org")
		return err
	}, "--state", state, "--switched-at", "2026-03-01T12:00")
	if again := said(); err != nil || !again.Equal(first) {
		t.Errorf("said at %s and again at %s, %v", first, again, err)
	}
	if _, err = alone(t, server, checkAlone, "--state", state, "--switched-at", "2026-03-01T12:00"); statusOf(err) > exitSkipped || !said().After(first) {
		t.Errorf("another command says it: %s, %v", said(), err)
	}
	_, err = alone(t, server, checkAlone, "--state", state, "--switched-at", "")
	if w, unread := (cutoverMemory{state}).watch("example.org"); statusOf(err) > exitSkipped || unread != nil || !w.Stated.IsZero() || !w.StatedOn.IsZero() {
		t.Errorf("it is taken back: %s, said at %s, %v, %v", w.Stated, w.StatedOn, err, unread)
	}
}

// Commands that remember at once, of one domain or of several, lose nothing of each other.
func TestCommandsThatRememberAtOnceLoseNothing(t *testing.T) {
	memory := cutoverMemory{filepath.Join(t.TempDir(), "deep", "state.json")}
	const commands, looks = 8, 10
	var all sync.WaitGroup
	for n := range commands {
		all.Go(func() {
			for i := range looks {
				_, err := memory.change(t.Context(), fmt.Sprintf("example%d.org", n%4), func(w cutover.Watch) (cutover.Watch, error) {
					seen := map[string]cutover.Seen{fmt.Sprint(n, " ", i): {}}
					maps.Copy(seen, w.Seen)
					w.Seen = seen
					return w, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	file, err := memory.read()
	remembered := 0
	for _, w := range file.Domains {
		remembered += len(w.Seen)
	}
	if err != nil || remembered != commands*looks {
		t.Errorf("%d of %d are remembered, %v", remembered, commands*looks, err)
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
		{[]string{"check", "example.org", "--alone", "--no-system-dns", "--dns", strings.TrimSuffix(strings.Repeat("192.0.2.1,", 9), ",")}, "9 resolvers are more than 8"},
		{[]string{"check", "example.org", "--alone", "--target", "gmail"}, "--target: the kind of target \"gmail\" is not known"},
		{[]string{"check", "example.org", "--alone", "--mx", "1.2.3.4"}, `--mx: "1.2.3.4" is not a domain`},
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

// flagsOfCutover are the flags of a command about example.org.
func flagsOfCutover(t *testing.T, args []string) *cutoverFlags {
	t.Helper()
	f, command := &cutoverFlags{}, &cobra.Command{}
	f.register(command.Flags())
	if err := command.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	if _, err := f.check(command.Flags(), "example.org"); err != nil {
		t.Fatal(err)
	}
	return f
}

// A flag changes what it names and leaves the rest of the target as it is; another kind
// begins it anew.
func TestOneFlagChangesOneThingOfTheTarget(t *testing.T) {
	other := cutover.Target{Kind: cutover.Other, MX: []string{"mx.new.example"}, SPF: "spf.new.example", Autodiscover: "mail.new.example"}
	office, _ := cutover.Target{Kind: cutover.Office365, Tenant: "contoso.onmicrosoft.com"}.Checked()
	china, _ := cutover.Target{Kind: cutover.Office365China}.Checked()
	with := func(t cutover.Target, change func(*cutover.Target)) cutover.Target {
		change(&t)
		return t
	}
	for _, c := range []struct {
		now  cutover.Target
		args []string
		want cutover.Target
	}{
		{other, nil, other},
		{other, []string{"--spf", "spf.other.example"}, with(other, func(t *cutover.Target) { t.SPF = "spf.other.example" })},
		{other, []string{"--mx", "mx9.new.example"}, with(other, func(t *cutover.Target) { t.MX = []string{"mx9.new.example"} })},
		{office, []string{"--mx", "x.mx.microsoft"}, with(office, func(t *cutover.Target) { t.MX = []string{"x.mx.microsoft"} })},
		{office, []string{"--target", "office365"}, office},
		{office, []string{"--target", "office365-china"}, china},
		{other, []string{"--target", "office365", "--tenant", "contoso.onmicrosoft.com"}, office},
		{cutover.Target{}, []string{"--tenant", "contoso.onmicrosoft.com"}, office},
		{cutover.Target{}, []string{"--mx", "mx.new.example", "--spf", "spf.new.example", "--autodiscover", "mail.new.example"}, other},
	} {
		f := flagsOfCutover(t, c.args)
		if got, err := f.wanted(c.now); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q of %+v: %+v, %v", c.args, c.now, got, err)
		}
	}
}

func TestItIsToldThatTheTargetIsAssumed(t *testing.T) {
	for _, c := range []struct {
		known cutover.Kind
		args  []string
		want  string
	}{
		{"", nil, "target: Office 365 (assumed; others with --mx HOST)"},
		{"", []string{"--tenant", "contoso.onmicrosoft.com"}, "target: Office 365 (assumed; others with --mx HOST)"},
		{"", []string{"--target", "office365"}, "target: Office 365"},
		{"", []string{"--target", "office365", "--mx", "x.mx.microsoft"}, "target: Office 365, x.mx.microsoft"},
		{"", []string{"--target", "office365-china"}, "target: Office 365 operated by 21Vianet"},
		{"", []string{"--mx", "mx1.new.example,mx2.new.example"}, "target: mx1.new.example, mx2.new.example"},
		{cutover.Office365, nil, "target: Office 365"},
	} {
		f := flagsOfCutover(t, c.args)
		target, err := f.wanted(cutover.Target{Kind: c.known})
		if got := targetLine(target, f.assumed); err != nil || got != c.want {
			t.Errorf("%q: %q, %v, want %q", c.args, got, err, c.want)
		}
	}
}

func TestAVerdictInOneLineHasWhatIsWrong(t *testing.T) {
	v := cutover.Verdict{Domain: "example.org", State: cutover.Mixed, Findings: []cutover.Finding{{Severity: cutover.Bad, Sentence: "This is wrong."}, {Severity: cutover.Note, Sentence: "That is so."}}}
	if got := verdictLine(v); got != "example.org: mixed. This is wrong." {
		t.Error(got)
	}
}
