package crashtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/relay"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// massacre is a migration from a Dovecot to another server that is killed again and
// again.
type massacre struct {
	kind           realServer // of the target
	source, target *rig.Mail
	users          []string
	args           []string
	seed           uint64
}

// killCounts say how much of it.
type killCounts struct {
	mailboxes, inbox, kills int
	big                     int // bytes of the largest message
}

func TestKillsAtRandomTimesLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	massacreOf(t, dovecot, killCounts{mailboxes: 3, inbox: 100, kills: 6, big: 2 << 20})
}

func TestKillsAtRandomTimesLoseAndDoubleNothingOnOtherServers(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	for _, s := range []realServer{cyrus, courier} {
		t.Run(s.name, func(t *testing.T) { massacreOf(t, s, killCounts{mailboxes: 2, inbox: 40, kills: 3, big: 300 << 10}) })
	}
}

func TestLongKillsAtRandomTimesLoseAndDoubleNothing(t *testing.T) {
	effort.NeedLong(t)
	massacreOf(t, dovecot, killCounts{mailboxes: 20, inbox: 300, kills: 100, big: 8 << 20})
}

func TestLongKillsAtRandomTimesLoseAndDoubleNothingOnOtherServers(t *testing.T) {
	effort.NeedLong(t)
	for _, s := range []realServer{cyrus, courier} {
		t.Run(s.name, func(t *testing.T) { massacreOf(t, s, killCounts{mailboxes: 6, inbox: 150, kills: 40, big: 4 << 20}) })
	}
}

func massacreOf(t *testing.T, target realServer, n killCounts) {
	t.Helper()
	needs(t, "python3") // the oracle
	m := &massacre{kind: target, source: dovecot.start(t), target: target.start(t), seed: uint64(time.Now().UnixNano())}
	t.Logf("seed %d", m.seed)
	m.fill(t, n)
	m.args = m.command(t)
	ctx, stop := context.WithCancel(t.Context())
	var churning sync.WaitGroup
	var sourceErr, targetErr error
	churning.Go(func() { sourceErr = m.churnSource(ctx) })
	churning.Go(func() { targetErr = m.churnTarget(ctx) })
	m.killAgainAndAgain(t, n.kills)
	stop()
	churning.Wait()
	if sourceErr != nil || targetErr != nil {
		t.Errorf("churning: source %v, target %v", sourceErr, targetErr)
	}
	finish(t, mailhaul(t), m.args...)
	if again := finish(t, mailhaul(t), m.args...); again.Total.Messages.Copied != 0 {
		t.Errorf("one more pass copied %d messages", again.Total.Messages.Copied)
	}
	m.compare(t)
}

// fill makes the mailboxes of the source.
func (m *massacre) fill(t *testing.T, n killCounts) {
	t.Helper()
	for i := range n.mailboxes {
		user := fmt.Sprintf("anna%02d", i)
		m.users = append(m.users, user)
		c, err := dialRaw(t.Context(), m.source.Addr(), user, password)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		c.create(append([]string{vacant}, folders...)...)
		mail := newCorpus(m.seed + uint64(i))
		letters := append(mail.odd(), mail.big("Sent", n.big/(1+i)))
		for range n.inbox {
			l := mail.ordinary()
			l.folder = "INBOX"
			letters = append(letters, l)
		}
		letters = slices.DeleteFunc(letters, func(l letter) bool { return !m.kind.takes(l) })
		if err := c.deliver(append(letters, mail.many(n.inbox/2)...)); err != nil {
			t.Fatal(err)
		}
	}
}

// killLatency keeps the command busy with few messages, as a killer needs it. What it sent
// arrives even when it is dead by then.
const killLatency = 2 * time.Millisecond

// command makes the migration file and gives the arguments of the command.
func (m *massacre) command(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, server := range []*rig.Mail{m.source, m.target} {
		line, err := relay.Listen(server.Addr(), relay.Options{Latency: killLatency})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = line.Close() })
		lines = append(lines, line.Addr())
	}
	dir := t.TempDir()
	rows := "EmailAddress,UserName,Password,TargetUserName\n"
	for _, user := range m.users {
		rows += fmt.Sprintf("%[1]s@example.org,%[1]s,%[2]s,%[1]s\n", user, password)
	}
	file := filepath.Join(dir, "mailboxes.csv")
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"copy", "--csv", file, "--source", "imap+plain://" + lines[0], "--target", "imap+plain://" + lines[1],
		"--allow-cleartext", "--ledger", filepath.Join(dir, "ledger.db"), "--settle", "300ms", "--connections", "2", "--json",
	}
}

// killAgainAndAgain kills the command until it was killed often enough. New mail
// comes whenever it was faster than the killer.
func (m *massacre) killAgainAndAgain(t *testing.T, kills int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(m.seed, 1))
	mail := newCorpus(m.seed + 1<<40)
	begun, finished := time.Now(), 0
	for killed := 0; killed < kills; {
		after := 20*time.Millisecond + time.Duration(rng.Int64N(int64(1480*time.Millisecond)))
		if rng.IntN(4) == 0 {
			after = 20*time.Millisecond + time.Duration(rng.Int64N(int64(80*time.Millisecond)))
		}
		p := start(t, mailhaul(t), m.args...)
		if !p.within(after) {
			p.kill()
		}
		switch status := p.cmd.ProcessState.ExitCode(); {
		case status == -1:
			killed++
		case status != 0:
			t.Fatalf("after %d kills the command ended with status %d:\n%s%s", killed, status, p.stdout.String(), p.stderr.String())
		default:
			// The more often it is faster than the killer, the more it gets.
			finished++
			for range 3 {
				m.deliver(t, m.users[rng.IntN(len(m.users))], mail.many(min(100+25*finished, 1000)))
			}
		}
	}
	t.Logf("%d kills in %v, %d passes ended before theirs", kills, time.Since(begun).Round(time.Millisecond), finished)
}

func (m *massacre) deliver(t *testing.T, user string, letters []letter) {
	t.Helper()
	c, err := dialRaw(t.Context(), m.source.Addr(), user, password)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.deliver(letters); err != nil {
		t.Fatal(err)
	}
}

// churnPause is how long a user takes between two actions.
const churnPause = 50 * time.Millisecond

// churnSource delivers to the source and changes flags there, until told to stop.
func (m *massacre) churnSource(ctx context.Context) error {
	rng, mail := rand.New(rand.NewPCG(m.seed, 2)), newCorpus(m.seed+1<<41)
	return m.churn(ctx, m.source.Addr(), func(c *rawClient) error {
		if rng.IntN(2) == 0 {
			return c.deliver(mail.many(1 + rng.IntN(30)))
		}
		if _, err := c.ask(fmt.Sprintf("SELECT %q", folders[rng.IntN(len(folders))])); err != nil {
			return err
		}
		flag := []string{`\Seen`, `\Flagged`, `\Answered`, "$Forwarded", "Projekt-7"}[rng.IntN(5)]
		_, err := c.ask(fmt.Sprintf("UID STORE %d %sFLAGS.SILENT (%s)", 1+rng.IntN(200), []string{"+", "-"}[rng.IntN(2)], flag))
		return err
	})
}

// churnTarget delivers messages that the oracle leaves out to the target, until told to stop.
func (m *massacre) churnTarget(ctx context.Context) error {
	mail := newCorpus(m.seed + 1<<42)
	return m.churn(ctx, m.target.Addr(), func(c *rawClient) error {
		c.plain = m.kind.plain
		for _, folder := range folders {
			c.create(m.kind.raw(folder))
		}
		letters := mail.many(3)
		for i := range letters {
			letters[i].folder = m.kind.raw(letters[i].folder)
			letters[i].raw = append([]byte("X-Churn: yes\r\n"), letters[i].raw...)
		}
		return c.deliver(letters)
	})
}

// churn does something as one user after the other.
func (m *massacre) churn(ctx context.Context, addr string, act func(*rawClient) error) error {
	ticks := time.NewTicker(churnPause)
	defer ticks.Stop()
	for i, lost := 0, 0; ; i++ {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return nil
		}
		c, err := dialRaw(context.WithoutCancel(ctx), addr, m.users[i%len(m.users)], password)
		if err != nil {
			return err
		}
		err = act(c)
		c.close()
		switch {
		case err == nil:
		case lineLost(err) && lost < churnLosses:
			lost++ // Dovecot 2.3 now and then ends a process over a lock; the next turn goes on
		default:
			return err
		}
	}
}

// churnLosses is how many lost lines the churning bears in a run.
const churnLosses = 10

// lineLost reports whether an error is one of the connection, and no refusal.
func lineLost(err error) bool {
	var broken *net.OpError
	return errors.As(err, &broken) || errors.Is(err, io.EOF)
}

// compare reads both sides with a client that is not ours.
func (m *massacre) compare(t *testing.T) {
	t.Helper()
	begun, messages := time.Now(), 0
	for _, user := range m.users {
		before, after := m.snapshot(t, m.source, user), m.snapshot(t, m.target, user)
		messages += before.Count()
		lines := oracle.Diff(before, after, oracle.DiffOptions{Ignore: oracle.IgnoreChurn, IgnoreSubscriptions: true, MapFolder: m.kind.raw, ExtraFolders: m.kind.makesLevels})
		if len(lines) > 0 {
			t.Errorf("%s: %d differences in %d messages\n%s", user, len(lines), before.Count(), strings.Join(lines[:min(6, len(lines))], "\n"))
		}
	}
	t.Logf("compared %d messages in %v", messages, time.Since(begun).Round(time.Millisecond))
}

func (m *massacre) snapshot(t *testing.T, server *rig.Mail, user string) oracle.Snapshot {
	t.Helper()
	snapshot, err := oracle.Take(t.Context(), server.Host, server.Port, user, password)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}
