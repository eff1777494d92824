package mailsync

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestFoldersUnderARootFindTheirTargets(t *testing.T) {
	slash := nameRules{delimiter: '/'}
	flat := migration.Folder{Name: "users/anna", Raw: "users/anna", Selectable: true}
	unselectable := func(fs []migration.Folder, name string) []migration.Folder {
		for i := range fs {
			fs[i].Selectable = fs[i].Selectable && fs[i].Name != name
		}
		return fs
	}
	empty := func(fs []migration.Folder) []migration.Folder {
		for i := range fs {
			fs[i].Status = &migration.FolderStatus{}
		}
		return fs
	}
	others := func(fs []migration.Folder) []migration.Folder {
		for i := range fs {
			fs[i].Space = migration.OtherUsers
		}
		return fs
	}
	for _, test := range []struct {
		name         string
		source       []migration.Folder
		root, prefix string
		records      []FolderRecord
		target       []migration.Folder
		want         []string
		findings     int
	}{
		{"the root is the INBOX", folders('/', "INBOX", "users/anna", "users/anna/Work/Old", "users/annabel", "users/ben"), "/users/anna", "", nil, nil,
			[]string{"INBOX > INBOX *", "Work/Old > Work/Old"}, 0},
		{"slashes do not matter", folders('/', "users/anna", "users/anna/Work"), "users/anna/", "", nil, nil, []string{"INBOX > INBOX *", "Work > Work"}, 0},
		{"other users' folders are taken", others(folders('/', "users/anna/Work")), "users/anna", "", nil, nil, []string{"Work > Work"}, 0},
		{"an INBOX below is the INBOX", folders('/', "users/anna", "users/anna/Inbox", "users/anna/Inbox/Sub"), "users/anna", "", nil, nil,
			[]string{"anna > anna", "INBOX > INBOX *", "Inbox/Sub > Inbox/Sub"}, 1},
		{"the root's own mail meets its namesake", folders('/', "users/anna", "users/anna/anna", "users/anna/INBOX"), "users/anna", "", nil, nil,
			[]string{"anna (2) > anna (2)", "anna > anna", "INBOX > INBOX *"}, 1},
		{"two INBOXes stay two", folders('/', "users/anna/INBOX", "users/anna/Inbox"), "users/anna", "", nil, nil, []string{"INBOX > INBOX *", "Inbox (2) > Inbox (2)"}, 1},
		{"an INBOX without mail does not count", unselectable(folders('/', "users/anna", "users/anna/INBOX", "users/anna/INBOX/Sub"), "users/anna/INBOX"), "users/anna", "", nil, nil,
			[]string{"INBOX > INBOX *", "INBOX/Sub > INBOX/Sub"}, 0},
		{"a root without mail", unselectable(folders('/', "users/anna", "users/anna/Work"), "users/anna"), "users/anna", "", nil, nil, []string{"Work > Work"}, 0},
		{"the source's delimiter", folders('.', "users.terry.adams", "users.terry.adams.Work.Old"), "/users/terry.adams", "", nil, nil,
			[]string{"INBOX > INBOX *", "Work.Old > Work/Old"}, 0},
		{"below the personal prefix", folders('.', "INBOX", "INBOX.users.anna.Work"), "users/anna", "INBOX.", nil, nil, []string{"Work > Work"}, 0},
		{"with the personal prefix", folders('.', "INBOX", "INBOX.users.anna.Work"), "inbox/users/anna", "INBOX.", nil, nil, []string{"Work > Work"}, 0},
		{"as the server spells it", []migration.Folder{{Name: "R&D/Ä", Raw: "R&-D/&AMQ-", Delimiter: '/', Selectable: true}}, "R&-D", "", nil, nil, []string{"Ä > Ä"}, 0},
		{"as people see it", []migration.Folder{{Name: "Büro/x", Raw: "B&APw-ro/x", Delimiter: '/', Selectable: true}}, "Büro", "", nil, nil, []string{"x > x"}, 0},
		{"an empty root beside an INBOX", empty(folders('/', "users/anna", "users/anna/INBOX")), "users/anna", "", nil, nil, []string{"INBOX > INBOX *"}, 0},
		{"an empty root that is the INBOX", empty(folders('/', "users/anna", "users/anna/Work")), "users/anna", "", nil, nil, []string{"INBOX > INBOX *", "Work > Work"}, 0},
		{"a flat source", []migration.Folder{flat}, "users/anna", "", nil, nil, []string{"INBOX > INBOX *"}, 0},
		{"special folders pair", folders('/', "users/anna/Gesendet"), "users/anna", "", nil, folders('/', "Sent Items=Sent"), []string{"Gesendet > Sent Items ! *"}, 0},
		{"an INBOX that appears later is not the INBOX", folders('/', "users/anna", "users/anna/INBOX"), "users/anna", "",
			[]FolderRecord{{ID: 1, Source: "raw:users/anna", Target: "INBOX"}}, nil, []string{"INBOX > INBOX *", "INBOX (2) > INBOX (2)"}, 1},
		{"a root that had its own folder keeps it", folders('/', "users/anna"), "users/anna", "",
			[]FolderRecord{{ID: 1, Source: "raw:users/anna", Target: "anna"}}, nil, []string{"anna > anna"}, 0},
	} {
		got, findings, err := rooted(test.source, test.root, test.prefix, test.records)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		pairs := strings.Join(toldPairs(got, pairFolders(got, test.target, "", slash)), "\n")
		if pairs != strings.Join(test.want, "\n") || len(findings) != test.findings {
			t.Errorf("%s:\n%s\nwant:\n%s\nfindings: %v, want %d", test.name, pairs, strings.Join(test.want, "\n"), findings, test.findings)
		}
	}
}

// TestNoFolderUnderARootIsLost: each is paired, by its own raw name, with a target
// of its own.
func TestNoFolderUnderARootIsLost(t *testing.T) {
	level := rapid.SampledFrom([]string{"a", "A", "INBOX", "Inbox", "inbox (2)", "INBOX (2)", "anna", "anna (2)", "Sent"})
	names := rapid.SliceOfNDistinct(rapid.Map(rapid.SliceOfN(level, 0, 3), func(levels []string) string {
		return strings.Join(append([]string{"users", "anna"}, levels...), "/")
	}), 1, 12, rapid.ID)
	rapid.Check(t, func(r *rapid.T) {
		source := folders('/', names.Draw(r, "source")...)
		var records []FolderRecord
		if first := source[0]; rapid.Bool().Draw(r, "remembered") {
			records = append(records, FolderRecord{ID: 1, Source: first.Raw, Target: "INBOX"})
		}
		got, _, err := rooted(source, "users/anna", "", records)
		if err != nil || len(got) != len(source) {
			r.Fatalf("%d of %d folders, %v", len(got), len(source), err)
		}
		owner := map[string]string{}
		for _, pair := range pairFolders(got, nil, "", nameRules{delimiter: '/'}) {
			if other, taken := owner[inboxFolded(pair.Target)]; taken {
				r.Fatalf("%q and %q both go to %q", other, pair.Source.Raw, pair.Target)
			}
			owner[inboxFolded(pair.Target)] = pair.Source.Raw
		}
	})
}

func TestAMissingRootSaysWhatIsThere(t *testing.T) {
	source := folders('/', "INBOX", "shared/ben", "users", "users/annabel")
	source[2].Selectable = false
	for _, root := range []string{"/users/anna", "users/ANNABEL", "ers", "nothing"} {
		_, _, err := rooted(source, root, "", nil)
		fault := migration.FaultOf(err)
		if fault == nil || fault.Code != migration.CodeUserRoot || fault.Remedy == "" {
			t.Fatalf("%s: got %v", root, err)
		}
		for _, word := range []string{strings.Trim(root, "/"), `"INBOX", "shared", "users"`} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q is missing in %q", word, err)
			}
		}
	}
}
