package control

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func (w *world) write(change func(*store.Tx) error) {
	w.t.Helper()
	if err := w.db.Change(w.ctx(), "testing", change); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheDashboardCountsEachMailboxOnce(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 3)
	w.synced("pilot", 1)
	w.edit("pilot", "u1@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Running, m.Facts.Begun = migration.InitialPass, true
		m.Progress.BytesPerSecond, m.Progress.MessagesPerSecond = 1000, 2.5
	})
	w.write(func(tx *store.Tx) error { return tx.Beat(migration.Node{Name: "a"}) })
	d, err := w.Dashboard(w.ctx(), w.viewer)
	if err != nil || d.Counts.Total != 3 || d.Counts.Synced != 1 || d.Counts.Syncing != 1 || d.Counts.Queued != 1 || d.Counts.States["Syncing"] != 1 || d.BytesPerSecond != 1000 || d.MessagesPerSecond != 2.5 || d.Nodes != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if b, err := w.Batch(w.ctx(), w.viewer, "pilot"); err != nil || len(d.Batches) != 1 || fmt.Sprintf("%+v %+v", d.Batches[0].States, *d.Batches[0].Figures) != fmt.Sprintf("%+v %+v", b.States, *b.Figures) {
		t.Errorf("the batch is %+v there, and %+v alone", d.Batches, b)
	}
	counts := DashboardCounts{States: map[string]int{}}
	for _, state := range migration.MailboxStates() {
		counts.add(state, 1)
	}
	if sum := counts.Queued + counts.Syncing + counts.Synced + counts.Completed + counts.Failed + counts.Stopped + counts.Removing; sum != counts.Total || sum != len(migration.MailboxStates()) {
		t.Errorf("%+v", counts)
	}
}

func TestTheHistoryOfABatchIsItsOwnWithoutAddressesOfClients(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	for _, act := range []func() error{
		func() error { _, err := w.DeleteBatch(w.ctx(), w.operator, "pilot", false); return err },
		func() error {
			w.write(func(tx *store.Tx) error { b, err := tx.Batch("pilot"); must(t, err); return tx.DeleteBatch(b.ID) })
			w.batch("pilot", 2)
			return nil
		},
		func() error {
			_, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "pilot-2", Source: "old", Target: "new"}, strings.NewReader(rowsOf("v", 1)))
			return err
		},
		func() error { _, err := w.StartBatch(w.ctx(), w.operator, "PILOT"); return err },
		func() error { _, err := w.StopMailbox(w.ctx(), w.admin, "Pilot", "u1@example.org"); return err },
	} {
		must(t, act())
	}
	var lines []string
	query := Page{Limit: 2}
	for {
		page, err := w.History(w.ctx(), w.viewer, "pilot", query)
		must(t, err)
		for _, r := range page.Items {
			lines = append(lines, r.Actor+" "+r.Action+" "+r.Object)
			if r.At.IsZero() || r.ID == "" {
				t.Errorf("%+v", r)
			}
		}
		text, _ := json.Marshal(page)
		if strings.Contains(string(text), "192.0.2.1") {
			t.Errorf("it tells from where: %s", text)
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			break
		}
	}
	want := []string{"ada mailbox.stop mailbox/pilot/u1@example.org", "olga batch.start batch/pilot", "olga batch.create batch/pilot"}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %v\nwant %v", lines, want)
	}
	page, err := w.History(w.ctx(), w.viewer, "pilot", Page{})
	if err != nil || fmt.Sprint(page.Items[1].Detail["mailboxes"]) != "2" {
		t.Errorf("%+v, %v", page, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestThroughputIsThinnedAndMissingMinutesAreNothing(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	b := w.batch("pilot", 1)
	var id int64
	w.write(func(tx *store.Tx) error {
		record, err := tx.Batch(b.Name)
		must(t, err)
		id = record.ID
		now := migration.MinuteOf(tx.Now())
		for _, c := range []struct{ batch, ago, messages int64 }{{id, 0, 1}, {id, 3, 10}, {id, 5, 100}, {id + 7, 5, 1000}, {id, 60, 10_000}} {
			if _, err := tx.SQL().ExecContext(w.ctx(), "INSERT INTO throughput (batch, minute, messages, bytes) VALUES (?, ?, ?, ?)", c.batch, now-c.ago, c.messages, c.messages*10); err != nil {
				return err
			}
		}
		return nil
	})
	now := time.Now()
	for name, c := range map[string]struct {
		query  ThroughputQuery
		step   int64
		points int
		sum    int64
	}{
		"by the minute": {ThroughputQuery{Batch: "pilot", From: now.Add(-9 * time.Minute), Points: 10}, 60, 10, 111},
		"all batches":   {ThroughputQuery{From: now.Add(-9 * time.Minute), Points: 10}, 60, 10, 1111},
		"thinned":       {ThroughputQuery{Batch: "pilot", From: now.Add(-9 * time.Minute), Points: 3}, 240, 3, 111},
		"one point":     {ThroughputQuery{Batch: "pilot", From: now.Add(-90 * time.Minute), Points: 1}, 91 * 60, 1, 10_111},
		"a day":         {ThroughputQuery{Batch: "pilot"}, 13 * 60, 111, 10_111},
		"all there is":  {ThroughputQuery{Batch: "pilot", From: now.Add(-365 * 24 * time.Hour)}, 361 * 60, 120, 10_111},
		"the past":      {ThroughputQuery{Batch: "pilot", From: now.Add(-61 * time.Minute), To: now.Add(-30 * time.Minute)}, 60, 32, 10_000},
		"long ago":      {ThroughputQuery{From: now.Add(-90 * 24 * time.Hour), To: now.Add(-80 * 24 * time.Hour)}, 60, 0, 0},
	} {
		got, err := w.Throughput(w.ctx(), w.viewer, c.query)
		sum, bytes := int64(0), int64(0)
		for i, p := range got.Points {
			sum, bytes = sum+p.Messages, bytes+p.Bytes
			if i > 0 && p.At.Sub(got.Points[i-1].At) != time.Duration(got.StepSeconds)*time.Second {
				t.Errorf("%s: %v after %v", name, p.At, got.Points[i-1].At)
			}
		}
		if err != nil || got.StepSeconds != c.step || len(got.Points) != c.points || sum != c.sum || bytes != 10*sum {
			t.Errorf("%s: %d points of %d s with %d messages, %v", name, len(got.Points), got.StepSeconds, sum, err)
		}
	}
	_, err := w.Throughput(w.ctx(), w.viewer, ThroughputQuery{From: now, To: now.Add(-time.Hour), Points: 5000})
	wants(t, err, Invalid, "invalid", "points must be from 1 to 2000; from must be before to")
	_, err = w.Throughput(w.ctx(), w.viewer, ThroughputQuery{Batch: "nothing"})
	wants(t, err, NotFound, "not-found", "nothing")
}

func TestAnEstimateGoesByTheBatchAndItsEndpoints(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 8)
	estimate := func(q EstimateQuery) migration.Estimate {
		t.Helper()
		e, err := w.Estimate(w.ctx(), w.viewer, "pilot", q)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := estimate(EstimateQuery{}); e.Enough || e.Mailboxes != 8 || e.Note == "" {
		t.Errorf("%+v", e)
	}
	began := time.Now().Add(-time.Hour)
	for i := range 6 {
		w.edit("pilot", fmt.Sprintf("u%d@example.org", i), func(m *migration.MailboxRecord) {
			m.Facts.Phase, m.InitialWorked, m.InitialMessages, m.InitialBytes = migration.Incremental, 100*time.Second, 1000, 1e8
			m.Started, m.InitialDone, m.Stalled = began, began.Add(100*time.Second), 10*time.Second
		})
	}
	w.edit("pilot", "u7@example.org", func(m *migration.MailboxRecord) { m.InitialWorked = time.Hour }) // not done yet
	if _, err := w.SetEndpoint(w.ctx(), w.admin, "new", EndpointPatch{Migrations: ptr(5), Incremental: ptr(5)}, 0, true); err != nil {
		t.Fatal(err)
	}
	e := estimate(EstimateQuery{Mailboxes: 50})
	if !e.Enough || e.Measured != 6 || e.AtATime != 5 || e.Seconds != 1000 || e.BytesPerSecondPerMailbox != 1e6 || e.MessagesPerMailbox != 1000 ||
		e.AtATimeMeasured != 6 || e.Connections != 20 || e.BytesPerSecondPerConnection != 250_000 || e.StalledSeconds != 60 || e.PausedSeconds != 0 || e.Bytes != 5e9 || e.BytesPerSecond != 5e6 {
		t.Errorf("%+v", e)
	}
	for name, c := range map[string]struct {
		query   EstimateQuery
		seconds int64
		limit   string
	}{
		"ten at a time":         {EstimateQuery{Mailboxes: 50, AtATime: 10}, 500, migration.LimitMailboxes},
		"a rate":                {EstimateQuery{Mailboxes: 50, Rate: 1e6}, 5000, migration.LimitRate},
		"more connections":      {EstimateQuery{Mailboxes: 50, Connections: 8}, 1000, migration.LimitMailboxes},
		"larger ones":           {EstimateQuery{Mailboxes: 50, Bytes: 10e9}, 2000, migration.LimitMailboxes},
		"ten of a known size":   {EstimateQuery{Sizes: slices.Repeat([]migration.MailboxSize{{Messages: 100, Bytes: 1e7}}, 10)}, 20, migration.LimitMailboxes},
		"one that takes longer": {EstimateQuery{Sizes: []migration.MailboxSize{{Messages: 10, Bytes: 1e6}, {Messages: 1e5, Bytes: 1e10}}}, 10_000, migration.LimitLargest},
	} {
		if e := estimate(c.query); e.Seconds < c.seconds-1 || e.Seconds > c.seconds+1 || e.Limit != c.limit || e.BytesPerSecondPerConnection != 250_000 {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if e := estimate(EstimateQuery{Mailboxes: 50, Within: 500}); e.MailboxesWithin != 20 || e.Batches != 3 {
		t.Errorf("%+v", e)
	}
	for field, q := range map[string]EstimateQuery{"mailboxes": {Mailboxes: -1}, "atATime": {AtATime: 1000}, "within": {Within: -5}, "sizes": {Sizes: []migration.MailboxSize{{Bytes: -1}}}, "preflight": {Preflight: true, Sizes: []migration.MailboxSize{{}}}} {
		_, err := w.Estimate(w.ctx(), w.viewer, "pilot", q)
		wants(t, err, Invalid, "invalid", field)
	}
	_, err := w.Estimate(w.ctx(), w.viewer, "pilot", EstimateQuery{Compare: "nothing"})
	wants(t, err, NotFound, "not-found", "nothing")
}

func TestAnEstimateGoesByTheSizesThatPreflightsHaveFound(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 3)
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Phase, m.InitialWorked, m.InitialMessages, m.InitialBytes = migration.Incremental, 100*time.Second, 1000, 1e8
	})
	_, err := w.Estimate(w.ctx(), w.viewer, "pilot", EstimateQuery{Preflight: true})
	wants(t, err, Refused, "sizes-unknown", "2 mailboxes")
	for i, bytes := range []int64{2e8, 3e8} {
		w.edit("pilot", fmt.Sprintf("u%d@example.org", i+1), func(m *migration.MailboxRecord) {
			m.Preflight = &migration.PreflightResult{OK: true, Messages: bytes / 1e5, Bytes: bytes}
		})
	}
	e, err := w.Estimate(w.ctx(), w.viewer, "pilot", EstimateQuery{Preflight: true, AtATime: 1})
	if err != nil || e.Sized != 3 || e.Bytes != 6e8 || e.Seconds != 600 {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestBatchesAreComparedWithTheHoursTheyRanAt(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	night := time.Date(2026, 3, 1, 1, 30, 0, 0, time.UTC)
	for name, began := range map[string]time.Time{"night": night, "later": night.Add(24*time.Hour + 20*time.Minute), "day": night.Add(9 * time.Hour)} {
		text := "EmailAddress,UserName,Password,TargetPassword\n"
		for i := range 2 {
			text += fmt.Sprintf("%s%d@example.org,%[1]s%[2]d,old-pass,new-pass\n", name, i)
		}
		if _, err := w.CreateBatch(w.ctx(), w.admin, BatchSpec{Name: name, Source: "old", Target: "new"}, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		worked := map[string]time.Duration{"night": time.Hour, "later": time.Hour, "day": 2 * time.Hour}[name]
		for i := range 2 {
			w.edit(name, fmt.Sprintf("%s%d@example.org", name, i), func(m *migration.MailboxRecord) {
				m.Facts.Phase, m.InitialWorked, m.InitialMessages, m.InitialBytes = migration.Incremental, worked, 1000, 1e8
				m.Started, m.InitialDone = began, began.Add(worked)
			})
		}
	}
	for other, want := range map[string]struct {
		similar bool
		ratio   float64
	}{"later": {true, 1}, "day": {false, 2}} {
		e, err := w.Estimate(w.ctx(), w.viewer, "night", EstimateQuery{Compare: other})
		if c := e.Comparison; err != nil || c == nil || c.SimilarHours != want.similar || c.RateRatio < want.ratio-0.01 || c.RateRatio > want.ratio+0.01 || c.Measured != 2 {
			t.Errorf("%s: %+v, %v", other, e.Comparison, err)
		}
	}
}

func TestAReportIsMailedToWhoIsNamedOrThoseOfTheBatch(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	if _, err := w.CreateBatch(w.ctx(), w.admin, BatchSpec{Name: "pilot", Source: "old", Target: "new", Notify: []string{"team@example.org"}}, strings.NewReader(rows(1))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ to, want []string }{{nil, []string{"ada@example.org", "team@example.org"}}, {[]string{"boss@example.org"}, []string{"boss@example.org"}}} {
		sent, err := w.SendReport(w.ctx(), w.operator, "pilot", ReportMail{To: c.to})
		if err != nil || !slices.Equal(sent.Recipients, c.want) {
			t.Errorf("%+v, %v", sent, err)
		}
	}
	if notices, err := w.Notices(w.ctx(), w.viewer, "pilot"); err != nil || len(notices) != 3 {
		t.Errorf("%+v, %v", notices, err)
	}
	_, err := w.SendReport(w.ctx(), w.operator, "pilot", ReportMail{To: []string{"no address"}})
	wants(t, err, Invalid, "invalid", "to")
	if _, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "olgas", Source: "old", Target: "new"}, strings.NewReader(rowsOf("o", 1))); err != nil {
		t.Fatal(err) // olga has no address
	}
	_, err = w.SendReport(w.ctx(), w.operator, "olgas", ReportMail{})
	wants(t, err, Invalid, "invalid", "nobody gets")
	w.report = func(Tx, migration.BatchRecord, []string) ([]migration.Notice, error) { return nil, nil }
	before := len(w.log())
	_, err = w.SendReport(w.ctx(), w.operator, "pilot", ReportMail{})
	wants(t, err, Refused, "no-mail-server", "no mail server")
	if len(w.log()) != before {
		t.Error("what was not sent is in the audit log")
	}
}

func TestFoldersAreThoseOfTheLedgerAndOfThePassUnderWay(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	folders := func() []MailboxFolder {
		t.Helper()
		all, err := w.Folders(w.ctx(), w.viewer, "pilot", "u0@example.org")
		must(t, err)
		return all
	}
	if all := folders(); all == nil || len(all) != 0 {
		t.Errorf("%v", all)
	}
	if w.ledgers.asked[0].User != "u0" || w.ledgers.asked[1].User != "u0@example.org" || w.ledgers.asked[0].Endpoint.Host != "imap.old.example" {
		t.Errorf("%+v", w.ledgers.asked)
	}
	w.ledgers.folders = []MailboxFolder{{"INBOX", "INBOX", 10, 9, 1, FolderDone}, {"Sent", "Sent Items", 5, 5, 0, FolderDone}, {"Old", "Old", 0, 2, 0, FolderBegun}}
	if all := folders(); !slices.Equal(all, w.ledgers.folders) {
		t.Errorf("%v", all)
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) {
		m.Facts.Running = migration.IncrementalPass
		m.Progress.PerFolder = []migration.FolderProgress{
			{Source: "INBOX", Target: "INBOX", Messages: migration.Counts{Source: 12, Copied: 1, Present: 9, Skipped: 1}},
			{Source: "Sent", Target: "Sent Items", Done: true},
			{Source: "New", Target: "New", Messages: migration.Counts{Source: 3}},
		}
	})
	want := []MailboxFolder{{"INBOX", "INBOX", 12, 10, 1, FolderCopying}, {"Sent", "Sent Items", 5, 5, 0, FolderDone}, {"Old", "Old", 0, 2, 0, FolderWaiting}, {"New", "New", 3, 0, 0, FolderWaiting}}
	if all := folders(); !slices.Equal(all, want) {
		t.Errorf("got  %v\nwant %v", all, want)
	}
}

func TestTranscriptsComeNewestFirst(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	_, _, m := w.record("pilot", "u0@example.org")
	if all, err := w.Transcripts(w.ctx(), w.operator, "pilot", "u0@example.org"); err != nil || all == nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for i := range 4 {
		transcript := migration.Transcript{At: time.Unix(int64(i+1), 0).UTC(), Took: 1500 * time.Millisecond, Kind: migration.InitialPass}
		transcript.Pack(fmt.Appendf(nil, "pass %d\n", i))
		w.write(func(tx *store.Tx) error { return tx.SaveTranscript(m.ID, transcript) })
	}
	all, err := w.Transcripts(w.ctx(), w.operator, "pilot", "u0@example.org")
	if err != nil || len(all) != 3 || all[0] != (Transcript{time.Unix(4, 0).UTC(), 1.5, "initial", "pass 3\n"}) || all[2].Text != "pass 1\n" {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestATestBatchTakesTheFirstRowsAndMoreAreAddedLater(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	file := rows(10)
	spec := BatchSpec{Name: "pilot", Source: "old", Target: "new", FileOptions: FileOptions{First: 3, CheckOnly: true}}
	checked, err := w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(file))
	if err != nil || checked.Batch != nil || checked.File.Mailboxes != 10 || checked.File.Taken != 3 {
		t.Errorf("%+v, %v", checked.File, err)
	}
	spec.CheckOnly = false
	made, err := w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(file))
	if err != nil || made.Batch.Counts.Total != 3 || made.File.Taken != 3 {
		t.Fatalf("%+v, %v", made, err)
	}
	for _, c := range []struct{ first, added, known int }{{4, 4, 3}, {0, 3, 7}, {5, 0, 10}} {
		added, err := w.AddRows(w.ctx(), w.operator, "pilot", strings.NewReader(file), FileOptions{First: c.first})
		if err != nil || added.Added != c.added || added.Known != c.known || added.File.Taken != c.added {
			t.Errorf("first %d: %+v %+v, %v", c.first, added, added.File, err)
		}
	}
	page, err := w.Mailboxes(w.ctx(), w.viewer, MailboxQuery{Batch: "pilot"})
	if err != nil || len(page.Items) != 10 || page.Items[0].Address != "u0@example.org" || page.Items[3].Address != "u3@example.org" {
		t.Errorf("%+v, %v", page.Items, err)
	}
	spec.Name, spec.First = "other", -1
	_, err = w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(file))
	wants(t, err, Invalid, "invalid", "first must not be negative")
}
