package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestVerifyFindsWhatAPersonMoved(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 6)
	both := []byte("Subject: in two folders\r\n\r\nx\r\n")
	for _, folder := range []string{"INBOX", "Work"} { // its copy in Work is no moved one
		b.from.Deliver(folder, both, time.Unix(2e9, 0))
	}
	execute(t, b.addressed("copy")...).want(t, exitDone)
	b.to.Create("Archive")
	uids := map[string]migration.UID{}
	for _, m := range b.to.Messages("INBOX") {
		uids[strings.Fields(string(m.Raw))[2]] = m.UID
	}
	if _, err := b.to.Move("INBOX", "Archive", uids["0"], uids["1"]); err != nil {
		t.Fatal(err)
	}
	if _, err := b.to.Move("INBOX", "Work", uids["2"]); err != nil {
		t.Fatal(err)
	}
	if err := b.to.Expunge("INBOX", uids["3"], uids["two"]); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--include", "INBOX"}} {
		got := execute(t, b.addressed("verify", more...)...)
		got.want(t, exitDifferences, `* INBOX uid 1: is now in "Archive", uid `, `* INBOX uid 2: is now in "Archive", uid `,
			`* INBOX uid 3: is now in "Work", uid 2`, "+ INBOX uid 4: ", "+ INBOX uid 7: ", "5 differences, 0 others")
		if strings.Count(got.err, "what to do about +: ") != 1 || strings.Count(got.err, "what to do about *: ") != 1 || strings.Contains(got.err, "about -") {
			t.Errorf("the legend is not once for each kind: %s", got.err)
		}
	}
}

func TestAMessageMovedOutAndBackIsFoundInItsFolder(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 2)
	b.to.Create("Elsewhere")
	execute(t, b.addressed("copy")...).want(t, exitDone)
	moved, err := b.to.Move("INBOX", "Elsewhere", 2)
	if err == nil {
		_, err = b.to.Move("Elsewhere", "INBOX", moved...)
	}
	if err != nil {
		t.Fatal(err)
	}
	execute(t, b.addressed("verify")...).want(t, exitDifferences, `is now in "INBOX", uid 3`, "1 difference, 0 others")
}

func TestVerifyToldAsJSONHasItsParts(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 2)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	if err := b.to.Expunge("INBOX", b.to.Messages("INBOX")[0].UID); err != nil {
		t.Fatal(err)
	}
	got := execute(t, b.addressed("verify", "--json")...)
	got.want(t, exitDifferences)
	var told struct{ Mailboxes []struct{ Lines []compared } }
	if err := json.Unmarshal([]byte(got.out), &told); err != nil || len(told.Mailboxes) != 1 || len(told.Mailboxes[0].Lines) != 1 {
		t.Fatalf("%v in %s", err, got.out)
	}
	if line := told.Mailboxes[0].Lines[0]; line.Symbol != "+" || line.Folder != "INBOX" || line.UID == 0 || line.Reason == "" || line.Remedy == "" {
		t.Errorf("%+v", line)
	}
	if strings.Contains(got.err, "what to do about") {
		t.Errorf("the legend is beside the JSON: %s", got.err)
	}
}

func TestVerifyTellsWhatWasNeverCopiedFromWhatIsGone(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 2)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	b.deliver("Work", 3)
	if err := b.to.Expunge("INBOX", 1); err != nil {
		t.Fatal(err)
	}
	execute(t, b.addressed("verify")...).want(t, exitDifferences, "what to do about +: Copy once more: what was never copied", "what to do about +: What was copied once",
		"+ Work: the folder with 3 messages is missing", "4 differences")
}

func TestManyDifferencesAlikeAreOneLine(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	b.deliver("INBOX", 30)
	execute(t, b.addressed("copy")...).want(t, exitDone)
	if err := b.to.Expunge("INBOX", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12); err != nil {
		t.Fatal(err)
	}
	folded := execute(t, b.addressed("verify")...)
	folded.want(t, exitDifferences, "(so are 11 more; --all-lines lists them)", "12 differences")
	if n := strings.Count(folded.out, "+ INBOX"); n != 1 {
		t.Errorf("%d lines:\n%s", n, folded.out)
	}
	if all := execute(t, b.addressed("verify", "--all-lines")...); strings.Count(all.out, "+ INBOX") != 12 || strings.Contains(all.out, "more;") {
		t.Errorf("not every line is there:\n%s", all.out)
	}
	var told struct{ Mailboxes []struct{ Lines []compared } }
	if err := json.Unmarshal([]byte(execute(t, b.addressed("verify", "--json")...).out), &told); err != nil || len(told.Mailboxes[0].Lines) != 12 {
		t.Errorf("%v, %+v", err, told)
	}
}

func TestVerifyOfSeveralMailboxesHasATotalAndKeepsTheirLinesTogether(t *testing.T) {
	b := newBench(t, imapfake.Options{}, imapfake.Options{})
	flags := b.fleet()
	for _, user := range []string{"first", "third"} {
		for _, folder := range []string{"A", "B", "C", "D"} {
			b.source.User(user + "@example.org").Create(folder)
			b.target.User(user + "@example.org").Create(folder)
		}
	}
	got := execute(t, append([]string{"verify"}, flags...)...)
	got.want(t, exitDifferences, "3 mailboxes: 10 folders, 0 messages equal (0 read byte by byte), 2 differences, 0 others")
	changes, last := 0, ""
	for line := range strings.Lines(got.out) {
		if words := strings.Fields(line); len(words) > 1 && strings.Contains("=+", words[0]) && words[1] != last {
			changes, last = changes+1, words[1]
		}
	}
	if changes != 2 {
		t.Errorf("the lines of mailboxes are mixed:\n%s", got.out)
	}
}
