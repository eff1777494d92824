package onlinetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// TestDefaultFoldersInEveryLanguage copies a mailbox that knows no Exchange, and one of
// Exchange in another language, into one of each language.
func TestDefaultFoldersInEveryLanguage(t *testing.T) {
	t.Parallel()
	all := imapfake.Languages()
	for i, language := range all {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { ordinaryInto(t, language) })
			synctest.Test(t, func(t *testing.T) { betweenLanguages(t, all[(i+1)%len(all)], language) })
		})
	}
}

// local is a host of Exchange Online with a mailbox of the language.
func local(t *testing.T, language string) *host {
	t.Helper()
	h := piped(t, imapfake.Options{Personality: imapfake.ExchangeOnline()})
	if err := h.box.SetLanguage(language); err != nil {
		t.Fatal(err)
	}
	return h
}

func letter(box *imapfake.Mailbox, folder string) {
	box.Deliver(encoded(folder), []byte("Message-ID: <"+encoded(folder)+"@example.org>\r\nSubject: x\r\n\r\nx\r\n"), time.Unix(1.5e9, 0))
}

func withoutMail(english string) bool { return slices.Contains(exchangeNotMail, english) }

// ordinaryInto has a person's folders with the names of folders that hold no mail.
func ordinaryInto(t *testing.T, language string) {
	source, target := piped(t, imapfake.Options{Personality: imapfake.Generic()}), local(t, language)
	names := imapfake.DefaultFolders(language)
	want := map[string]string{"Mappe": "Mappe", "Sync Issues": "Sync Issues_renamed"}
	if language != "en-US" {
		want["Calendar"] = "Calendar" // a person's, in whatever language but English
	}
	for use, folder := range usual {
		want[folder] = names[exchangeUses[use]]
	}
	for english, name := range names {
		if withoutMail(english) {
			want[name] = name + "_renamed"
		}
	}
	for from := range want {
		letter(source.box, from)
	}
	job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
	mustRun(t, job)
	expectLetters(t, target.box, want)
	expectIdle(t, job, 0)
}

// betweenLanguages copies the default folders of one language into those of another.
func betweenLanguages(t *testing.T, from, to string) {
	source, target := local(t, from), local(t, to)
	there := imapfake.DefaultFolders(to)
	want, left := map[string]string{}, 0
	for english, name := range imapfake.DefaultFolders(from) {
		letter(source.box, name)
		if withoutMail(english) {
			left++
			continue
		}
		want[name] = there[english]
	}
	job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
	summary := mustRun(t, job)
	expectLetters(t, target.box, want)
	told := 0
	for _, f := range summary.Findings {
		if f.Code == migration.CodeNotMail {
			told++
		}
	}
	if told != left {
		t.Errorf("%s: %d findings tell of folders without mail, and there are %d: %+v", from, told, left, summary.Findings)
	}
	if n := len(target.box.Folders()); n != len(there)+1 {
		t.Errorf("%s to %s: folders were made: %q", from, to, target.box.Folders())
	}
}

// expectLetters expects the letter of each folder in the one it goes to, and no other.
func expectLetters(t *testing.T, box *imapfake.Mailbox, want map[string]string) {
	t.Helper()
	total := 0
	for from, to := range want {
		messages := box.Messages(encoded(to))
		if len(messages) != 1 || !strings.Contains(string(messages[0].Raw), "<"+encoded(from)+"@") {
			t.Errorf("the letter of %q is not in %q: there are %d", from, to, len(messages))
		}
		total += len(messages)
	}
	for _, name := range box.Folders() {
		total -= box.Len(name)
	}
	if total != 0 {
		t.Errorf("%d letters are elsewhere", -total)
	}
}

// TestANamedFolderIsTheDefaultOne: what an endpoint names wins, and is passed over in a
// mailbox without it.
func TestANamedFolderIsTheDefaultOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, there := range []bool{true, false} {
			source, target := piped(t, imapfake.Options{Personality: imapfake.Generic()}), local(t, "de-DE")
			want := map[string]string{"Sent": "Gesendete Elemente", "Rausgegangen": "Rausgegangen"}
			letter(source.box, "Rausgegangen")
			letter(source.box, "Sent")
			if there {
				target.box.Create("Verschickt")
				want = map[string]string{"Rausgegangen": "Verschickt", "Sent": "Sent"}
			}
			job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
			job.TargetDefaults.Named = migration.DefaultFolders{"Sent": "Verschickt"}
			if there {
				job.SourceDefaults.Named = migration.DefaultFolders{"Sent": "rausgegangen"}
			}
			mustRun(t, job)
			expectLetters(t, target.box, want)
		}
	})
}

// TestTheServiceIsAskedOnceWhereFoldersArePaired: not in a pass that has none to pair,
// and a service without an answer is told of and not in the way.
func TestTheServiceIsAskedOnceWhereFoldersArePaired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, target := piped(t, imapfake.Options{Personality: imapfake.Generic()}), local(t, "de-DE")
		target.box.Create("Verschickt")
		target.box.Create("Alt")
		letter(source.box, "Sent")
		asked := 0
		var finding *migration.Finding
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		job.TargetDefaults.Ask = func(context.Context) (migration.DefaultFolders, *migration.Finding) {
			asked++
			if finding != nil {
				return nil, finding
			}
			return migration.DefaultFolders{"Sent": "Verschickt", "Archive": "Nirgends"}, nil
		}
		mustRun(t, job)
		expectLetters(t, target.box, map[string]string{"Sent": "Verschickt"})
		expectIdle(t, job, 0)
		letter(source.box, "Archive")
		finding = &migration.Finding{Code: migration.CodeDefaultFolders, Reason: "no answer"}
		job.TargetDefaults.Named = migration.DefaultFolders{"Archive": "Alt"}
		told := func(f migration.Finding) bool { return f == *finding }
		if summary := mustRun(t, job); !slices.ContainsFunc(summary.Findings, told) {
			t.Errorf("nothing tells that there was no answer: %+v", summary.Findings)
		}
		expectLetters(t, target.box, map[string]string{"Sent": "Verschickt", "Archive": "Alt"})
		expectIdle(t, job, 0)
		if asked != 2 {
			t.Errorf("asked %d times in four passes", asked)
		}
	})
}

// TestARuleThatMeansAUseAsksTheSource: the named folder is the one that it means.
func TestARuleThatMeansAUseAsksTheSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, target := local(t, "de-DE"), piped(t, imapfake.Options{Personality: imapfake.Generic()})
		letter(source.box, "Rausgegangen")
		letter(source.box, "Mappe")
		job := jobFor(source.options(user), target.options(user), ledgerOf(t, openStore(t), user))
		job.SourceDefaults.Ask = func(context.Context) (migration.DefaultFolders, *migration.Finding) {
			return migration.DefaultFolders{"Sent": "Rausgegangen"}, nil
		}
		rule, err := migration.ParseFolderRule("#SentItems#")
		if err != nil {
			t.Fatal(err)
		}
		job.Exclude = []migration.FolderRule{rule}
		mustRun(t, job)
		expectLetters(t, target.box, map[string]string{"Mappe": "Mappe"})
	})
}
