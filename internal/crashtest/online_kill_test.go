package crashtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// exchangeOnline makes messages anew as it stores them, so that a copy in doubt is not
// known by its bytes. It leaves out every third APPENDUID, too, and does not throttle:
// that would take minutes here.
func exchangeOnline() imapfake.Personality {
	p := imapfake.ExchangeOnline()
	p.Append.Rewrite, p.Append.NoUIDEach = imapfake.RewriteEncodings, 3
	p.Limits.Throttle = nil
	return p
}

// takenBy are the options to compare a mailbox with its copy at Exchange Online: by the
// bytes that it was given, without keywords, which it does not keep.
func takenBy() imapfake.CompareOptions {
	return imapfake.CompareOptions{
		Appended: true, IgnoreKeywords: true, IgnoreFolders: true,
		Rename: func(name string) string {
			if name == "Sent" {
				return "Sent Items"
			}
			return name
		},
	}
}

// parted makes a message of several parts, which Exchange Online gives other
// boundaries, encodings and orders of fields. Those with the same n differ in nothing
// but the date and what only shows behind the first part.
func (c *corpus) parted(folder string, n int) letter {
	c.serial++
	raw := fmt.Sprintf("MIME-Version: 1.0\r\nMessage-ID: <parted.%d@example.org>\r\nX-Mailer: old\r\nSubject: Angebot %d\r\nFrom: a@example.org\r\n"+
		"Content-Type: multipart/mixed; boundary=\"=_%d\"\r\n\r\nfor old readers\r\n--=_%[3]d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe %[1]d\r\n"+
		"--=_%[3]d\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n%[4]s\r\n--=_%[3]d--\r\nafter\r\n", n, n, c.serial, strings.Repeat("QUJD", 1+c.rng.IntN(200)))
	return letter{folder, []byte(raw), c.date(), []string{`\Flagged`, `\Seen`}}
}

// onlineMassacre is a migration into Exchange Online that is killed again and again.
type onlineMassacre struct {
	*testing.T
	source, target *fake
	users          []string
	args           []string
	rng            *rand.Rand
	mail           *corpus
}

func TestKillsOnTheWayToExchangeOnlineLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	onlineMassacreOf(t, killCounts{mailboxes: 2, inbox: 60, kills: 6 / sparser()})
}

func TestLongKillsOnTheWayToExchangeOnlineLoseAndDoubleNothing(t *testing.T) {
	effort.NeedLong(t)
	onlineMassacreOf(t, killCounts{mailboxes: 6, inbox: 200, kills: 100})
}

func onlineMassacreOf(t *testing.T, n killCounts) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	m := &onlineMassacre{T: t, rng: rand.New(rand.NewPCG(seed, 1)), mail: newCorpus(seed),
		source: startFake(t, imapfake.Options{}), target: startFake(t, imapfake.Options{Personality: exchangeOnline()})}
	for i := range n.mailboxes {
		m.users = append(m.users, fmt.Sprintf("anna%02d", i))
		m.target.AddUser(m.users[i], password)
		post(m.source.AddUser(m.users[i], password), m.mail.odd()...)
		m.deliver(m.users[i], n.inbox)
	}
	m.args = m.command()
	m.killAgainAndAgain(n.kills)
	finish(t, mailhaul(t), m.args...)
	if again := finish(t, mailhaul(t), m.args...).Total.Messages; again.Copied != 0 || again.Skipped != 0 {
		t.Errorf("one more pass has %+v", again)
	}
	for _, user := range m.users {
		expectSame(t, m.source.User(user), m.target.User(user), takenBy())
		m.expectFlagged(user)
	}
	if most := m.target.Counts().MostErrors; most > 9 {
		t.Errorf("a connection had %d errors", most)
	}
}

// deliver puts messages into a mailbox of the source.
func (m *onlineMassacre) deliver(user string, n int) {
	letters := m.mail.many(n)
	for i := range n / 3 {
		letters = append(letters, m.mail.parted([]string{"INBOX", "Sent"}[i%2], i/4))
	}
	post(m.source.User(user), letters...)
}

// command makes the migration file and gives the arguments of the command.
func (m *onlineMassacre) command() []string {
	m.Helper()
	dir := m.TempDir()
	rows := "EmailAddress,UserName,Password,TargetUserName\n"
	for _, user := range m.users {
		rows += fmt.Sprintf("%[1]s@example.org,%[1]s,%[2]s,%[1]s\n", user, password)
	}
	file := filepath.Join(dir, "mailboxes.csv")
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		m.Fatal(err)
	}
	return []string{
		"copy", "--csv", file, "--source", "imap+plain://" + m.source.addr, "--target", "imap+plain://" + m.target.addr,
		"--allow-cleartext", "--ledger", filepath.Join(dir, "ledger.db"), "--settle", "300ms", "--connections", "2", "--json",
	}
}

// killAgainAndAgain kills the command until it was killed often enough. New mail comes
// with each kill, and more whenever the command was faster than the killer.
func (m *onlineMassacre) killAgainAndAgain(kills int) {
	m.Helper()
	begun, finished := time.Now(), 0
	for killed := 0; killed < kills; {
		after := 20*time.Millisecond + time.Duration(m.rng.Int64N(int64(280*time.Millisecond)))
		p := start(m.T, mailhaul(m.T), m.args...)
		if !p.within(after) {
			p.kill()
		}
		user, more := m.users[m.rng.IntN(len(m.users))], 30
		switch status := p.cmd.ProcessState.ExitCode(); {
		case status == -1:
			killed++
		case status != 0:
			m.Fatalf("after %d kills the command ended with status %d:\n%s%s", killed, status, p.stdout.String(), p.stderr.String())
		default:
			finished++
			more = min(150+50*finished, 1000)
		}
		m.deliver(user, more)
	}
	m.Logf("%d kills in %v, %d passes ended before theirs", kills, time.Since(begun).Round(time.Millisecond), finished)
}

// expectFlagged expects that Outlook sees the flags that IMAP does.
func (m *onlineMassacre) expectFlagged(user string) {
	m.Helper()
	box, hidden := m.target.User(user), 0
	for _, name := range box.Folders() {
		for _, message := range box.Messages(name) {
			if !slices.Equal(message.Flags, message.Outlook) {
				hidden++
			}
		}
	}
	if hidden > 0 {
		m.Errorf("%s: of %d messages Outlook does not see the flags", user, hidden)
	}
}
