package onlinetest

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// plainMail puts n small messages into three folders of a mailbox, each other than
// the next.
func plainMail(box *imapfake.Mailbox, n int) {
	folders := []string{"INBOX", "Sent Items", "Projects"}
	flags := [][]string{nil, {`\Seen`}, {`\Seen`, `\Flagged`}, {`\Answered`}}
	for i := range n {
		raw := fmt.Sprintf("Message-ID: <%d@example.org>\r\nFrom: a@example.org\r\nSubject: number %d\r\n\r\n%s\r\n", i, i, strings.Repeat("line\r\n", i%50))
		box.Deliver(folders[i%7%3], []byte(raw), time.Unix(1_500_000_000+int64(i/2), 0), flags[i%4]...)
	}
}

// pressure is a way in which Exchange Online asks for a pause.
type pressure struct {
	answer   string
	burst    int
	backoff  time.Duration
	byeAfter int
	messages int
}

func (p pressure) String() string {
	return fmt.Sprintf("%s after %d, pause %v, BYE after %d", p.answer, p.burst, p.backoff, p.byeAfter)
}

func (p pressure) personality(how imapfake.Rewriting) imapfake.Personality {
	e := imapfake.ExchangeOnline()
	e.Append.Rewrite = how
	e.Limits.Throttle = &imapfake.Throttle{
		Commands: []string{"APPEND"}, Burst: p.burst, PerSecond: 4, Backoff: p.backoff,
		Answer: p.answer + " Request is throttled. Suggested Backoff Time: %d milliseconds", ByeAfter: p.byeAfter,
	}
	return e
}

// pressures are all ways to ask, at once and after a while, briefly and at length.
func pressures() (all []pressure) {
	for _, answer := range []string{"NO", "BAD", "BYE"} {
		for _, burst := range []int{1, 30, 200} {
			for _, backoff := range []time.Duration{300 * time.Millisecond, 5 * time.Minute} {
				for _, byeAfter := range []int{0, 10} {
					if answer == "BYE" && byeAfter > 0 {
						continue // each ends the connection
					}
					all = append(all, pressure{answer, burst, backoff, byeAfter, 300 + burst})
				}
			}
		}
	}
	return all
}

// slowest is how long a pass may take: at the pace that the server allows, half as long
// again for finding it, and two pauses.
func (p pressure) slowest() time.Duration {
	pace := time.Duration(p.messages-p.burst) * time.Second / 4
	return pace*3/2 + 2*p.backoff + 10*time.Second
}

func TestAThrottlingTargetLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for i, p := range pressures() {
		how := []imapfake.Rewriting{imapfake.AsSent, imapfake.RewriteEncodings}[i%2]
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source, target := piped(t, imapfake.Options{}), piped(t, imapfake.Options{Personality: p.personality(how)})
				plainMail(source.box, p.messages)
				job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
				begun := time.Now()
				summary := mustRun(t, job)
				took := time.Since(begun)
				if summary.Messages.Copied != p.messages || len(summary.Findings) > 0 {
					t.Errorf("%+v, %+v", summary.Messages, summary.Findings)
				}
				if took > p.slowest() {
					t.Errorf("the pass took %v, want %v at most", took, p.slowest())
				}
				expectSame(t, source.box, target.box, imapfake.CompareOptions{IgnoreFolders: true, Appended: true})
				expectFewErrors(t, target)
				if n := target.Counts().MostRefusals; n > 9 {
					t.Errorf("a connection had %d commands refused", n)
				}
				t.Logf("%v, %d connections, %d refused at most on one", took, target.Counts().Connections, target.Counts().MostRefusals)
				expectIdle(t, job, 0)
			})
		})
	}
}

// TestOneWordAboutAPauseCountsOnce has a target ask for one short pause while many
// answers are outstanding, which take longer than it.
func TestOneWordAboutAPauseCountsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := imapfake.ExchangeOnline()
		p.Limits.Throttle = nil
		slow := func(e imapfake.Event) {
			if e.Command == "APPEND" && e.Point == imapfake.BeforeAnswer {
				time.Sleep(500 * time.Millisecond)
			}
		}
		source, target := piped(t, imapfake.Options{}), piped(t, imapfake.Options{Personality: p, Hook: slow})
		plainMail(source.box, 600)
		target.SetFaults(imapfake.Rule{Command: "APPEND", Nth: 40, Do: imapfake.Action{Kind: imapfake.Answer, Text: "NO Request is throttled. Suggested Backoff Time: 300 milliseconds"}})
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		job.Pace = &mailsync.Pace{}
		mustRun(t, job)
		if rate := job.Pace.Rate(); rate < borne {
			t.Errorf("after one pause the pass sent %.2f messages a second, want at least %.2f", rate, borne)
		}
	})
}

// borne is the pace that Exchange is known to bear.
var borne = migration.ExchangeTraits().Rate

// TestAServerThatRefusesEverythingEndsThePass has a source call more commands of one
// burst mistakes than it bears on a connection.
func TestAServerThatRefusesEverythingEndsThePass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, target := piped(t, imapfake.Options{Personality: imapfake.ExchangeOnline()}), piped(t, imapfake.Options{})
		for i := range 12 {
			source.box.Deliver(fmt.Sprintf("Folder %d", i), []byte("Subject: x\r\n\r\nx\r\n"), time.Unix(1_500_000_000, 0))
		}
		source.SetFaults(imapfake.Rule{Command: "STATUS", Do: imapfake.Action{Kind: imapfake.Answer, Text: "BAD Command Error. 12"}})
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		job.Tries = 5
		if _, err := run(job); err == nil {
			t.Error("the pass went well")
		}
		if counts := source.Counts(); counts.MostErrors > 9 || counts.Connections > 20 {
			t.Errorf("%d connections, %d mistakes on one", counts.Connections, counts.MostErrors)
		}
		source.SetFaults()
		mustRun(t, job)
	})
}

// TestAPauseIsKeptAndAPassMayLeaveIt has a target that asks for a pause longer than
// the pass sits out: it ends with it, and the next goes on.
func TestAPauseIsKeptAndAPassMayLeaveIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pressure{answer: "NO", burst: 60, backoff: 5 * time.Minute, byeAfter: 10, messages: 200}
		source, target := piped(t, imapfake.Options{}), piped(t, imapfake.Options{Personality: p.personality(imapfake.RewriteHeaders)})
		plainMail(source.box, p.messages)
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		job.LongestPause = time.Minute
		passes := 0
		for ; ; passes++ {
			summary, err := run(job)
			if err == nil {
				expectSum(t, summary)
				break
			}
			fault := migration.FaultOf(err)
			if fault == nil || fault.Class != migration.Later || fault.Code != migration.CodeThrottled || fault.After <= job.LongestPause || fault.Remedy == "" {
				t.Fatalf("the pass ended with %#v", err)
			}
			if passes == p.messages {
				t.Fatal("the passes come to no end")
			}
			time.Sleep(fault.After)
		}
		if passes == 0 {
			t.Error("no pass left for the pause")
		}
		expectSame(t, source.box, target.box, imapfake.CompareOptions{IgnoreFolders: true, Appended: true})
		expectFewErrors(t, target)
		expectIdle(t, job, 0)
	})
}
