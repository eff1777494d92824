package mailsync

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// mailFolders are those of Exchange that hold mail, by their English names.
var mailFolders = map[string]string{"Sent Items": "Sent", "Drafts": "Drafts", "Deleted Items": "Trash", "Junk Email": "Junk", "Archive": "Archive"}

// mailbox lists a mailbox of Exchange in a language, with folders of its own.
func mailbox(language string, more ...string) []migration.Folder {
	names := append([]string{"INBOX"}, more...)
	for _, name := range imapfake.DefaultFolders(language) {
		names = append(names, name)
	}
	slices.Sort(names)
	return folders('/', names...)
}

func exchangeRules(target []migration.Folder) nameRules {
	return rulesFor(migration.Profile{Traits: migration.ExchangeTraits()}, target)
}

func TestEachLanguagesFoldersFindEachOther(t *testing.T) {
	effort.LeaveToLong(t)
	for _, from := range imapfake.Languages() {
		source, findings := withoutNotMail(mailbox(from), "", migration.ExchangeTraits(), nil)
		if len(source) != 1+len(mailFolders) || len(findings) != 7 {
			t.Errorf("%s: of %d folders for mail %d are left: %+v", from, 1+len(mailFolders), len(source), source)
		}
		for _, to := range imapfake.Languages() {
			target := mailbox(to)
			rules := exchangeRules(target)
			rules.source.local = true
			for _, pair := range pairFolders(source, target, "", rules) {
				if !pair.Exists {
					t.Errorf("%s to %s: %q would be made anew as %q", from, to, pair.Source.Name, pair.Target)
				}
			}
			for english, use := range mailFolders {
				has := rules.source.uses(source, "")[use].Name
				want := imapfake.DefaultFolders(to)[english]
				if i := slices.IndexFunc(source, func(f migration.Folder) bool { return f.Name == imapfake.DefaultFolders(from)[english] }); has != source[i].Name {
					t.Errorf("%s: the folder %s is %q, not %q", from, use, has, source[i].Name)
				}
				if got := rules.target.uses(target, "")[use].Name; got != want {
					t.Errorf("%s: the folder %s is %q, not %q", to, use, got, want)
				}
			}
		}
	}
}

func TestNamesOfFoldersWithoutMailAreTakenInTheMailboxsLanguage(t *testing.T) {
	for _, language := range imapfake.Languages() {
		target := mailbox(language)
		for english, local := range imapfake.DefaultFolders(language) {
			if mailFolders[english] != "" {
				continue
			}
			for _, listed := range []bool{true, false} {
				there := target
				if !listed {
					there = slices.DeleteFunc(slices.Clone(target), func(f migration.Folder) bool { return f.Name == local })
				}
				source := folders('/', local, local+"/a", "Sub/"+local)
				got := toldPairs(source, pairFolders(source, there, "", exchangeRules(there)))
				want := []string{fmt.Sprintf("%s > %s_renamed !", local, local), fmt.Sprintf("%s/a > %s_renamed/a !", local, local), fmt.Sprintf("Sub/%s > Sub/%s", local, local)}
				if !slices.Equal(got, want) {
					t.Errorf("%s: got %q", language, got)
				}
			}
		}
	}
}

func TestNamesOfFarOffLanguagesArePeoples(t *testing.T) {
	source := folders('/', "Notes", "Calendar", "Agenda", "Notizen")
	for _, test := range []struct {
		name   string
		target []migration.Folder
		want   string
	}{
		{"German", mailbox("de-DE"), "Notes > Notes; Calendar > Calendar; Agenda > Agenda; Notizen > Notizen_renamed !"},
		{"Dutch", mailbox("nl-NL"), "Notes > Notes; Calendar > Calendar; Agenda > Agenda_renamed !; Notizen > Notizen"},
		{"nothing shown", folders('/', "INBOX"), "Notes > Notes_renamed !; Calendar > Calendar_renamed !; Agenda > Agenda; Notizen > Notizen"},
		{"a single name", folders('/', "INBOX", "Archief"), "Notes > Notes_renamed !; Calendar > Calendar_renamed !; Agenda > Agenda; Notizen > Notizen"},
		{"a language that is not known", folders('/', "INBOX", "ส่งแล้ว"), "Notes > Notes_renamed !; Calendar > Calendar_renamed !; Agenda > Agenda; Notizen > Notizen"},
		{"folders of earlier passes in German", mailbox("de-DE", "Notes", "Calendar", "Journale"), "Notes > Notes *; Calendar > Calendar *; Agenda > Agenda; Notizen > Notizen_renamed !"},
		{"two languages", folders('/', "INBOX", "Gesendete Elemente", "Entwürfe", "Junk-E-Mail", "Deleted Items", "Archive"),
			"Notes > Notes_renamed !; Calendar > Calendar_renamed !; Agenda > Agenda; Notizen > Notizen_renamed !"},
	} {
		if got := strings.Join(toldPairs(source, pairFolders(source, test.target, "", exchangeRules(test.target))), "; "); got != test.want {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, test.want)
		}
	}
	plain := rulesFor(migration.Profile{}, mailbox("de-DE"))
	if got := toldPairs(folders('/', "Kalender"), pairFolders(folders('/', "Kalender"), nil, "", plain)); got[0] != "Kalender > Kalender" {
		t.Errorf("of a server that does not localise: %q", got)
	}
}

func TestMailOfAPersonsFolderIsNotLeftOut(t *testing.T) {
	names := func(all []migration.Folder) (names []string) {
		for _, f := range all {
			names = append(names, f.Name)
		}
		return names
	}
	german := mailbox("de-DE", "Notes", "Kalender/2020", "Privat/Kalender")
	mail, findings := withoutNotMail(german, "", migration.ExchangeTraits(), nil)
	if got := names(mail); !slices.Contains(got, "Notes") || !slices.Contains(got, "Privat/Kalender") || slices.Contains(got, "Kalender") || slices.Contains(got, "Kalender/2020") || len(findings) != 8 {
		t.Errorf("left %q with %d findings", got, len(findings))
	}
	// Another mail program has made folders of its own.
	mail, _ = withoutNotMail(mailbox("de-DE", "Drafts", "Archive", "Notes", "Tasks/2020", "Contacts"), "", migration.ExchangeTraits(), nil)
	if got := names(mail); !slices.Contains(got, "Notes") || !slices.Contains(got, "Tasks/2020") || !slices.Contains(got, "Contacts") || slices.Contains(got, "Kontakte") {
		t.Errorf("beside folders of another language left %q", got)
	}
	if mail, _ = withoutNotMail(german, "", migration.Traits{}, nil); len(mail) != len(german) {
		t.Errorf("of a server that does not localise only %q are left", names(mail))
	}
}

func TestLanguagesAreWhole(t *testing.T) {
	tags := map[string]bool{}
	for _, l := range languages {
		if tags[l.tag] || len(l.mail) < 5 || len(l.notMail) != len(english.notMail) {
			t.Errorf("%s: %d and %d names", l.tag, len(l.mail), len(l.notMail))
		}
		tags[l.tag] = true
		uses := map[string]bool{}
		for _, name := range l.mail {
			of := ""
			for use, names := range useNames {
				if slices.ContainsFunc(names, func(other string) bool { return sameName(name, other) }) {
					of = use
				}
			}
			if of == "" {
				t.Errorf("%s: %q has no use", l.tag, name)
			}
			uses[of] = true
		}
		if len(uses) != len(mailFolders) {
			t.Errorf("%s: names for the uses %v", l.tag, uses)
		}
		for _, name := range slices.Concat(l.notMail...) {
			if slices.Contains(l.mail, name) || !notMailAnywhere(name) {
				t.Errorf("%s: %q", l.tag, name)
			}
		}
	}
}

func TestTheMailboxsLanguageComesBeforeOthers(t *testing.T) {
	target := mailbox("de-DE", "Sent", "Trash", "Drafts")
	source := folders('/', "Sent", "Gesendet", "Trash")
	got := toldPairs(source, pairFolders(source, target, "", exchangeRules(target)))
	if want := []string{"Sent > Gesendete Elemente ! *", "Gesendet > Gesendet", "Trash > Gelöschte Elemente ! *"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestNamedFoldersComeFirst(t *testing.T) {
	named := func(texts ...string) migration.DefaultFolders {
		d, err := migration.ParseDefaultFolders(texts)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	target := folders('/', "INBOX", "Sent=Sent", "Alt/Gesendet", "alt/gesendet", "Verschickt", "Trash", "Weg", "Bin")
	for _, test := range []struct {
		name  string
		named []migration.DefaultFolders
		want  string
	}{
		{"by nobody", nil, "Gesendete Elemente > Sent ! *; Papierkorb > Trash ! *; Sent > Sent (2) !"},
		{"over the mark", []migration.DefaultFolders{named("Sent=Verschickt")}, "Gesendete Elemente > Verschickt ! *; Papierkorb > Trash ! *; Sent > Sent *"},
		{"in another case", []migration.DefaultFolders{named("Sent=VERSCHICKT")}, "Gesendete Elemente > Verschickt ! *; Papierkorb > Trash ! *; Sent > Sent *"},
		{"the exact one below another", []migration.DefaultFolders{named("Sent=alt/gesendet")}, "Gesendete Elemente > alt/gesendet ! *; Papierkorb > Trash ! *; Sent > Sent *"},
		{"not there", []migration.DefaultFolders{named("Sent=Nirgends", "Trash=Weg")}, "Gesendete Elemente > Sent ! *; Papierkorb > Weg ! *; Sent > Sent (2) !"},
		{"not there, but as the service has it", []migration.DefaultFolders{named("Sent=Nirgends"), named("Sent=Verschickt")}, "Gesendete Elemente > Verschickt ! *; Papierkorb > Trash ! *; Sent > Sent *"},
		{"a known name of another use", []migration.DefaultFolders{named("Archive=Trash")}, "Gesendete Elemente > Sent ! *; Papierkorb > Bin ! *; Sent > Sent (2) !"},
	} {
		rules := nameRules{delimiter: '/', target: guide{named: test.named}}
		source := folders('/', "Gesendete Elemente", "Papierkorb", "Sent")
		rules.source.named = []migration.DefaultFolders{named("Sent=Gesendete Elemente")}
		if got := strings.Join(toldPairs(source, pairFolders(source, target, "", rules)), "; "); got != test.want {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, got, test.want)
		}
	}
	if f, there := called(folders('.', "INBOX", "INBOX.Sent"), "INBOX.", "inbox.sent"); !there || f.Name != "INBOX.Sent" {
		t.Errorf("as the server spells it: %+v", f)
	}
	if f, there := called(folders('/', "INBOX"), "", "INBOX"); there {
		t.Errorf("found %+v", f)
	}
}
