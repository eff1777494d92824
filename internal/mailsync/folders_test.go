package mailsync

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// folders reads "Name" or "Name=Use"; the delimiter comes with the call.
func folders(delimiter rune, names ...string) []migration.Folder {
	var out []migration.Folder
	for _, text := range names {
		name, use, _ := strings.Cut(text, "=")
		out = append(out, migration.Folder{Name: name, Raw: "raw:" + name, Delimiter: delimiter, Selectable: true, Use: use})
	}
	return out
}

// told gives the pairs as "source > target", with "!" for a finding and "*" for
// a folder that exists, by source order.
func toldPairs(source []migration.Folder, pairs []FolderPair) []string {
	var out []string
	for _, f := range source {
		for _, pair := range pairs {
			if pair.Source.Raw != f.Raw {
				continue
			}
			line := f.Name + " > " + pair.Target
			if pair.Finding != nil {
				line += " !"
			}
			if pair.Exists {
				line += " *"
			}
			out = append(out, line)
		}
	}
	return out
}

var exchange = nameRules{delimiter: '/', foldCase: true, trim: true, reserved: []string{"calendar", "notes"}}

func TestFoldersFindTheirTargets(t *testing.T) {
	slash := nameRules{delimiter: '/'}
	for _, test := range []struct {
		name           string
		source, target []migration.Folder
		prefix         string
		rules          nameRules
		want           []string
	}{
		{"names stay", folders('/', "INBOX", "Work", "Work/Old"), folders('/', "INBOX"), "", slash,
			[]string{"INBOX > INBOX *", "Work > Work", "Work/Old > Work/Old"}},
		{"INBOX has no case", folders('/', "Inbox"), nil, "", slash, []string{"Inbox > INBOX *"}},
		{"the delimiter changes", folders('/', "A/B/C"), folders('.', "INBOX"), "", nameRules{delimiter: '.'}, []string{"A/B/C > A.B.C"}},
		{"a delimiter within a level", folders('/', "v1.2"), nil, "", nameRules{delimiter: '.'}, []string{"v1.2 > v1_2 !"}},
		{"a control character", folders('/', "a\x07b"), nil, "", slash, []string{"a\x07b > a_b !"}},
		{"a flat source", folders(0, "a.b/c"), nil, "", nameRules{delimiter: '.'}, []string{"a.b/c > a_b/c !"}},
		{"the prefix goes", folders('.', "INBOX", "INBOX.Work", "INBOX.Work.Old"), nil, "INBOX.", slash,
			[]string{"INBOX > INBOX *", "INBOX.Work > Work", "INBOX.Work.Old > Work/Old"}},
		{"the prefix comes", folders('/', "INBOX", "Work"), nil, "", nameRules{delimiter: '.', prefix: "INBOX."}, []string{"INBOX > INBOX *", "Work > INBOX.Work"}},
		{"both prefixes", folders('.', "INBOX.Work"), nil, "INBOX.", nameRules{delimiter: '.', prefix: "INBOX."}, []string{"INBOX.Work > INBOX.Work"}},
		{"children of INBOX", folders('/', "INBOX", "INBOX/Work"), nil, "", slash, []string{"INBOX > INBOX *", "INBOX/Work > INBOX/Work"}},
		{"children of INBOX below a prefix", folders('/', "INBOX", "INBOX/Work"), nil, "", nameRules{delimiter: '.', prefix: "INBOX."}, []string{"INBOX > INBOX *", "INBOX/Work > INBOX.Work"}},
		{"special use by mark", folders('/', "Verschickt=Sent"), folders('/', "Outgoing=Sent"), "", slash, []string{"Verschickt > Outgoing ! *"}},
		{"special use by name", folders('/', "Gesendete Elemente", "Papierkorb"), folders('/', "Sent", "Deleted Items"), "", slash,
			[]string{"Gesendete Elemente > Sent ! *", "Papierkorb > Deleted Items ! *"}},
		{"by mark here and by name there", folders('/', "X=Junk"), folders('/', "Спам"), "", slash, []string{"X > Спам ! *"}},
		{"the mark beats the name", folders('/', "Sent", "Mine=Sent"), folders('/', "Gone=Sent", "Sent"), "", slash, []string{"Sent > Sent *", "Mine > Gone ! *"}},
		{"a special folder the target lacks", folders('/', "Papierkorb=Trash"), folders('/', "INBOX"), "", slash, []string{"Papierkorb > Papierkorb"}},
		{"children follow", folders('/', "Gesendet", "Gesendet/2020", "Gesendet/2020/May"), folders('/', "Sent Items"), "", slash,
			[]string{"Gesendet > Sent Items ! *", "Gesendet/2020 > Sent Items/2020 !", "Gesendet/2020/May > Sent Items/2020/May !"}},
		{"a plain folder with a special one's name", folders('/', "A=Sent", "Sent Items"), folders('/', "Sent Items=Sent"), "", slash,
			[]string{"A > Sent Items ! *", "Sent Items > Sent Items (2) !"}},
		{"special folders below INBOX", folders('.', "INBOX", "INBOX.Sent"), folders('/', "Sent Items"), "", slash, []string{"INBOX > INBOX *", "INBOX.Sent > Sent Items ! *"}},
		{"case tells apart", folders('/', "work", "Work"), nil, "", slash, []string{"work > work", "Work > Work"}},
		{"case does not tell apart", folders('/', "work", "Work", "WORK"), nil, "", exchange, []string{"work > work", "Work > Work (2) !", "WORK > WORK (3) !"}},
		{"Unicode forms do not tell apart", folders('/', norm.NFC.String("Übung"), norm.NFD.String("Übung")), nil, "", exchange,
			[]string{norm.NFC.String("Übung") + " > " + norm.NFC.String("Übung"), norm.NFD.String("Übung") + " > " + norm.NFD.String("Übung") + " (2) !"}},
		{"children of a clash follow", folders('/', "work", "Work", "Work/a"), nil, "", exchange, []string{"work > work", "Work > Work (2) !", "Work/a > Work (2)/a !"}},
		{"a folder that exists in another case", folders('/', "work"), folders('/', "Work"), "", exchange, []string{"work > Work *"}},
		{"spaces at the ends", folders('/', " a / b"), nil, "", exchange, []string{" a / b > a/b !"}},
		{"reserved names", folders('/', "Calendar", "Calendar/2020", "Sub/Calendar"), nil, "", exchange,
			[]string{"Calendar > Calendar_renamed !", "Calendar/2020 > Calendar_renamed/2020 !", "Sub/Calendar > Sub/Calendar"}},
		{"empty levels", folders('/', "a//b", "."), nil, "", slash, []string{"a//b > a/_/b !", ". > _ !"}},
		{"forbidden characters", folders('/', "50%"), nil, "", nameRules{delimiter: '/', forbidden: "%*"}, []string{"50% > 50_ !"}},
		{"what is not INBOX does not become it", folders('/', " inbox ", "INBOX"), nil, "", exchange, []string{" inbox  > inbox (2) !", "INBOX > INBOX *"}},
	} {
		got := toldPairs(test.source, pairFolders(test.source, test.target, test.prefix, test.rules))
		if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
			t.Errorf("%s:\n%s\nwant:\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func TestDefaultFoldersThatAreOnlyCalledDifferentlyAreTold(t *testing.T) {
	source := folders('/', "Sent=Sent", "Sent/2024", "Sent/ trip", "Work", "Calendar")
	expected := map[string]bool{}
	for _, pair := range pairFolders(source, folders('/', "Sent Items=Sent"), "", exchange) {
		expected[pair.Source.Name] = pair.Default
	}
	for name, want := range map[string]bool{"Sent": true, "Sent/2024": true, "Sent/ trip": false, "Work": false, "Calendar": false} {
		if expected[name] != want {
			t.Errorf("%q is only called differently: %v, want %v", name, expected[name], want)
		}
	}
}

func TestFolderThatExistsIsAddressedByItsRawName(t *testing.T) {
	pairs := pairFolders(folders('/', "work", "new"), folders('/', "Work"), "", exchange)
	if pairs[0].TargetRaw != "raw:Work" || pairs[1].TargetRaw != "" {
		t.Errorf("raw names %q and %q", pairs[0].TargetRaw, pairs[1].TargetRaw)
	}
}

func TestNamesOfTheLedgerStay(t *testing.T) {
	rules := nameRules{delimiter: '/', known: map[string]string{"raw:Work": "Work (2)"}}
	source := folders('/', "Work", "Work/a", "Work (2)")
	got := toldPairs(source, pairFolders(source, folders('/', "Work (2)"), "", rules))
	want := []string{"Work > Work (2) ! *", "Work/a > Work (2)/a !", "Work (2) > Work (2) (2) !"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoNameHasTwoUses(t *testing.T) {
	seen := map[string]string{}
	for use, names := range useNames {
		for _, name := range names {
			folded := foldName(name)
			if other := seen[folded]; other != "" && other != use {
				t.Errorf("%q is %s and %s", name, other, use)
			}
			seen[folded] = use
		}
	}
}

// TestNoTwoFoldersShareATarget: whatever the names and the rules, no two source
// folders meet, and nothing but INBOX meets INBOX.
func TestNoTwoFoldersShareATarget(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "A", "b", " a", "a ", "Sent", "sent items", "Gesendet", "Calendar", "Calendar_renamed", "a (2)", "a.b", "a_b",
		norm.NFC.String("ü"), norm.NFD.String("ü"), "INBOX", "inbox", " inbox", ".", "", "_"})
	names := rapid.SliceOfNDistinct(rapid.Map(rapid.SliceOfN(level, 1, 3), func(levels []string) string { return strings.Join(levels, "/") }), 1, 12, inboxFolded)
	rapid.Check(t, func(r *rapid.T) {
		source := folders('/', names.Draw(r, "source")...)
		if rapid.Bool().Draw(r, "marked") {
			source[len(source)-1].Use = "Sent"
		}
		rules := nameRules{delimiter: rapid.SampledFrom([]rune{'/', '.'}).Draw(r, "delimiter"), foldCase: rapid.Bool().Draw(r, "fold"), trim: rapid.Bool().Draw(r, "trim")}
		if rules.foldCase {
			rules.reserved = exchange.reserved
		}
		target := folders(rules.delimiter, rapid.SliceOfNDistinct(level, 0, 4, foldName).Draw(r, "target")...)
		pairs := pairFolders(source, target, "", rules)
		if len(pairs) != len(source) {
			r.Fatalf("%d pairs of %d folders", len(pairs), len(source))
		}
		compare := func(name string) string {
			if rules.foldCase {
				return foldName(name)
			}
			return inboxFolded(name)
		}
		owner := map[string]string{}
		for _, pair := range pairs {
			name := compare(pair.Target)
			if other, taken := owner[name]; taken {
				r.Fatalf("%q and %q both go to %q", other, pair.Source.Name, pair.Target)
			}
			if name == compare("INBOX") && !pair.Source.IsInbox() {
				r.Fatalf("%q goes to %q", pair.Source.Name, pair.Target)
			}
			owner[name] = pair.Source.Name
		}
	})
}

// inboxFolded is a name as a server compares it that tells case apart.
func inboxFolded(name string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

func TestFolderCalledInboxBelowTheInboxKeepsItsName(t *testing.T) {
	pairs := pairFolders([]migration.Folder{{Name: "INBOX.INBOX", Raw: "INBOX.INBOX", Delimiter: '.', Selectable: true}}, nil, "INBOX.", nameRules{delimiter: '.', prefix: "INBOX."})
	if pairs[0].Target != "INBOX.INBOX" {
		t.Errorf("%+v", pairs)
	}
}

func TestRulesComeFromTheTarget(t *testing.T) {
	profile := migration.Profile{Traits: migration.ExchangeTraits(), Namespaces: []migration.Namespace{{Space: migration.Shared, Prefix: "#shared/"}, {Prefix: "INBOX."}}}
	rules := rulesFor(profile, []migration.Folder{{Name: "x", Space: migration.Shared, Delimiter: '|'}, {Name: "INBOX"}, {Name: "y", Delimiter: '.'}})
	if rules.delimiter != '.' || rules.prefix != "INBOX." || !rules.foldCase || !rules.trim || len(rules.reserved) == 0 {
		t.Errorf("got %+v", rules)
	}
	if plain := rulesFor(migration.Profile{}, nil); plain.delimiter != '/' || plain.foldCase || plain.prefix != "" {
		t.Errorf("got %+v", plain)
	}
}
