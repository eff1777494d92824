package servicetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/courierrig"
	"github.com/mailhaul/mailhaul/rigs/cyrusrig"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

// administered is a real server whose administrator opens every mailbox.
type administered struct {
	name  string
	start func(*testing.T) *rig.Mail
	login []string
	// separator and prefix are those of its folders.
	separator, prefix string
	// noUser: the administrator has no mailbox, so he cannot sign in as himself, and
	// the endpoint cannot be tested without a person.
	noUser bool
}

var administrations = []administered{
	{"Dovecot", func(t *testing.T) *rig.Mail { return dovecotrig.StartT(t, dovecotrig.Options{}).Mail }, []string{"--login", "master"}, "/", "", true},
	{"Cyrus", func(t *testing.T) *rig.Mail { return cyrusrig.StartT(t, cyrusrig.Options{}).Mail }, []string{"--login", "authzid"}, "/", "", false},
	{"Cyrus with dots, below INBOX", func(t *testing.T) *rig.Mail {
		return cyrusrig.StartT(t, cyrusrig.Options{Separator: ".", BelowINBOX: true}).Mail
	}, []string{"--login", "authzid"}, ".", "INBOX.", false},
	{"Courier", func(t *testing.T) *rig.Mail { return courierrig.StartT(t, courierrig.Options{}).Mail }, []string{"--login", "userroot", "--user-root", "#shared/{user}"}, ".", "INBOX.", false},
}

// TestAnAdministratorOfARealServerCopiesEverybody: the migration file has plain user
// names and no password of the source.
func TestAnAdministratorOfARealServerCopiesEverybody(t *testing.T) {
	for _, a := range administrations {
		t.Run(a.name, func(t *testing.T) {
			w := newWorldFrom(t, "", a.start(t))
			people := []string{"anna", "bert"}
			sent := 0
			for i, user := range people {
				corpus := letters(i)
				sent += len(corpus.Messages)
				at := mailgen.Target{Addr: w.source.Addr(), User: user, Password: w.source.Password, Separator: a.separator, Prefix: a.prefix}
				if refused, err := mailgen.Fill(t.Context(), at, corpus); err != nil || len(refused) > 0 {
					t.Fatalf("%+v %v", refused, err)
				}
			}
			w.write("admin", rig.AdminPassword+"\n")
			w.write("wrong", "not-"+rig.AdminPassword+"\n")
			admin := append([]string{"--admin-user", rig.Admin}, a.login...)
			if a.noUser {
				admin = append(admin, "--skip-verification")
			}
			w.setUp(append(admin, "--admin-password-file", w.file("admin"))...)
			if !a.noUser {
				w.wantWrongAdmin(admin)
			}
			rows := "EmailAddress,UserName,TargetUserName,TargetPassword\n"
			for _, user := range people {
				rows += fmt.Sprintf("%[1]s@example.org,%[1]s,%[1]s,%[2]s\n", user, w.target.Password)
			}
			w.write("pilot.csv", rows)
			w.run("batch", "create", w.file("pilot.csv"), "--source", "old", "--target", "new")
			w.run("batch", "start", "pilot")
			w.awaitState("pilot", "Synced")
			w.wantMoved(sent)
			for _, user := range people {
				w.wantAdministered(a, user)
			}
		})
	}
}

// wantWrongAdmin has an endpoint refused whose administrator has a wrong password.
func (w *world) wantWrongAdmin(admin []string) {
	w.t.Helper()
	r := w.try(append([]string{"endpoint", "create", "wrong", fmt.Sprintf("imaps://localhost:%d", w.source.TLSPort), "--ca", w.file("source.pem"),
		"--admin-password-file", w.file("wrong")}, admin...)...)
	if text := r.errs + r.out; r.status == 0 || !strings.Contains(text, "password") || strings.Contains(text, rig.AdminPassword) {
		w.t.Errorf("a wrong password of the administrator: %d %s", r.status, text)
	}
}

// letters are some of one person, in folders.
func letters(seed int) mailgen.Corpus {
	corpus := mailgen.Corpus{Folders: []string{"INBOX", "Work", "Work/2026", "Entw\u00fcrfe"}}
	for i := range 12 {
		corpus.Messages = append(corpus.Messages, mailgen.Message{
			Folder: corpus.Folders[i%len(corpus.Folders)], Date: time.Unix(int64(1e9+i), 0), Flags: []string{`\Seen`},
			Body: fmt.Appendf(nil, "Subject: letter %d of %d\r\n\r\n%d\r\n", i, seed, i),
		})
	}
	return corpus
}

// wantAdministered has another client, signed in as the user himself, compare both
// sides. Subscriptions are the administrator's where he has signed in as himself.
func (w *world) wantAdministered(a administered, user string) {
	w.t.Helper()
	shot := func(m *rig.Mail) oracle.Snapshot {
		taken, err := oracle.Take(w.t.Context(), m.Host, m.Port, user, m.Password)
		if err != nil {
			w.t.Fatal(err)
		}
		return taken
	}
	for _, line := range oracle.Diff(shot(w.source), shot(w.target), oracle.DiffOptions{IgnoreSubscriptions: true, MapFolder: func(name string) string {
		return strings.ReplaceAll(strings.TrimPrefix(name, a.prefix), a.separator, "/")
	}}) {
		w.t.Errorf("%s: %s", user, line)
	}
}
