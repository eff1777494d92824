package onlinetest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// bench dials as a calibration wants it.
func bench(options imap.Options) func(context.Context) (mailsync.Bench, error) {
	return func(ctx context.Context) (mailsync.Bench, error) {
		session, err := imap.Dial(ctx, options)
		if err != nil {
			return nil, err
		}
		return targetSession{session}, nil
	}
}

// verdicts are what was found in one text, "bytes:ok" for each quality.
func verdicts(c migration.Calibration) string {
	var words []string
	for _, m := range c.Measures {
		words = append(words, string(m.Quality)+":"+string(m.Verdict))
	}
	return strings.Join(words, " ")
}

// unlike are the qualities that are not as they should be, with their verdicts.
func unlike(c migration.Calibration) string {
	var words []string
	for _, m := range c.Measures {
		if m.Verdict != migration.VerdictOK {
			words = append(words, string(m.Quality)+":"+string(m.Verdict))
		}
	}
	return strings.Join(words, " ")
}

// contents tells every folder of a mailbox with the UIDs and flags in it.
func contents(box *imapfake.Mailbox) (lines []string) {
	for _, folder := range box.Folders() {
		line := folder
		for _, m := range box.Messages(folder) {
			line += fmt.Sprint(" ", m.UID, m.Flags)
		}
		lines = append(lines, line)
	}
	return lines
}

// expectUntouched expects that the mailbox is as it was, without a folder of a
// calibration.
func expectUntouched(t *testing.T, h *host, before []string) {
	t.Helper()
	if after := contents(h.box); !slices.Equal(before, after) {
		t.Errorf("the mailbox was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

func changed(p imapfake.Personality, change func(*imapfake.Personality)) imapfake.Personality {
	change(&p)
	return p
}

// unseenRewriter makes messages anew as Exchange does, and looks like Dovecot.
func unseenRewriter() imapfake.Personality {
	return changed(imapfake.Dovecot(), func(p *imapfake.Personality) {
		p.Append.Rewrite, p.Append.Added = imapfake.RewriteEncodings, []string{"X-Store: rewritten"}
	})
}

func withoutUIDPlus(p imapfake.Personality) imapfake.Personality {
	p.After = slices.DeleteFunc(slices.Clone(p.After), func(c string) bool { return c == "UIDPLUS" })
	return p
}

func TestCalibrationFindsWhatAServerKeeps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		personality imapfake.Personality
		strength    migration.Strength
		unlike      string
	}{
		"faithful": {imapfake.Dovecot(), migration.StrengthExact, ""},
		"cyrus":    {imapfake.Cyrus(), migration.StrengthExact, "8-bit header:refused"},
		"courier":  {imapfake.Courier(), migration.StrengthExact, ""},
		"exchange online": {online(imapfake.RewriteEncodings).personality, migration.StrengthCanonical,
			"bytes:differs headers:differs size:differs keywords:refused 8-bit header:refused long line:refused"},
		"rewriter that nobody recognises": {unseenRewriter(), migration.StrengthCanonical, "bytes:differs headers:differs"},
		"drops keywords": {changed(imapfake.Dovecot(), func(p *imapfake.Personality) {
			p.Flags.Permanent, p.Flags.Refusal = []string{`\Seen`, `\Flagged`, `\Deleted`}, ""
		}), migration.StrengthExact, "keywords:differs"},
		"no UIDPLUS": {withoutUIDPlus(imapfake.Dovecot()), migration.StrengthExact, "appenduid:differs"},
		"merges":     {changed(imapfake.Dovecot(), func(p *imapfake.Personality) { p.Append.MergeDuplicates = true }), migration.StrengthExact, "messages:differs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := piped(t, imapfake.Options{Personality: c.personality})
				plainMail(h.box, 3)
				before := contents(h.box)
				got, err := mailsync.Calibrate(t.Context(), bench(h.options(user)))
				if err != nil {
					t.Fatal(err)
				}
				if got.Strength != c.strength || unlike(got) != c.unlike {
					t.Errorf("%s, %s\nwant %s, %s\n%+v", got.Strength, unlike(got), c.strength, c.unlike, got.Measures)
				}
				if len(got.Measures) != 11 || got.At.IsZero() || got.Left != "" {
					t.Errorf("%+v", got)
				}
				for _, m := range got.Measures {
					if m.Verdict == migration.VerdictDiffers && m.Detail == "" || m.Verdict == migration.VerdictRefused && m.Detail == "" {
						t.Errorf("%s says nothing of how", m.Quality)
					}
				}
				expectUntouched(t, h, before)
				expectFewErrors(t, h)
			})
		})
	}
}

// TestGmailIsNotCalibrated: what is deleted there with its label stays in All Mail.
func TestGmailIsNotCalibrated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := piped(t, imapfake.Options{Personality: imapfake.Gmail()})
		before := contents(h.box)
		_, err := mailsync.Calibrate(t.Context(), bench(h.options(user)))
		if fault := migration.FaultOf(err); fault == nil || fault.Code != migration.CodeUnsupported || fault.Remedy == "" {
			t.Errorf("the error is %v", err)
		}
		if n := h.Counts().Commands["CREATE"]; n > 0 {
			t.Errorf("%d folders were made", n)
		}
		expectUntouched(t, h, before)
	})
}

// whole is a calibration of a server that keeps everything.
const whole = "bytes:ok headers:ok size:ok date:ok future date:ok flags:ok keywords:ok appenduid:ok messages:ok 8-bit header:ok long line:ok"

func TestCalibrationThrowsItsFolderAway(t *testing.T) {
	t.Parallel()
	cut := func(kind imapfake.Kind, command string, nth int) imapfake.Rule {
		return imapfake.Rule{Command: command, Nth: nth, Do: imapfake.Action{Kind: kind}}
	}
	answer := func(command, text string) imapfake.Rule {
		return imapfake.Rule{Command: command, Do: imapfake.Action{Kind: imapfake.Answer, Text: text}}
	}
	for name, c := range map[string]struct {
		faults []imapfake.Rule
		// fails is in the error, and left in what is told of a folder that stays.
		fails, left string
		want        string
	}{
		"CREATE is refused":               {[]imapfake.Rule{answer("CREATE", "NO [NOPERM] not here")}, "not here", "", ""},
		"DELETE is refused":               {[]imapfake.Rule{answer("DELETE", "NO not allowed")}, "", "not allowed", whole},
		"cut at the first message":        {[]imapfake.Rule{cut(imapfake.CloseUnanswered, "APPEND", 1)}, "EOF", "", ""},
		"cut at a message":                {[]imapfake.Rule{cut(imapfake.CloseUnanswered, "APPEND", 4)}, "", "", whole},
		"cut at the long line":            {[]imapfake.Rule{cut(imapfake.Close, "APPEND", 7)}, "", "", strings.Replace(whole, "long line:ok", "long line:refused", 1)},
		"cut while the folder is made":    {[]imapfake.Rule{cut(imapfake.CloseUnanswered, "CREATE", 1)}, "EOF", "", ""},
		"cut while copies are read":       {[]imapfake.Rule{cut(imapfake.Close, "UID FETCH", 2)}, "", "", whole},
		"cut while it is deleted":         {[]imapfake.Rule{cut(imapfake.Close, "DELETE", 1)}, "", "", whole},
		"deleted, and cut without a word": {[]imapfake.Rule{cut(imapfake.CloseUnanswered, "DELETE", 1)}, "", "", whole},
		"nothing is taken":                {[]imapfake.Rule{answer("APPEND", "NO none of it")}, "none of it", "", ""},
		"nothing is taken nor deleted":    {[]imapfake.Rule{answer("APPEND", "NO none of it"), answer("DELETE", "NO never")}, `may still be there`, "", ""},
		"full":                            {[]imapfake.Rule{answer("APPEND", "NO [OVERQUOTA] full")}, "full", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := piped(t, imapfake.Options{Personality: imapfake.Dovecot()})
				plainMail(h.box, 3)
				before := contents(h.box)
				h.SetFaults(c.faults...)
				got, err := mailsync.Calibrate(t.Context(), bench(h.options(user)))
				if c.fails == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), c.fails) || migration.FaultOf(err) == nil) {
					t.Errorf("the error is %v", err)
				}
				if c.want != "" && verdicts(got) != c.want {
					t.Errorf("got  %s\nwant %s\n%+v", verdicts(got), c.want, got.Measures)
				}
				if stays := strings.Contains(name, "DELETE") || strings.Contains(name, "nor deleted"); !stays {
					expectUntouched(t, h, before)
					return
				}
				if after := contents(h.box); len(after) != len(before)+1 {
					t.Errorf("%d folders, and there were %d", len(after), len(before))
				}
				if c.fails != "" && !strings.HasPrefix(got.Left, "mailhaul calibration ") {
					t.Errorf("beside the error %q is told to stay", got.Left)
				}
				if c.left != "" && (!strings.HasPrefix(got.Left, "mailhaul calibration ") || !strings.Contains(got.LeftReason, c.left)) {
					t.Errorf("told of what stays: %q, %q", got.Left, got.LeftReason)
				}
			})
		})
	}
}

// TestCalibrationThatIsCancelledThrowsItsFolderAway ends the context in the middle of
// each command in turn.
func TestCalibrationThatIsCancelledThrowsItsFolderAway(t *testing.T) {
	t.Parallel()
	cancelled := errors.New("the operator has gone")
	for nth := int64(1); ; nth++ {
		reached := false
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			var seen, read, readThen atomic.Int64
			h := piped(t, imapfake.Options{Personality: imapfake.Dovecot(), Hook: func(e imapfake.Event) {
				if e.Point != imapfake.BeforeAnswer || e.User == "" {
					return
				}
				if e.Command == "UID FETCH" {
					read.Add(1)
				}
				if seen.Add(1) == nth {
					readThen.Store(read.Load())
					cancel(cancelled)
				}
			}})
			before := contents(h.box)
			_, err := mailsync.Calibrate(ctx, bench(h.options(user)))
			reached = ctx.Err() != nil
			// From the answer with the bodies on, everything is measured.
			if err == nil && reached && readThen.Load() < 2 {
				t.Errorf("cancelled at command %d, and says nothing", nth)
			}
			expectUntouched(t, h, before)
		})
		if !reached {
			t.Logf("cancelled at each of %d commands", nth-1)
			return
		}
	}
}

// trashing moves what is deleted outside of the trash into it, as some servers do.
type trashing struct{ mailsync.Bench }

func (b trashing) Delete(ctx context.Context, raw string) error {
	if err := b.Bench.Delete(ctx, raw); err != nil || strings.HasPrefix(raw, "Trash.") {
		return err
	}
	return b.Create(ctx, "Trash."+raw)
}

func TestCalibrationFollowsItsFolderIntoTheTrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := piped(t, imapfake.Options{Personality: imapfake.Dovecot()})
		h.box.Create("Trash.kept")
		before := contents(h.box)
		dial := bench(h.options(user))
		got, err := mailsync.Calibrate(t.Context(), func(ctx context.Context) (mailsync.Bench, error) {
			b, err := dial(ctx)
			return trashing{b}, err
		})
		if err != nil || got.Left != "" {
			t.Errorf("%+v %v", got, err)
		}
		expectUntouched(t, h, before)
	})
}

// TestACalibratedTargetThatRewritesUnrecognisedIsToldByContent cuts the connection where
// a target that makes messages anew, and looks like no such server, has stored some and
// told nothing. By its make they are not recognised: they are sent again, stay doubled
// where nothing can be expunged, and verify calls all different. Calibrated, each is there
// once, none was sent twice, and verify calls it equal.
func TestACalibratedTargetThatRewritesUnrecognisedIsToldByContent(t *testing.T) {
	t.Parallel()
	for name, personality := range map[string]imapfake.Personality{"with UIDPLUS": unseenRewriter(), "without UIDPLUS": withoutUIDPlus(unseenRewriter())} {
		for _, calibrated := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, calibrated %v", name, calibrated), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { cutAtRewriter(t, personality, calibrated) })
			})
		}
	}
}

func cutAtRewriter(t *testing.T, personality imapfake.Personality, calibrated bool) {
	t.Helper()
	const all = 60
	source, target := piped(t, imapfake.Options{Personality: imapfake.Dovecot()}), piped(t, imapfake.Options{Personality: personality})
	plainMail(source.box, all)
	job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
	if calibrated {
		got, err := mailsync.Calibrate(t.Context(), bench(target.options(user)))
		if err != nil {
			t.Fatal(err)
		}
		job.Calibration = &got
	}
	target.SetFaults(imapfake.Rule{Command: "APPEND", Nth: 2, Do: imapfake.Action{Kind: imapfake.CloseUnanswered}})
	summary := mustRun(t, job)
	twice := slices.ContainsFunc(summary.Findings, func(f migration.Finding) bool { return f.Code == migration.CodeLateDuplicate })
	lost, doubled := lostAndDoubled(source.box, target.box)
	verified, err := mailsync.Verify(t.Context(), job, mailsync.Sample{}, func(mailsync.Difference) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d lost, %d doubled, doubled for a while: %v; verify: %d equal, %d differences", lost, doubled, twice, verified.Equal, verified.Differences)
	switch {
	case lost > 0:
		t.Error("some are lost")
	case calibrated && (doubled > 0 || twice || verified.Differences > 0 || verified.Read != all || verified.Equal != all):
		t.Error("calibrated, some are not as they should be")
	case !calibrated && (doubled == 0 && !twice || verified.Differences == 0):
		t.Error("the calibration would not be needed")
	}
}

// lostAndDoubled counts by subject, which each message has for itself.
func lostAndDoubled(source, target *imapfake.Mailbox) (lost, doubled int) {
	subject := regexp.MustCompile(`number [0-9]+`)
	count := map[string]int{}
	for _, folder := range target.Folders() {
		for _, m := range target.Messages(folder) {
			count[subject.FindString(string(m.Raw))]++
		}
	}
	for _, folder := range source.Folders() {
		for _, m := range source.Messages(folder) {
			switch n := count[subject.FindString(string(m.Raw))]; {
			case n == 0:
				lost++
			case n > 1:
				doubled++
			}
		}
	}
	return lost, doubled
}
