package storetest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// records are the tests of the service's records.
var records = []suiteTest{
	{"changes at once or not at all", changesAtOnce},
	{"leaves a panic to its caller", leavesPanics},
	{"takes odd text", takesOddText},
	{"keeps endpoints", keepsEndpoints},
	{"keeps batches", keepsBatches},
	{"gives a name once", givesNameOnce},
	{"keeps mailboxes", keepsMailboxes},
	{"adds only new mailboxes", addsOnlyNew},
	{"pages through mailboxes", pagesThrough},
	{"derives states as the program does", derivesStates},
	{"sums up a batch", sumsUp},
	{"starts, tries and puts off", startsAndTries},
	{"brings passes forward", bringsForward},
	{"keeps findings and approvals", keepsFindings},
	{"hands out each notice once", handsOutNotices},
	{"keeps operators, sessions and tokens", keepsPeople},
	{"keeps second factors and recovery codes", keepsFactors},
	{"keeps settings, answers and nodes", keepsSettings},
	{"keeps what was copied by the minute", keepsCopied},
	{"keeps the last transcripts", keepsTranscripts},
	{"keeps watches of domains", keepsCutovers},
	{"keeps when passes began, by domain", findsMailboxesOfADomain},
	{"puts right when passes began that are dated ahead", redatesMailboxes},
	{"samples initial copies", samplesInitialCopies},
	{"finds what was done to a batch", findsAuditOfBatch},
	{"finds what was done to the audit log", findsAuditTampering},
	{"audits in one chain", auditsInOneChain},
	{"gives out what limits allow", givesOutWithinLimits},
	{"never exceeds limits with many dispatchers", neverExceedsLimits},
	{"takes turns by batch", takesTurns},
	{"lets neither class of passes block the other", classesAreApart},
	{"gives out only what may run", givesOutWhatMayRun},
	{"gives lost leases out again", reclaimsLost},
	{"begins a claim once", beginsOnce},
	{"tells whom to halt", tellsWhomToHalt},
	{"keeps a renewed lease", keepsRenewedLease},
	{"fences the ledger", fencesLedger},
}

func changesAtOnce(t *testing.T, open Open) {
	s, _ := open(t)
	own := errors.New("the caller's own")
	err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
		must(t, tx.SetSetting("a", "1"))
		if now, local := tx.Now(), time.Now(); now.Sub(local).Abs() > 5*time.Second || now.Nanosecond()%1000 != 0 {
			t.Errorf("time %v, here it is %v", now, local)
		}
		return own
	})
	if !errors.Is(err, own) || err.Error() != own.Error() {
		t.Fatalf("error %v, want the caller's own as it is", err)
	}
	if err := s.View(t.Context(), "testing", func(tx *store.Tx) error { return own }); !errors.Is(err, own) || err.Error() != own.Error() {
		t.Fatalf("error %v, want the caller's own as it is", err)
	}
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Setting("a")
		wantErr(t, err, store.ErrNotFound)
		return nil
	})
	change(t, s, func(tx *store.Tx) error { return tx.SetSetting("a", "2") })
}

func leavesPanics(t *testing.T, open Open) {
	s, _ := open(t)
	func() {
		defer func() {
			if p := recover(); p != "oops" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = s.Change(t.Context(), "testing", func(tx *store.Tx) error {
			must(t, tx.SetSetting("a", "1"))
			panic("oops")
		})
	}()
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Setting("a")
		wantErr(t, err, store.ErrNotFound)
		return nil
	})
	change(t, s, func(tx *store.Tx) error { return tx.SetSetting("a", "2") })
}

func takesOddText(t *testing.T, open Open) {
	s, _ := open(t)
	odd := "a\x00b\xffc'\"ä日\x1b"
	endpoint(t, s, "x", limits)
	change(t, s, func(tx *store.Tx) error {
		if err := tx.Audit([]byte("key"), odd, odd, odd, odd); err != nil {
			return err
		}
		if err := tx.Notify(store.Notice{Mark: "m", Subject: odd, Recipients: []string{odd}, Body: []byte(odd)}); err != nil {
			return err
		}
		e, err := tx.Endpoint("x")
		if err != nil {
			return err
		}
		e.Learned = &migration.Learned{Server: odd}
		return tx.SaveEndpoint(&e)
	})
	view(t, s, func(tx *store.Tx) error {
		if n, err := tx.VerifyAudit([]byte("key")); n != 1 || err != nil {
			t.Errorf("%d records, %v", n, err)
		}
		notices, err := tx.Notices(0, 10)
		if err != nil || len(notices) != 1 || string(notices[0].Body) != odd || !strings.Contains(notices[0].Subject, "ä日") {
			t.Errorf("notices %+v, %v", notices, err)
		}
		return nil
	})
	err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
		e, err := tx.Endpoint("x")
		must(t, err)
		e.Limits.MessagesPerSecond = 1 / (e.Limits.MessagesPerSecond * 0)
		return tx.SaveEndpoint(&e)
	})
	if err == nil || !strings.Contains(err.Error(), "stored") {
		t.Fatalf("a limit that is no number: %v", err)
	}
	endpoint(t, s, "y", limits)
}

func keepsEndpoints(t *testing.T, open Open) {
	s, reopen := open(t)
	want := migration.EndpointRecord{
		Name: "Büro-1", Endpoint: migration.Endpoint{Host: "imap.example.org", Port: 143, Security: migration.StartTLS, CA: []byte("pem"), Pin: "cGlu", MinTLS: 0x0304},
		Limits: migration.Limits{Migrations: 3, Incremental: 2, Connections: 1, BytesPerSecond: 1 << 40, MessagesPerSecond: 0.5, BytesPerDayDown: 1 << 41, BytesPerDayUp: 5},
		Kind:   migration.KindOffice365,
		Login:  migration.LoginMethod{Form: migration.LoginMaster, Admin: "admin", Separator: "%", App: migration.App{Tenant: "t", Client: "c"}}, AdminSecret: []byte{0, 1, 255}, CreatedBy: "anna",
		Learned:        &migration.Learned{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Server: "Dovecot", RoundTrip: time.Millisecond, Extensions: []string{"UIDPLUS"}},
		DefaultFolders: migration.DefaultFolders{"Sent": "Gesendete Elemente", "Archive": "Ablage/Alt"},
		Calibration: &migration.Calibration{At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Mailbox: "anna", Strength: migration.StrengthPlain,
			Measures: []migration.Measure{{Quality: migration.QualityDate, Verdict: migration.VerdictDiffers, Detail: "old: 1997 became 1970"}}},
	}
	change(t, s, func(tx *store.Tx) error { return tx.CreateEndpoint(&want) })
	if want.ID == 0 || want.Version != 1 || want.Created.IsZero() {
		t.Fatalf("created %+v", want)
	}
	err := s.Change(t.Context(), "testing", func(tx *store.Tx) error {
		return tx.CreateEndpoint(&migration.EndpointRecord{Name: "BÜRO-1"})
	})
	wantErr(t, err, store.ErrNameTaken)
	plain := endpoint(t, s, "alpha", limits)
	view(t, reopen(), func(tx *store.Tx) error {
		got, err := tx.Endpoint("büro-1")
		must(t, err)
		same(t, "endpoint", got, want)
		all, err := tx.Endpoints()
		must(t, err)
		same(t, "endpoints", all, []migration.EndpointRecord{plain, want})
		_, err = tx.EndpointByID(want.ID + 99)
		wantErr(t, err, store.ErrNotFound)
		return nil
	})
	stale := want
	want.Host, want.Learned, want.AdminSecret, want.Calibration, want.DefaultFolders = "other.example.org", nil, nil, nil, nil
	change(t, s, func(tx *store.Tx) error { e := want; return tx.SaveEndpoint(&e) })
	want.Version = 2
	view(t, s, func(tx *store.Tx) error {
		got, err := tx.EndpointByID(want.ID)
		same(t, "endpoint", got, want)
		return err
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveEndpoint(&stale) }), store.ErrChanged)
	batch(t, s, "pilot", want, plain, 1)
	err = s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.DeleteEndpoint(plain.ID) })
	if wantErr(t, err, store.ErrInUse); !strings.Contains(err.Error(), "pilot") {
		t.Fatalf("error %q does not name the batch", err)
	}
	other := endpoint(t, s, "free", limits)
	change(t, s, func(tx *store.Tx) error { return tx.DeleteEndpoint(other.ID) })
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.DeleteEndpoint(other.ID) }), store.ErrNotFound)
}

func keepsBatches(t *testing.T, open Open) {
	s, reopen := open(t)
	old, fresh := endpoint(t, s, "old", limits), endpoint(t, s, "new", limits)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	want := migration.BatchRecord{
		Name: "Pilot", Source: old.ID, Target: fresh.ID, Intent: migration.Hold, Key: []byte{1, 0}, Told: migration.BatchCreated, NextReport: at, CreatedBy: "anna",
		Options: migration.BatchOptions{Exclude: []string{"#Trash#"}, Include: []string{}, Notify: []string{"it@example.org"}, ReceivedFrom: at, Labels: migration.LabelsKeywords, StartAfter: at, CompleteAfter: at.Add(time.Hour),
			Interval: 24 * time.Hour, ReportInterval: time.Hour},
		Started: at, InitialDone: at, Completed: at,
	}
	change(t, s, func(tx *store.Tx) error { return tx.CreateBatch(&want, rows(450, "m")) })
	want.Counts.Total = 450
	view(t, reopen(), func(tx *store.Tx) error {
		got, err := tx.Batch("PILOT")
		same(t, "batch", got, want)
		return err
	})
	stale := want
	want.Intent, want.Key, want.Options.StartAfter = migration.Remove, nil, time.Time{}
	change(t, s, func(tx *store.Tx) error { b := want; return tx.SaveBatch(&b) })
	want.Version++
	same(t, "batch", batchOf(t, s, want.ID), want)
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveBatch(&stale) }), store.ErrChanged)
	empty := batch(t, s, "empty", old, fresh, 0)
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Batches()
		if len(all) != 2 || all[0].ID != empty.ID || all[0].Counts != (migration.BatchCounts{}) {
			t.Errorf("batches %+v", all)
		}
		names, namesErr := tx.BatchNames()
		if namesErr != nil || len(names) != 2 || names[want.ID] != "Pilot" || names[empty.ID] != "empty" {
			t.Errorf("names %v, %v", names, namesErr)
		}
		due, dueErr := tx.BatchesDue()
		if dueErr != nil || len(due) != 1 || due[0].ID != want.ID {
			t.Errorf("due %+v, %v", due, dueErr)
		}
		return err
	})
	change(t, s, func(tx *store.Tx) error { return tx.WipeSecrets(want.ID) })
	for _, m := range mailboxes(t, s, store.MailboxFilter{Batch: want.ID}) {
		if len(m.SourceSecret)+len(m.TargetSecret) != 0 {
			t.Fatal("a secret is left")
		}
	}
	change(t, s, func(tx *store.Tx) error { return tx.DeleteBatch(want.ID) })
	if left := mailboxes(t, s, store.MailboxFilter{}); len(left) != 0 {
		t.Fatalf("%d mailboxes of a deleted batch", len(left))
	}
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.DeleteBatch(want.ID) }), store.ErrNotFound)
}

// givesNameOnce has many create a batch of one name at once.
func givesNameOnce(t *testing.T, open Open) {
	s, _ := open(t)
	old, fresh := endpoint(t, s, "old", limits), endpoint(t, s, "new", limits)
	var all sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		all.Go(func() {
			b := migration.BatchRecord{Name: "pilot", Source: old.ID, Target: fresh.ID, Intent: migration.Hold}
			results[i] = s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.CreateBatch(&b, rows(3, "m")) })
		})
	}
	all.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
		} else if !errors.Is(err, store.ErrNameTaken) {
			t.Errorf("error %v, want ErrNameTaken", err)
		}
	}
	if made != 1 || len(mailboxes(t, s, store.MailboxFilter{})) != 3 {
		t.Errorf("made %d times", made)
	}
}

func keepsMailboxes(t *testing.T, open Open) {
	s, reopen := open(t)
	b := between(t, s, 3)
	all := mailboxes(t, s, store.MailboxFilter{Batch: b.ID})
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	want := all[1]
	want.SourceUser, want.TargetUser, want.UserRoot, want.SourceSecret, want.TargetSecret = "a", "b", "c", []byte{0}, nil
	want.Facts = migration.MailboxFacts{Batch: migration.Run, Intent: migration.Halt, Phase: migration.Incremental, Running: migration.FinalPass, Begun: true, Passes: 7,
		Failed: true, Skipped: 3, Approved: 2, Broken: true}
	want.Minor, want.Due, want.Trial, want.Retry, want.Faults = 4, at, true, true, 5
	want.Lease = migration.Lease{Node: "n1", Until: at, Generation: 9}
	want.Trouble = &migration.Trouble{At: at, Class: migration.Later, Code: "throttled", Reason: "r", Remedy: "s", Until: at}
	want.Progress = migration.MailboxProgress{At: at, Messages: 1, Waiting: "w", PerFolder: []migration.FolderProgress{{Source: "INBOX", Target: "INBOX"}}}
	want.Preflight = &migration.PreflightResult{At: at, Source: "ok", Target: "tls", Free: -1, Trouble: &migration.Trouble{Code: "tls"}}
	want.Since, want.Started, want.InitialDone, want.LastSynced, want.SyncedFrom = at, at, at, at, at.Add(time.Second)
	want.MadeUp, want.Unread = at.Add(time.Minute), migration.InboxUnread
	want.Waited, want.Worked, want.Stalled = time.Hour, time.Minute, time.Microsecond
	want.InitialWorked, want.InitialMessages, want.InitialBytes = time.Second, 6, 1<<41
	stale := want
	change(t, s, func(tx *store.Tx) error { m := want; return tx.SaveMailbox(&m) })
	want.Version++
	view(t, reopen(), func(tx *store.Tx) error {
		got, err := tx.Mailbox(b.ID, strings.ToUpper(want.Address))
		same(t, "mailbox", got, want)
		return err
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveMailbox(&stale) }), store.ErrChanged)
	change(t, s, func(tx *store.Tx) error { return tx.DeleteMailbox(want.ID) })
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.MailboxByID(want.ID); return err }), store.ErrNotFound)
}

func addsOnlyNew(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 3)
	more := append(rows(300, "more"), migration.MailboxRecord{Address: "PILOT00001@Example.ORG"})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.AddMailboxes(b, more) }), store.ErrNameTaken)
	if n := len(mailboxes(t, s, store.MailboxFilter{})); n != 3 {
		t.Fatalf("%d mailboxes, want 3", n)
	}
	change(t, s, func(tx *store.Tx) error { return tx.AddMailboxes(b, more[:300]) })
	other := batch(t, s, "other", migration.EndpointRecord{ID: b.Source}, migration.EndpointRecord{ID: b.Target}, 1)
	view(t, s, func(tx *store.Tx) error {
		addresses, err := tx.Addresses(b.ID)
		if len(addresses) != 303 || !slices.Contains(addresses, "more00299@example.org") {
			t.Errorf("%d addresses", len(addresses))
		}
		used := map[string]migration.MailboxInUse{}
		also := tx.InUse(func(m migration.MailboxInUse) { used[m.Address] = m })
		if one := used["other00000@example.org"]; len(used) != 304 || one.Batch != other.Name || one.Source != b.Source || one.Target != b.Target || used["pilot00000@example.org"].Batch != b.Name {
			t.Errorf("%d mailboxes in use, %+v", len(used), one)
		}
		return errors.Join(err, also)
	})
}

func pagesThrough(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 250)
	batch(t, s, "other", migration.EndpointRecord{ID: b.Source}, migration.EndpointRecord{ID: b.Target}, 50)
	all := mailboxes(t, s, store.MailboxFilter{Batch: b.ID})
	for _, m := range all[:100] {
		edit(t, s, m.ID, func(m *migration.MailboxRecord) { m.Facts.Failed = true })
	}
	for i, m := range all[90:120] {
		edit(t, s, m.ID, func(m *migration.MailboxRecord) { m.Facts.Skipped, m.Facts.Approved = 2, i%3 })
	}
	for i, m := range all[200:220] {
		edit(t, s, m.ID, func(m *migration.MailboxRecord) {
			m.Preflight = &migration.PreflightResult{At: time.UnixMicro(1_000).UTC(), OK: i%2 == 0}
			m.Trial = i == 1
			if i == 3 {
				m.LastSynced = time.UnixMicro(2_000).UTC() // a pass has gone through since
			}
		})
	}
	for _, c := range []struct {
		name   string
		filter store.MailboxFilter
		want   int
	}{
		{"not ready", store.MailboxFilter{Batch: b.ID, NotReady: true}, 8},
		{"not ready, by address", store.MailboxFilter{NotReady: true, Address: "pilot0021"}, 5},
		{"all", store.MailboxFilter{}, 300},
		{"left out", store.MailboxFilter{LeftOut: true}, 30},
		{"left out of failed ones", store.MailboxFilter{Batch: b.ID, LeftOut: true, States: []migration.MailboxState{migration.MailboxFailed}}, 10},
		{"left out, by address", store.MailboxFilter{LeftOut: true, Address: "pilot0009"}, 10},
		{"batch", store.MailboxFilter{Batch: b.ID}, 250},
		{"failed", store.MailboxFilter{Batch: b.ID, States: []migration.MailboxState{migration.MailboxFailed}}, 100},
		{"failed or queued", store.MailboxFilter{States: []migration.MailboxState{migration.MailboxFailed, migration.MailboxQueued}}, 300},
		{"address", store.MailboxFilter{Address: "PILOT0001"}, 10},
		{"address and state", store.MailboxFilter{Address: "00@", States: []migration.MailboxState{migration.MailboxFailed}}, 1},
		{"no wildcard", store.MailboxFilter{Address: "%"}, 0},
		{"no wildcard either", store.MailboxFilter{Address: "pilot_"}, 0},
	} {
		seen, after := 0, int64(0)
		for {
			c.filter.After, c.filter.Limit = after, 37
			page := mailboxes(t, s, c.filter)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				if m.ID <= after {
					t.Fatalf("%s: number %d after %d", c.name, m.ID, after)
				}
				after = m.ID
			}
			seen += len(page)
		}
		if seen != c.want {
			t.Errorf("%s: %d mailboxes, want %d", c.name, seen, c.want)
		}
		byPlaces(t, s, c.filter, c.want)
	}
}

// byPlaces goes through a filter by places in every order.
func byPlaces(t *testing.T, s *store.Store, filter store.MailboxFilter, want int) {
	t.Helper()
	filter.After = 0
	view(t, s, func(tx *store.Tx) error {
		n, err := tx.CountMailboxes(filter)
		if n != want {
			t.Errorf("%+v: %d are counted, want %d", filter, n, want)
		}
		return err
	})
	rank := func(m migration.MailboxRecord) int { return slices.Index(migration.MailboxStates(), m.Facts.State()) }
	rules := map[migration.MailboxOrder]func(a, b migration.MailboxRecord) int{
		migration.ByRow: func(a, b migration.MailboxRecord) int { return cmp.Compare(a.ID, b.ID) },
		migration.ByAddress: func(a, b migration.MailboxRecord) int {
			return cmp.Compare(strings.ToLower(a.Address), strings.ToLower(b.Address))
		},
		migration.ByState: func(a, b migration.MailboxRecord) int { return cmp.Compare(rank(a), rank(b)) },
	}
	for _, order := range migration.MailboxOrders() {
		name, down := strings.CutPrefix(string(order), "-")
		rule := rules[migration.MailboxOrder(name)]
		filter.Order, filter.Limit = order, 37
		var all []migration.MailboxRecord
		seen := map[int64]bool{}
		for filter.Offset = 0; ; filter.Offset += filter.Limit {
			page := mailboxes(t, s, filter)
			if len(page) == 0 {
				break
			}
			for _, m := range page {
				if all = append(all, m); seen[m.ID] {
					t.Fatalf("%s: %d comes twice", order, m.ID)
				}
				seen[m.ID] = true
			}
		}
		if len(all) != want {
			t.Errorf("%s of %+v: %d mailboxes, want %d", order, filter, len(all), want)
		}
		if down {
			slices.Reverse(all)
		}
		if !slices.IsSortedFunc(all, rule) {
			t.Errorf("%s of %+v: not in order", order, filter)
		}
	}
}
