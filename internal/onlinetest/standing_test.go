package onlinetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

// mailboxSize is how many messages the mailbox has that something happens to, and
// halfway when it does.
const (
	mailboxSize = 150
	halfway     = 60
)

// tenant is a target at Exchange Online, opened by an app's tokens, with a source that
// has mail.
type tenant struct {
	*testing.T
	source, target *host
	tokens         *imapfake.Tokens
	job            mailsync.Job

	mu     sync.Mutex
	issued int
	life   time.Duration
	ends   time.Time
}

// newTenant makes it in a bubble. happens is called once, by the server, when it has
// stored halfway messages.
func newTenant(t *testing.T, p imapfake.Personality, happens func(*tenant)) *tenant {
	t.Helper()
	n := &tenant{T: t, tokens: &imapfake.Tokens{}, life: time.Hour}
	var stored atomic.Int64
	hook := func(e imapfake.Event) {
		if e.Point == imapfake.AfterCommit && stored.Add(1) == halfway && happens != nil {
			happens(n)
		}
	}
	n.source, n.target = piped(t, imapfake.Options{}), piped(t, imapfake.Options{Personality: p, Tokens: n.tokens, Hook: hook})
	plainMail(n.source.box, mailboxSize)
	n.job = jobFor(n.source.options(user), imap.Options{}, ledgerOf(t, openStore(t), user))
	var dialled atomic.Int64
	n.job.Target = func(ctx context.Context) (mailsync.Target, error) {
		if dialled.Add(1) > dialMost {
			return nil, tooOften()
		}
		options := n.target.bearer(user, n.token())
		options.Explain = explained
		return asTarget(options)(ctx)
	}
	return n
}

// explained gives a refusal its cause as the product does.
func explained(fault *migration.Fault) *migration.Fault {
	app := token.Office365{Tenant: "contoso.example", ClientID: "11111111-2222-3333-4444-555555555555"}
	if better := migration.FaultOf(app.ExplainSignIn(fault, token.Claims{}, user)); better != nil {
		return better
	}
	return fault
}

// token gives the token of the moment, or a new one where that has ended.
func (n *tenant) token() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !time.Now().Before(n.ends) {
		n.issued++
		n.ends = time.Now().Add(n.life)
		n.tokens.Issue(fmt.Sprintf("token-%d", n.issued), n.ends)
	}
	return fmt.Sprintf("token-%d", n.issued)
}

// expire ends the token of the moment.
func (n *tenant) expire() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tokens.Expire(fmt.Sprintf("token-%d", n.issued))
	n.ends = time.Now()
}

// expectDone makes a pass that has to go well, and expects everything to be there.
func (n *tenant) expectDone() {
	n.Helper()
	summary := mustRun(n.T, n.job)
	if m := summary.Messages; m.Copied+m.Present != mailboxSize {
		n.Errorf("%+v", m)
	}
	n.expectAll()
	expectIdle(n.T, n.job, 0)
}

// expectAll expects every message once.
func (n *tenant) expectAll() {
	n.Helper()
	expectSame(n.T, n.source.box, n.target.box, imapfake.CompareOptions{IgnoreFolders: true, Appended: true})
	expectFewErrors(n.T, n.target)
}

// expectEnd makes a pass that has to end with a fault of the mailbox, without having
// given up any message.
func (n *tenant) expectEnd(class migration.Class, code string, words ...string) {
	n.Helper()
	summary, err := run(n.job)
	fault := migration.FaultOf(err)
	if fault == nil || fault.Class != class || fault.Code != code {
		n.Fatalf("the pass ended with %#v: %v; want %s, %s", fault, err, class, code)
	}
	for _, word := range words {
		if !strings.Contains(fault.Error()+" "+fault.Remedy, word) {
			n.Errorf("%q is not in %q, %q", word, fault.Error(), fault.Remedy)
		}
	}
	if summary.Messages.Skipped > 0 || slices.ContainsFunc(summary.Findings, func(f migration.Finding) bool { return f.UID != 0 }) {
		n.Errorf("messages were given up: %+v, %+v", summary.Messages, summary.Findings)
	}
	expectFewErrors(n.T, n.target)
}

func TestATokenThatEndsInMidFolderIsRenewed(t *testing.T) {
	t.Parallel()
	for _, p := range []imapfake.Personality{imapfake.ExchangeOnline(), imapfake.ExchangeOnlineRev2(), online(imapfake.RewriteEncodings).personality} {
		t.Run(fmt.Sprintf("%.30s %s", p.Greeting, p.Append.Rewrite), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newTenant(t, p, (*tenant).expire)
				n.expectDone()
				if n.tokens.Used("token-2") == 0 {
					t.Error("nobody signed in with the second token")
				}
				expectNothingEnabled(t, n.target)
			})
		})
	}
}

// TestTokensThatEndBeforeTheMailboxIsDone has a pass that takes longer than its
// tokens live, because the target is slow.
func TestTokensThatEndBeforeTheMailboxIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pressure{answer: "NO", burst: 10, backoff: 2 * time.Second, byeAfter: 10}.personality(imapfake.RewriteEncodings)
		n := newTenant(t, p, nil)
		n.life = 10 * time.Second
		n.expectDone()
		if n.issued < 3 {
			t.Errorf("%d tokens were issued", n.issued)
		}
	})
}

func TestAMailboxThatIsLostInMidCopyEndsThePass(t *testing.T) {
	t.Parallel()
	for _, standing := range []imapfake.Standing{imapfake.NoAccess, imapfake.Unlicensed, imapfake.Disabled, imapfake.Deleted} {
		t.Run(string(standing), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := newTenant(t, online(imapfake.RewriteHeaders).personality, func(n *tenant) { n.target.box.SetStanding(standing) })
				n.expectLost()
				n.expectLost() // before the first command, too
				n.target.box.SetStanding(imapfake.Ready)
				n.expectDone()
			})
		})
	}
}

// expectLost expects the sentence for a mailbox that the app may not, or cannot, open.
func (n *tenant) expectLost() {
	n.Helper()
	n.expectEnd(migration.OneMailbox, migration.CodeNotConnected, "the app may not open this mailbox, or there is none",
		"User is authenticated but not connected.", "Add-MailboxPermission -Identity '"+user+"'", "Get-CASMailbox -Identity '"+user+"'", "ImapEnabled", "licence")
}

func TestIMAPSwitchedOffIsToldAtTheSignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := imapfake.ExchangeOnline()
		p.Admin.Disabled = "NO $COMMAND failed."
		n := newTenant(t, p, nil)
		n.target.box.SetStanding(imapfake.Disabled)
		n.expectEnd(migration.Login, migration.CodeLogin, "AUTHENTICATE failed.", "Get-CASMailbox -Identity '"+user+"'", "ImapEnabled is True")
		n.target.box.SetStanding(imapfake.Ready)
		n.expectDone()
	})
}

func TestAFullMailboxEndsThePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := newTenant(t, online(imapfake.RewriteEncodings).personality, func(n *tenant) { n.target.box.SetQuota(1) })
		for range 2 {
			n.expectEnd(migration.OneMailbox, migration.CodeQuota, "The mailbox has exceeded its storage quota.", "Make room in the target mailbox or raise its quota")
		}
		n.target.box.SetQuota(0)
		n.expectDone()
	})
}

// TestAFullMailboxThatSaysNothingOfIt refuses all messages as it refuses bad ones. Each
// is told, and none is lost: once there is room, they come.
func TestAFullMailboxThatSaysNothingOfIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := imapfake.ExchangeOnline()
		p.Append.Full = "BAD Command Argument Error. 11"
		n := newTenant(t, p, func(n *tenant) { n.target.box.SetQuota(1) })
		summary, err := run(n.job)
		if err == nil {
			expectSum(t, summary)
			told := 0
			for _, f := range summary.Findings {
				if f.Code == migration.CodeRejected {
					told += max(1, f.Count)
				}
			}
			if told != summary.Messages.Skipped || told == 0 {
				t.Errorf("findings tell of %d messages: %+v", told, summary.Messages)
			}
		}
		expectFewErrors(t, n.target)
		n.target.box.SetQuota(0)
		n.job.RetrySkipped = true
		n.expectDone()
	})
}
