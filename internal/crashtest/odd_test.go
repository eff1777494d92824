package crashtest

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// oddity is a service that behaves oddly, and what a migration makes of it.
type oddity struct {
	name string
	// source and target are what goes wrong there.
	source, target []imapfake.Rule
	// left is how many messages are left out, each with a finding of a code;
	// those that contain the victim's mark. The fault then lasts.
	left int
	code string
	// later: the first pass may leave something to the second.
	later bool
	// lies are such that they may cost a second copy and a pass that stops, but
	// never a message.
	lies bool
}

// victimMark stands in the one message that some oddities are about; it is the
// third in INBOX.
const (
	victimMark = "this is the one"
	victimUID  = migration.UID(3)
)

func isVictim(a imapfake.Arrival) bool { return bytes.Contains(a.Raw, []byte(victimMark)) }

func do(kind imapfake.Kind) imapfake.Action { return imapfake.Action{Kind: kind} }

func answer(text string) imapfake.Action { return imapfake.Action{Kind: imapfake.Answer, Text: text} }

// once is a rule for the n-th command of a name.
func once(command string, nth int, act imapfake.Action) []imapfake.Rule {
	return []imapfake.Rule{{Command: command, Nth: nth, Do: act}}
}

// onVictim is a rule for the reading of the victim, the first so many times.
func onVictim(first int, act imapfake.Action) []imapfake.Rule {
	return []imapfake.Rule{{Command: "UID FETCH", Folder: "INBOX", UID: victimUID, First: first, Do: act}}
}

func oddTargets() []oddity {
	reset := imapfake.Action{Kind: imapfake.CloseUnanswered, Reset: true}
	literal := func(n int64) imapfake.Action { return imapfake.Action{Kind: imapfake.CutLiteral, N: n} }
	each := func(act imapfake.Action) []imapfake.Rule { return []imapfake.Rule{{Command: "APPEND", Do: act}} }
	return []oddity{
		{name: "closes before the first APPEND", target: once("APPEND", 1, do(imapfake.Close))},
		{name: "closes before the second APPEND", target: once("APPEND", 2, do(imapfake.Close))},
		{name: "closes after the first APPEND without an answer", target: once("APPEND", 1, do(imapfake.CloseUnanswered))},
		{name: "resets after the second APPEND without an answer", target: once("APPEND", 2, reset)},
		{name: "closes after the first APPEND with an answer", target: once("APPEND", 1, do(imapfake.CloseAnswered))},
		{name: "closes in a literal", target: once("APPEND", 1, literal(20))},
		{name: "closes at the end of a literal", target: once("APPEND", 1, literal(1<<30))},
		{name: "forgets the answer to APPEND", target: once("APPEND", 1, do(imapfake.DropAnswer))},
		{name: "falls silent", target: once("APPEND", 2, do(imapfake.Stall))},
		{name: "says BYE to APPEND", target: once("APPEND", 1, answer("BYE out of order"))},
		{name: "throttles APPEND", target: once("APPEND", 1, answer("NO [LIMIT] Request is throttled. Suggested Backoff Time: 150 milliseconds"))},
		{name: "gives no APPENDUID", target: each(do(imapfake.NoAppendUID))},
		{name: "swaps APPENDUID", target: each(do(imapfake.SwapAppendUID))},
		{name: "invents another UIDVALIDITY in APPENDUID", target: each(imapfake.Action{Kind: imapfake.OtherAppendUID, UIDValidity: 1})},
		{name: "gives UIDs in APPENDUID that are too low", target: each(imapfake.Action{Kind: imapfake.OtherAppendUID, N: -1}), lies: true},
		{name: "gives UIDs in APPENDUID that are too high", target: each(imapfake.Action{Kind: imapfake.OtherAppendUID, N: 1}), lies: true},
		{name: "gives one UID in APPENDUID that is too high", target: once("APPEND", 1, imapfake.Action{Kind: imapfake.OtherAppendUID, N: 1}), lies: true},
		{name: "is renumbered while it is filled", target: once("APPEND", 2, do(imapfake.Renumber))},
		{name: "refuses one message", left: 1, code: migration.CodeRejected,
			target: []imapfake.Rule{{Command: "APPEND", Message: isVictim, Do: answer("NO message contains a virus")}}},
		{name: "refuses one message as too large", left: 1, code: migration.CodeTooLarge,
			target: []imapfake.Rule{{Command: "APPEND", Message: isVictim, Do: answer("NO [TOOBIG] message too large")}}},
		{name: "hangs up on one message", left: 1, code: migration.CodeLost,
			target: []imapfake.Rule{{Command: "APPEND", Message: isVictim, Do: do(imapfake.Close)}}},
	}
}

func oddSources() []oddity {
	short := func(n int64) imapfake.Action { return imapfake.Action{Kind: imapfake.ShortLiteral, N: n} }
	more := func(n int64) imapfake.Action { return imapfake.Action{Kind: imapfake.WrongLiteral, N: n} }
	return []oddity{
		{name: "says BYE in a FETCH", source: onVictim(1, answer("BYE out of order"))},
		{name: "closes in a FETCH", source: onVictim(1, do(imapfake.Close))},
		{name: "closes in a literal", source: onVictim(1, short(10))},
		{name: "closes before the last byte of a literal", source: onVictim(1, short(int64(len(oddLetters()[victimUID-1].raw)-1)))},
		{name: "falls silent in a FETCH", source: onVictim(1, do(imapfake.Stall))},
		{name: "leaves a message out once", source: onVictim(1, do(imapfake.Omit))},
		{name: "sends a message without its body once", source: onVictim(1, do(imapfake.NoBody))},
		{name: "is renumbered while it is read", source: once("UID FETCH", 3, do(imapfake.Renumber)), later: true},
		{name: "leaves a message out", source: onVictim(0, do(imapfake.Omit)), left: 1, code: migration.CodeUnreadable},
		{name: "sends a message without its body", source: onVictim(0, do(imapfake.NoBody)), left: 1, code: migration.CodeUnreadable},
		{name: "closes in the same literal again and again", source: onVictim(0, short(10)), left: 1, code: migration.CodeLost},
		{name: "sends more of a body than it announces", source: onVictim(0, more(-5)), left: 1, code: migration.CodeLost},
		{name: "announces a body that no target takes", source: onVictim(0, more(1<<32)), left: 1, code: migration.CodeTooLarge},
		{name: "announces a body beyond all reason", source: onVictim(0, more(1<<62)), left: 1, code: migration.CodeTooLarge},
		{name: "sends NIL for a body", source: onVictim(0, do(imapfake.NilBody)), left: 1, code: migration.CodeUnreadable},
	}
}

// oddLetters are in INBOX and one other folder.
func oddLetters() []letter {
	mail := newCorpus(31)
	letters := slices.DeleteFunc(mail.odd(), func(l letter) bool { return l.folder != "INBOX" && l.folder != "Sent" })
	marked := mail.ordinary()
	marked.folder, marked.raw = "INBOX", append(marked.raw, victimMark+"\r\n"...)
	return slices.Insert(letters, int(victimUID)-1, marked)
}

// meet migrates once, and once more if something is not done yet, and compares.
func (o oddity) meet(t *testing.T, p imapfake.Personality) {
	t.Helper()
	source, target := pipeFake(t, imapfake.Options{}), pipeFake(t, imapfake.Options{Personality: p})
	from, to := source.AddUser("anna", password), target.AddUser("anna", password)
	post(from, oddLetters()...)
	source.SetFaults(o.source...)
	target.SetFaults(o.target...)
	job := jobFor(source.pipeTo(t, "anna"), target.pipeTo(t, "anna"), ledgerOf(t, openStore(t), "anna"))
	if o.lies {
		o.meetLiar(t, job, from, to)
		return
	}
	first := mustRun(t, job)
	second := mustRun(t, job)
	if o.left == 0 && !o.later && first.Messages.Skipped > 0 {
		t.Errorf("the first pass left out %d: %+v", first.Messages.Skipped, first.Findings)
	}
	o.judge(t, second)
	victim := func(_ string, m imapfake.Message) bool {
		return o.left > 0 && bytes.Contains(m.Raw, []byte(victimMark))
	}
	expectSame(t, from, to, imapfake.CompareOptions{Exclude: victim, IgnoreKeywords: p.Name == imapfake.Minimal().Name})
	if third := mustRun(t, job); third.Messages.Copied != 0 {
		t.Errorf("the third pass copied %d", third.Messages.Copied)
	}
}

// judge looks at what a pass left out, and says of it.
func (o oddity) judge(t *testing.T, s mailsync.Summary) {
	t.Helper()
	if s.Messages.Skipped != o.left {
		t.Errorf("the second pass leaves out %d, want %d: %+v", s.Messages.Skipped, o.left, s.Findings)
	}
	coded := slices.ContainsFunc(s.Findings, func(f migration.Finding) bool { return f.Code == o.code && f.UID == victimUID })
	if o.left > 0 && !coded {
		t.Errorf("no finding says %s of the message: %+v", o.code, s.Findings)
	}
}

// meetLiar migrates to a target whose lies look like the truth.
func (o oddity) meetLiar(t *testing.T, job mailsync.Job, from, to *imapfake.Mailbox) {
	t.Helper()
	if _, err := run(job); err != nil && migration.ClassOf(err) != migration.Stop {
		t.Errorf("the first pass ended with %v", err)
	}
	mustRun(t, job)
	for _, d := range imapfake.Compare(from, to, imapfake.CompareOptions{}) {
		if d.Kind == imapfake.Missing || d.Kind == imapfake.MissingFolder {
			t.Error(d)
		}
	}
}

func TestOddTargetsLoseAndDoubleNothing(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	alone := imapfake.Generic()
	alone.Name = "one by one"
	alone.After = slices.DeleteFunc(slices.Clone(alone.After), func(c string) bool { return c == "MULTIAPPEND" })
	personalities := []imapfake.Personality{imapfake.Generic(), alone, imapfake.Minimal()}
	for _, p := range personalities[:3/sparser()] {
		for _, o := range oddTargets() {
			t.Run(p.Name+" "+o.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { o.meet(t, p) })
			})
		}
	}
}

func TestOddSourcesLoseAndDoubleNothing(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	for _, o := range oddSources() {
		t.Run(o.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { o.meet(t, imapfake.Generic()) })
		})
	}
}

// TestFolderThatCannotBeReadIsTold has a folder of which the source tells
// nothing, not even how many messages it holds.
func TestFolderThatCannotBeReadIsTold(t *testing.T) {
	t.Parallel()
	p := imapfake.Generic()
	p.After = slices.DeleteFunc(slices.Clone(p.After), func(c string) bool { return c == "LIST-STATUS" })
	source, target := startFake(t, imapfake.Options{Personality: p}), startFake(t, imapfake.Options{})
	post(source.AddUser("anna", password), oddLetters()...)
	target.AddUser("anna", password)
	broken := answer("NO [SERVERBUG] Internal error occurred. Refer to server log for more information.")
	source.SetFaults(imapfake.Rule{Command: "STATUS", Folder: "Sent", Do: broken}, imapfake.Rule{Command: "EXAMINE", Folder: "Sent", Do: broken})
	command := start(t, mailhaul(t), "copy", "--source", "imap+plain://anna@"+source.addr, "--target", "imap+plain://anna@"+target.addr,
		"--allow-cleartext", "--ledger", filepath.Join(t.TempDir(), "ledger.db"), "--json")
	if status := command.status(t); status != 3 {
		t.Errorf("exit status %d, want 3 (finished, but something was left out)\n%s", status, command.stdout.String())
	}
}
