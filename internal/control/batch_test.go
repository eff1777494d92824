package control

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func (w *world) create(spec BatchSpec, csv string) (BatchCreated, error) {
	if spec.Source == "" {
		spec.Source, spec.Target = "old", "new"
	}
	return w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(csv))
}

func TestABatchIsNamedAfterItsFile(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	created, err := w.create(BatchSpec{FileOptions: FileOptions{FileName: `C:\mail\Büro Nord (1).CSV`}}, rows(3))
	if err != nil || created.Batch.Name != "B-ro-Nord-1" || created.Batch.State != "Created" || created.File.Mailboxes != 3 {
		t.Fatalf("%+v %v", created.Batch, err)
	}
	if b := created.Batch; b.IntervalSeconds != 86400 || b.ReportIntervalSeconds != 86400 || b.Counts.Total != 3 || b.CreatedBy != "olga" {
		t.Errorf("%+v", b)
	}
	_, err = w.create(BatchSpec{Name: "b-RO-nord-1"}, rows(3))
	wants(t, err, Conflict, "name-taken", "The migration batch already exists.")
}

func TestNamesOfFilesBecomeNamesOfBatches(t *testing.T) {
	for file, name := range map[string]string{
		"pilot.csv": "pilot", "/tmp/pilot.txt": "pilot", "a b.csv": "a-b", "..csv": "", ".csv": "csv", "ä.csv": "", "x.csv.csv": "x.csv",
		strings.Repeat("long", 40) + ".csv": strings.Repeat("long", 16), "-x-.csv": "x",
	} {
		if got := nameOfFile(file); got != name {
			t.Errorf("%q becomes %q and not %q", file, got, name)
		}
	}
}

func TestTheCountIsShownBeforeAnythingIsMade(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	before := len(w.log())
	created, err := w.create(BatchSpec{Name: "pilot", FileOptions: FileOptions{CheckOnly: true}}, rows(5)+"broken,x,y,z\n")
	if err != nil || created.Batch != nil || created.File.Rows != 6 || created.File.Mailboxes != 5 || created.File.Errors != 1 {
		t.Fatalf("%+v %+v %v", created.Batch, created.File, err)
	}
	if list, _ := w.Batches(w.ctx(), w.viewer); len(list) != 0 || len(w.log()) != before {
		t.Error("something was made")
	}
}

func TestBadRowsAreLeftOutOnlyWhenAsked(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	file := rows(2) + "broken,x,y,z\n"
	created, err := w.create(BatchSpec{Name: "pilot"}, file)
	wants(t, err, Invalid, "migration-file", "row 4")
	if created.Batch != nil || created.File == nil || created.File.Errors != 1 {
		t.Errorf("%+v", created)
	}
	created, err = w.create(BatchSpec{Name: "pilot", FileOptions: FileOptions{SkipBad: true}}, file)
	if err != nil || created.Batch.Counts.Total != 2 {
		t.Errorf("%+v %v", created.Batch, err)
	}
	_, err = w.create(BatchSpec{Name: "other", FileOptions: FileOptions{SkipBad: true}}, "")
	wants(t, err, Invalid, "migration-file", "Upload file can't be empty")
	_, err = w.create(BatchSpec{Name: "other", FileOptions: FileOptions{SkipBad: true}}, csvHeader+"broken,x,y,z\n")
	wants(t, err, Invalid, "migration-file", "no row that can be used")
}

func TestAMailboxIsInOneActiveBatchOnly(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	_, err := w.create(BatchSpec{Name: "again"}, strings.ReplaceAll(rows(1), "u0@", "U0@"))
	wants(t, err, Invalid, "migration-file", "pilot")
	created, err := w.create(BatchSpec{Name: "again", FileOptions: FileOptions{CheckOnly: true}}, rows(2))
	if err != nil || created.File.Warnings != 1 {
		t.Errorf("the same file again: %+v %v", created.File, err)
	}
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) { m.Facts.Phase = migration.Closed })
	if _, err := w.create(BatchSpec{Name: "again"}, rows(1)); err != nil {
		t.Errorf("one that had its final pass: %v", err)
	}
}

// One credential of the source opens every mailbox: the file holds addresses alone,
// and a password in it is told to be of no use.
func TestAnAdministratorsSourceNeedsAddressesOnly(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	spec := EndpointSpec{Name: "all", Host: "imap.example.org", Login: string(migration.LoginMaster), AdminUser: "root", AdminPassword: sourceCanary}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Fatal(err)
	}
	created, err := w.create(BatchSpec{Name: "pilot", Source: "all", Target: "new", FileOptions: FileOptions{TargetPassword: targetCanary}}, "EmailAddress\nu0@example.org\n")
	if err != nil || created.File.Warnings != 0 || created.File.Notes != 1 {
		t.Fatalf("%+v %v", created.File, err)
	}
	if _, _, m := w.record("pilot", "u0@example.org"); m.SourceUser != "u0@example.org" {
		t.Errorf("it is opened as %q", m.SourceUser)
	}
	created, err = w.create(BatchSpec{Name: "second", Source: "all", Target: "new", FileOptions: FileOptions{TargetPassword: targetCanary, CheckOnly: true}}, "EmailAddress,UserName,Password\nu1@example.org,u1,x\n")
	if err != nil || created.File.Warnings != 1 || created.File.Problems[0].Code != migration.CSVUnusedPassword {
		t.Errorf("%+v %v", created.File, err)
	}
}

func TestTheTargetNeedsAPassword(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	file := "EmailAddress,UserName,Password\nu0@example.org,u0," + sourceCanary + "\n"
	_, err := w.create(BatchSpec{Name: "pilot"}, file)
	wants(t, err, Invalid, "migration-file", "csv-no-target-password")
	if _, err := w.create(BatchSpec{Name: "pilot", FileOptions: FileOptions{TargetPassword: targetCanary}}, file); err != nil {
		t.Fatal(err)
	}
	e, b, m := w.record("pilot", "u0@example.org")
	if account, err := OpenAccount(w.keys, e.target, b, m, TargetSide); err != nil || account.Password.Reveal() != targetCanary {
		t.Errorf("the batch's password does not open: %v", err)
	}
}

func TestEveryMistakeOfABatchIsNamedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	now := time.Now()
	bad := BatchSpec{Name: strings.Repeat("x", 65), Source: "nowhere", Target: "new", Exclude: []string{"#Nothing#"}, Include: []string{""},
		Notify: []string{"a@b", "Anna <a@example.org>", "a@example.org\r\nBcc: x@example.org"}, IntervalSeconds: ptr(int64(299)), ReportIntervalSeconds: ptr(int64(1)),
		StartAfter: ptr(now), CompleteAfter: ptr(now.Add(-time.Hour)), ReceivedFrom: ptr(now.Add(time.Hour)), ReceivedBefore: ptr(now), Labels: "all"}
	_, err := w.create(bad, rows(1))
	p := ProblemOf(err)
	if p == nil || p.Kind != Invalid {
		t.Fatal(err)
	}
	var fields []string
	for _, f := range p.Fields {
		fields = append(fields, f.Name)
	}
	slices.Sort(fields)
	want := "completeAfter completeAfter exclude include intervalSeconds labels name notify notify receivedBefore receivedFrom reportIntervalSeconds source"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRowsThatABatchHasAreLeftAsTheyAre(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	_, _, before := w.record("pilot", "u0@example.org")
	added, err := w.AddRows(w.ctx(), w.operator, "pilot", strings.NewReader(strings.ReplaceAll(rows(5), sourceCanary, "another")), FileOptions{CheckOnly: true})
	if err != nil || added.Added != 3 || added.Known != 2 {
		t.Fatalf("%+v %v", added, err)
	}
	added, err = w.AddRows(w.ctx(), w.operator, "pilot", strings.NewReader(strings.ReplaceAll(rows(5), sourceCanary, "another")), FileOptions{})
	if err != nil || added.Added != 3 || added.Known != 2 || added.File.Mailboxes != 5 {
		t.Fatalf("%+v %v", added, err)
	}
	_, _, after := w.record("pilot", "u0@example.org")
	if !bytes.Equal(before.SourceSecret, after.SourceSecret) || before.Version != after.Version {
		t.Error("a known row was changed")
	}
	e, b, m := w.record("pilot", "u4@example.org")
	if account, err := OpenAccount(w.keys, e.source, b, m, SourceSide); err != nil || account.Password.Reveal() != "another" {
		t.Errorf("a new row: %v", err)
	}
	if added, err = w.AddRows(w.ctx(), w.operator, "pilot", strings.NewReader(rows(5)), FileOptions{}); err != nil || added.Added != 0 || added.Known != 5 {
		t.Errorf("once more: %+v %v", added, err)
	}
	_, err = w.AddRows(w.ctx(), w.operator, "nowhere", strings.NewReader(rows(5)), FileOptions{})
	wants(t, err, NotFound, "not-found", "nowhere")
}

func TestALifeOfABatch(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	step := func(ask func() (Batch, error), state string) {
		t.Helper()
		for range 2 { // asking twice does no harm
			if b, err := ask(); err != nil || b.State != state {
				t.Fatalf("%s instead of %s: %v", b.State, state, err)
			}
		}
	}
	verb := func(f func(*Service) func() (Batch, error)) func() (Batch, error) { return f(w.Service) }
	start := verb(func(s *Service) func() (Batch, error) {
		return func() (Batch, error) { return s.StartBatch(w.ctx(), w.operator, "pilot") }
	})
	stop := verb(func(s *Service) func() (Batch, error) {
		return func() (Batch, error) { return s.StopBatch(w.ctx(), w.operator, "pilot") }
	})
	complete := verb(func(s *Service) func() (Batch, error) {
		return func() (Batch, error) { return s.CompleteBatch(w.ctx(), w.operator, "pilot") }
	})
	remove := func() (Batch, error) { return w.DeleteBatch(w.ctx(), w.operator, "pilot", false) }

	_, err := stop()
	wants(t, err, Refused, "refused", "not started yet")
	_, err = complete()
	wants(t, err, Refused, "refused", "not started yet")
	step(start, "Starting")
	if _, _, m := w.record("pilot", "u0@example.org"); m.Due.IsZero() {
		t.Error("nothing is due")
	}
	step(stop, "Stopped")
	step(start, "Starting")
	_, err = complete()
	wants(t, err, Refused, "refused", "Synced")
	w.synced("pilot", 2)
	if state := w.state("pilot"); state != "Synced" {
		t.Fatal(state)
	}
	if b, err := w.SyncBatch(w.ctx(), w.operator, "pilot"); err != nil || b.State != "Synced" {
		t.Fatal(b.State, err)
	}
	step(complete, "Completing")
	step(start, "Completing")
	_, err = w.AddRows(w.ctx(), w.operator, "pilot", strings.NewReader(rows(5)), FileOptions{})
	wants(t, err, Refused, "refused", "new batch")
	for i := range 2 {
		w.edit("pilot", fmt.Sprintf("u%d@example.org", i), func(m *migration.MailboxRecord) { m.Facts.Phase = migration.Closed })
	}
	if state := w.state("pilot"); state != "Completed" {
		t.Fatal(state)
	}
	step(complete, "Completed")
	_, err = start()
	wants(t, err, Refused, "refused", "nothing left to start")
	step(remove, "Removing")
	_, err = start()
	wants(t, err, Refused, "refused", "being removed")
	if w.woken == 0 {
		t.Error("the scheduler was not woken")
	}
}

func TestABatchIsCompletedOnlyWithItsFindingsApproved(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 2)
	if _, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil {
		t.Fatal(err)
	}
	w.synced("pilot", 2)
	w.finding("pilot", "u0@example.org", "too big")
	if b, _ := w.Batch(w.ctx(), w.viewer, "pilot"); b.State != "SyncedWithErrors" || b.Figures.Score != "Investigate" || b.Figures.Skipped != 1 || b.Figures.Messages != 200 {
		t.Errorf("%s %+v", b.State, b.Figures)
	}
	_, err := w.CompleteBatch(w.ctx(), w.operator, "pilot")
	wants(t, err, Refused, "needs-approval", "1 mailbox has messages")
	if _, err := w.ApproveBatch(w.ctx(), w.operator, "pilot", "told her"); err != nil {
		t.Fatal(err)
	}
	page, err := w.Findings(w.ctx(), w.operator, "pilot", "u0@example.org", Page{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ApprovedBy != "olga" {
		t.Errorf("%+v %v", page, err)
	}
	if b, err := w.CompleteBatch(w.ctx(), w.operator, "pilot"); err != nil || b.State != "Completing" {
		t.Errorf("%s %v", b.State, err)
	}
}

// finding leaves a message of a mailbox out, as a pass would.
func (w *world) finding(batch, address, subject string) {
	w.t.Helper()
	_, _, m := w.record(batch, address)
	err := w.db.Change(w.ctx(), "finding", func(tx *store.Tx) error {
		_, err := tx.SaveFindings(m.ID, []migration.FindingRecord{{Mailbox: m.ID, Lost: true,
			Finding: migration.Finding{Code: migration.CodeTooLarge, Folder: "INBOX", UID: 7, Subject: subject, Reason: "it is too big"}}})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.edit(batch, address, func(m *migration.MailboxRecord) { m.Facts.Skipped = 1 })
}

func TestAStartTimeIsWaitedForUnlessStartedAgain(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	created, err := w.create(BatchSpec{Name: "pilot", AutoStart: true, StartAfter: ptr(time.Now().Add(time.Hour))}, rows(1))
	if err != nil || created.Batch.State != "Waiting" {
		t.Fatalf("%+v %v", created.Batch, err)
	}
	if b, err := w.StartBatch(w.ctx(), w.operator, "pilot"); err != nil || b.State != "Starting" || !b.StartAfter.IsZero() {
		t.Errorf("%s %v", b.State, err)
	}
}

func TestABatchIsEdited(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	b := w.batch("pilot", 1)
	at := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	b, err := w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{Notify: ptr([]string{"a@example.org"}), CompleteAfter: &at, IntervalSeconds: ptr(int64(300)), ReportIntervalSeconds: ptr(int64(0))}, b.Version)
	if err != nil || !b.CompleteAfter.Equal(at) || b.IntervalSeconds != 300 || b.ReportIntervalSeconds != 0 || len(b.Notify) != 1 {
		t.Fatalf("%+v %v", b, err)
	}
	w.synced("pilot", 1)
	w.edit("pilot", "u0@example.org", func(m *migration.MailboxRecord) { m.Due = time.Now().Add(20 * time.Hour) })
	if b, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{IntervalSeconds: ptr(int64(900))}, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, m := w.record("pilot", "u0@example.org"); m.Due.Before(time.Now().Add(19 * time.Hour)) {
		t.Errorf("a longer interval brings the next pass forward to %v", m.Due)
	}
	if b, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{IntervalSeconds: ptr(int64(300))}, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, m := w.record("pilot", "u0@example.org"); m.Due.After(time.Now().Add(5 * time.Minute)) {
		t.Errorf("with passes every five minutes the next is at %v", m.Due)
	}
	_, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{IntervalSeconds: ptr(int64(600))}, b.Version-1)
	wants(t, err, Changed, "changed", "meanwhile")
	if b, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{CompleteAfter: &time.Time{}}, 0); err != nil || !b.CompleteAfter.IsZero() {
		t.Errorf("%+v %v", b, err)
	}
	past := time.Now().Add(-time.Minute)
	_, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{CompleteAfter: &past}, 0)
	wants(t, err, Invalid, "invalid", "is past")
	_, err = w.SetBatch(w.ctx(), w.operator, "pilot", BatchPatch{IntervalSeconds: ptr(int64(1))}, 0)
	wants(t, err, Invalid, "invalid", "5 minutes")
}

// TestADeletedBatchLeavesNoPassword is S7, for what control wipes.
func TestADeletedBatchLeavesNoPassword(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 50)
	_, b, m := w.record("pilot", "u7@example.org")
	sealed := [][]byte{b.Key, m.SourceSecret, m.TargetSecret}
	if !w.onDisk(sealed[1]) {
		t.Fatal("the scan finds nothing at all")
	}
	if _, err := w.DeleteBatch(w.ctx(), w.operator, "pilot", true); err != nil {
		t.Fatal(err)
	}
	_, b, m = w.record("pilot", "u7@example.org")
	if len(b.Key)+len(m.SourceSecret)+len(m.TargetSecret) > 0 || !b.Options.Forget {
		t.Errorf("%+v", b)
	}
	for i, trace := range append(sealed, []byte(sourceCanary), []byte(targetCanary), []byte(peopleCanary)) {
		if w.onDisk(trace) {
			t.Errorf("trace %d is on the disk", i)
		}
	}
}

// onDisk looks for bytes in the database's files.
func (w *world) onDisk(trace []byte) bool {
	w.t.Helper()
	found := false
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(w.path + suffix)
		if err != nil && suffix == "" {
			w.t.Fatal(err)
		}
		found = found || bytes.Contains(content, trace)
	}
	return found
}

func TestRulesAreTriedAtTheSource(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	hits, err := w.PreviewFolders(w.ctx(), w.operator, "pilot", "u0@example.org", FolderRules{Exclude: []string{"INBOX"}})
	if err != nil || len(hits) != 1 || hits[0].Taken {
		t.Errorf("%+v %v", hits, err)
	}
	if asked := w.source.asked[0]; asked.User != "u0" || asked.Password.Reveal() != sourceCanary {
		t.Errorf("asked for %q", asked.User)
	}
	_, err = w.PreviewFolders(w.ctx(), w.operator, "pilot", "u0@example.org", FolderRules{Exclude: []string{"#x#"}})
	wants(t, err, Invalid, "invalid", "well-known")
}

func TestRulesAreTriedBeforeThereIsABatch(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	spec := PreviewSpec{Source: "old", User: "anna", Password: sourceCanary, FolderRules: FolderRules{Exclude: []string{"INBOX"}}}
	hits, err := w.PreviewSource(w.ctx(), w.operator, spec)
	if err != nil || len(hits) != 1 || hits[0].Taken {
		t.Fatalf("%+v %v", hits, err)
	}
	if asked := w.source.asked[0]; asked.User != "anna" || asked.Password.Reveal() != sourceCanary || asked.Endpoint.Host == "" {
		t.Errorf("asked for %q at %q", asked.User, asked.Endpoint.Host)
	}
	if log := w.log(); log[len(log)-1] != "olga batch.preview endpoint/old" {
		t.Errorf("the audit log ends with %q", log[len(log)-1])
	}
	for name, wrong := range map[string]PreviewSpec{
		"source": {Source: "none", User: "anna", Password: sourceCanary}, "user": {Source: "old", Password: sourceCanary},
		"password": {Source: "old", User: "anna"}, "labels": {Source: "old", User: "anna", Password: sourceCanary, Labels: "x"},
		"userRoot": {Source: "old", User: "anna", Password: sourceCanary, UserRoot: "/../x"},
	} {
		before := len(w.log())
		err := w.JudgePreview(w.ctx(), w.operator, wrong)
		wants(t, err, Invalid, "invalid", "")
		if p := ProblemOf(err); p == nil || len(p.Fields) != 1 || p.Fields[0].Name != name {
			t.Errorf("%s: %+v", name, p)
		}
		if _, err := w.PreviewSource(w.ctx(), w.operator, wrong); err == nil || len(w.log()) != before || len(w.source.asked) != 1 {
			t.Errorf("%s: the source was asked: %v", name, err)
		}
	}
}

func TestAnAdministratorsSourceIsLookedIntoWithoutAPassword(t *testing.T) {
	w := newWorld(t)
	spec := EndpointSpec{Name: "all", Host: "imap.example.org", Login: string(migration.LoginMaster), AdminUser: "root", AdminPassword: sourceCanary}
	if _, err := w.CreateEndpoint(w.ctx(), w.admin, spec, true); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PreviewSource(w.ctx(), w.operator, PreviewSpec{Source: "all", User: "anna*root"}); err != nil {
		t.Fatal(err)
	}
	if asked := w.source.asked[0]; asked.User != "anna" || asked.Password.Reveal() != sourceCanary {
		t.Errorf("asked for %q", asked.User)
	}
	_, err := w.PreviewSource(w.ctx(), w.operator, PreviewSpec{Source: "all", User: "anna*other"})
	wants(t, err, Invalid, "invalid", "")
}

// A file is looked at first, and the endpoints are chosen afterwards.
func TestAFileIsLookedAtBeforeTheEndpointsAreChosen(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	w.batch("pilot", 1)
	check := func(spec BatchSpec, file string) *FileSummary {
		t.Helper()
		spec.CheckOnly, spec.FileName = true, "pilot.csv"
		created, err := w.CreateBatch(w.ctx(), w.operator, spec, strings.NewReader(file))
		if err != nil || created.Batch != nil {
			t.Fatalf("%+v %v", created.Batch, err)
		}
		return created.File
	}
	const head = "EmailAddress,UserName,Password\n"
	if f := check(BatchSpec{}, head+"anna@example.org,anna@example.org,p\nben@example.org,ben,\n"); f.Mailboxes != 1 || f.Errors != 1 || f.Problems[0].Code != migration.CSVNoPassword {
		t.Errorf("%+v", f)
	}
	if f := check(BatchSpec{}, "EmailAddress\nanna@example.org\n"); f.Mailboxes != 1 || f.Errors != 0 {
		t.Errorf("addresses alone: %+v", f)
	}
	if f := check(BatchSpec{}, head+"u0@example.org,x,p\n"); f.Errors != 1 || f.Problems[0].Code != migration.CSVInUse {
		t.Errorf("a mailbox of another batch: %+v", f)
	}
	_, taken := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "rest", Source: "old", Target: "new"}, strings.NewReader(head+"u0@example.org,x,p\n"))
	wants(t, taken, Invalid, "migration-file", "mailhaul batch add BATCH FILE")
	if f := check(BatchSpec{Source: "old"}, head+"anna@example.org,anna,p\n"); f.Mailboxes != 1 {
		t.Errorf("no target yet: %+v", f)
	}
	_, err := w.CreateBatch(w.ctx(), w.operator, BatchSpec{Name: "x"}, strings.NewReader(head+"anna@example.org,anna,p\n"))
	wants(t, err, Invalid, "invalid", "")
}

func TestAMailboxHasOneOwnerWhateverItsAddressIs(t *testing.T) {
	w := newWorld(t)
	w.endpoints()
	const head = "EmailAddress,UserName,Password,TargetUserName,TargetPassword\n"
	if _, err := w.create(BatchSpec{Name: "first"}, head+"anna@example.org,anna,p,anna@new.example,q\n"); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]string{
		"the same address": "Anna@example.org,berta,p,berta@new.example,q\n",
		"the same source":  "berta@example.org,ANNA,p,berta@new.example,q\n",
		"the same target":  "berta@example.org,berta,p,Anna@new.example,q\n",
	} {
		_, err := w.create(BatchSpec{Name: "second"}, head+row)
		wants(t, err, Invalid, "migration-file", "first")
		if name != "the same address" {
			_, err = w.AddRows(w.ctx(), w.operator, "first", strings.NewReader(head+row), FileOptions{})
			wants(t, err, Invalid, "migration-file", "first")
		}
	}
	added, err := w.AddRows(w.ctx(), w.operator, "first", strings.NewReader(head+"anna@example.org,anna,p,anna@new.example,q\nberta@example.org,berta,p,berta@new.example,q\n"), FileOptions{})
	if err != nil || added.Added != 1 || added.Known != 1 {
		t.Errorf("%+v %v", added, err)
	}
}
