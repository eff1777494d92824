package consoletest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/bench/mailgen"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

var people = []string{"anna.lind@example.org", "bruno.falk@example.org", "clara.holm@example.org"}

// bigger than what the target takes.
const tooBig = 300_000

// TestABatchLivesItsWholeLife by the console alone, between two Dovecots: from a server
// without operators to a batch that is deleted. One message is too big for the target.
func TestABatchLivesItsWholeLife(t *testing.T) {
	t.Parallel()
	require(t)
	rig.Require(t, oracle.Missing)
	source := dovecotrig.StartT(t, dovecotrig.Options{}).Mail
	target := dovecotrig.StartT(t, dovecotrig.Options{QuotaBytes: 1 << 30, Extra: "plugin {\n quota_max_mail_size = 200k\n}\n"}).Mail
	post := startSMTP(t)
	for _, user := range people {
		if err := load(t, source, user, office(user == people[1])); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, "--smtp-host", "localhost", "--smtp-port", fmt.Sprint(post.port), "--smtp-security", "none", "--smtp-from", "mailhaul@example.org")
	rows := make([]string, len(people))
	for i, user := range people {
		rows[i] = fmt.Sprintf("%[1]s,%[1]s,%[2]s,%[2]s\n", user, dovecotrig.DefaultPassword)
	}
	const header = "EmailAddress,UserName,Password,TargetPassword\n"
	play(t, "life.mjs", map[string]any{
		"server": w.server.Address, "token": w.server.SetupToken(t), "admin": administrator, "people": people, "password": dovecotrig.DefaultPassword,
		"viewer": person{Name: "hanna.vogt", Password: "battery horse correct"}, "notify": "it-team@example.org",
		"source":   map[string]any{"name": "old-server", "port": source.TLSPort, "security": "implicit", "ca": string(source.CAPEM)},
		"target":   map[string]any{"name": "new-server", "port": target.Port, "security": "starttls", "ca": string(target.CAPEM)},
		"goodFile": header + strings.Join(rows, ""),
		"badFile": header + strings.Replace(rows[0], people[0], "anna.lind", 1) + // no address
			strings.Replace(rows[1], ","+dovecotrig.DefaultPassword+",", ",,", 1) + rows[2] + rows[2],
		"problems": [][]any{{2, "not an e-mail address"}, {3, "The Password is empty"}, {5, "Rows 4 and 5 have the same EmailAddress"}},
		"remedy":   "target", "without": []string{"Old projects", "Junk"},
	}, answers{
		"deliver": asked(func(q struct{ Address, Subject string }) (any, error) {
			at := time.Now().Truncate(time.Second)
			body := letter(q.Subject, at, 0)
			return sumOf(body), load(t, source, q.Address, mailgen.Corpus{Folders: []string{"INBOX"}, Messages: []mailgen.Message{{Folder: "INBOX", Date: at, Body: body}}})
		}),
		"sums": asked(func(q struct{ Address string }) (any, error) {
			taken, err := snapshot(t, target, q.Address)
			sums := []string{}
			for _, f := range taken.Folders {
				for _, m := range f.Messages {
					sums = append(sums, m.SHA256)
				}
			}
			return sums, err
		}),
		"equal": asked(func(q struct {
			Address string
			Without []string
		}) (any, error) {
			return nil, equal(t, source, target, q.Address, q.Without)
		}),
		"letters": func(json.RawMessage) (any, error) { return post.letters() },
	})
}

// asked reads what a script asks with.
func asked[T any](act func(T) (any, error)) func(json.RawMessage) (any, error) {
	return func(details json.RawMessage) (any, error) {
		var q T
		if err := json.Unmarshal(details, &q); err != nil {
			return nil, err
		}
		return act(q)
	}
}

// office is the mail of somebody in an office.
func office(withContract bool) mailgen.Corpus {
	c := mailgen.Corpus{Folders: []string{"INBOX", "Customers", "Customers/North", "Old projects", "Sent", "Junk"}}
	begin := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for i := range 60 {
		at := begin.Add(time.Duration(i) * 7 * time.Hour)
		c.Messages = append(c.Messages, mailgen.Message{Folder: c.Folders[i%len(c.Folders)], Date: at, Flags: []string{`\Seen`}, Body: letter(fmt.Sprintf("Figures of week %d", i), at, i*200)})
	}
	if withContract {
		c.Messages = append(c.Messages, mailgen.Message{Folder: "INBOX", Date: begin, Body: letter("Scanned contract", begin, tooBig)})
	}
	return c
}

// equal has another client than ours compare a mailbox on both sides, but for folders
// that are left out and messages that are too big.
func equal(t *testing.T, source, target *rig.Mail, user string, without []string) error {
	from, err := snapshot(t, source, user)
	if err != nil {
		return err
	}
	to, err := snapshot(t, target, user)
	if err != nil {
		return err
	}
	from.Folders = slices.DeleteFunc(from.Folders, func(f oracle.Folder) bool { return slices.Contains(without, f.Name) })
	from.OnlySubscribed, to.OnlySubscribed = nil, nil
	tooBigs := func(_ string, m oracle.Message) bool { return m.Size > tooBig }
	if lines := oracle.Diff(from, to, oracle.DiffOptions{IgnoreSubscriptions: true, Ignore: tooBigs}); len(lines) > 0 {
		return fmt.Errorf("%s differs: %s", user, strings.Join(lines, "; "))
	}
	return nil
}
