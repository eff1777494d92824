package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

func keepsFindings(t *testing.T, open Open) {
	s, _ := open(t)
	b := between(t, s, 2)
	id := mailboxes(t, s, store.MailboxFilter{})[0].ID
	found := func(uid migration.UID, count int, lost bool) store.FindingRecord {
		return store.FindingRecord{Finding: migration.Finding{Code: migration.CodeTooLarge, Folder: "INBOX", UID: uid, Count: count, Reason: "r\x00", Date: time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC)}, Lost: lost}
	}
	save := func(want int, findings ...store.FindingRecord) {
		t.Helper()
		change(t, s, func(tx *store.Tx) error {
			approved, err := tx.SaveFindings(id, findings)
			if approved != want {
				t.Errorf("%d approved, want %d", approved, want)
			}
			return err
		})
	}
	approve := func(mailbox, want int64) {
		t.Helper()
		change(t, s, func(tx *store.Tx) error {
			n, err := tx.Approve(b.ID, mailbox, "anna")
			if n != want {
				t.Errorf("%d findings approved, want %d", n, want)
			}
			return err
		})
	}
	twice := found(0, 5, true)
	save(0, found(1, 0, true), found(2, 3, true), found(3, 0, false), twice, twice)
	edit(t, s, id, func(m *migration.MailboxRecord) { m.Facts.Skipped = 14 })
	approve(id+1, 0)
	approve(id, 5)
	approve(0, 0)
	if m := mailboxOf(t, s, id); m.Facts.Approved != 14 {
		t.Errorf("%d messages approved, want 14", m.Facts.Approved)
	}
	// The second stands for more than what was approved, and the last is new.
	save(11, found(1, 1, true), found(2, 4, true), twice, twice, found(9, 0, true))
	view(t, s, func(tx *store.Tx) error {
		page, err := tx.Findings(id, 0, 2)
		must(t, err)
		rest, err := tx.Findings(id, page[1].ID, 10)
		if len(page) != 2 || len(rest) != 3 || page[0].ApprovedBy != "anna" || page[1].ApprovedBy != "" || page[1].Count != 4 || rest[2].UID != 9 {
			t.Errorf("findings %+v and %+v", page, rest)
		}
		one, also := tx.Finding(rest[0].ID)
		same(t, "finding", one, rest[0])
		return errors.Join(err, also)
	})
}

func handsOutNotices(t *testing.T, open Open) {
	s, _ := open(t)
	const n = 40
	for i := range n {
		change(t, s, func(tx *store.Tx) error {
			notice := store.Notice{Mark: fmt.Sprint(i), Batch: 7, BatchName: "pilot", Kind: "report", Subject: "s", Recipients: []string{"a", "b"}, Body: []byte{1}}
			return errors.Join(tx.Notify(notice), tx.Notify(notice))
		})
	}
	var all sync.WaitGroup
	var guard sync.Mutex
	taken := map[string]int{}
	for worker := range 4 {
		all.Go(func() {
			for {
				var notice store.Notice
				err := s.Change(t.Context(), "testing", func(tx *store.Tx) (err error) {
					notice, err = tx.TakeNotice(fmt.Sprint(worker), time.Hour)
					return err
				})
				if err != nil {
					if !errors.Is(err, store.ErrNotFound) {
						t.Error(err)
					}
					return
				}
				guard.Lock()
				taken[notice.Mark]++
				guard.Unlock()
			}
		})
	}
	all.Wait()
	if len(taken) != n {
		t.Fatalf("%d notices taken, want %d", len(taken), n)
	}
	for mark, times := range taken {
		if times != 1 {
			t.Errorf("notice %s taken %d times", mark, times)
		}
	}
	var notices []store.Notice
	view(t, s, func(tx *store.Tx) (err error) { notices, err = tx.Notices(7, 100); return err })
	if len(notices) != n || notices[0].Tries != 1 || len(notices[0].Recipients) != 2 {
		t.Fatalf("%d notices, the newest %+v", len(notices), notices[0])
	}
	sent, failed := notices[0].ID, notices[1].ID
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.NoticeSent(sent), tx.NoticeFailed(sent, "late", tx.Now()), tx.NoticeFailed(failed, "no\xff", tx.Now().Add(-time.Second)))
	})
	change(t, s, func(tx *store.Tx) error {
		again, err := tx.TakeNotice("x", time.Hour)
		must(t, err)
		if again.ID != failed || again.Tries != 2 || !strings.HasPrefix(again.Trouble, "no") {
			t.Errorf("taken again: %+v", again)
		}
		_, err = tx.TakeNotice("x", time.Hour)
		wantErr(t, err, store.ErrNotFound)
		return nil
	})
	left := func(before time.Duration, want int) {
		t.Helper()
		change(t, s, func(tx *store.Tx) error { return tx.DropNotices(tx.Now().Add(before)) })
		view(t, s, func(tx *store.Tx) (err error) { notices, err = tx.Notices(7, 100); return err })
		if len(notices) != want {
			t.Errorf("%d notices are left, want %d", len(notices), want)
		}
	}
	left(-time.Hour, n)
	left(time.Hour, n-1) // what is still to be sent stays
}

func keepsPeople(t *testing.T, open Open) {
	s, _ := open(t)
	anna := store.Operator{Name: "Anna", Email: "anna@example.org", Role: "admin", Password: "hash", CreatedBy: "setup"}
	token := store.Token{Name: "ci", Role: "viewer", Hash: []byte{2}, Prefix: "mh_ab", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	change(t, s, func(tx *store.Tx) error {
		anna.ID, token.ID = 0, 0
		if err := tx.CreateOperator(&anna); err != nil {
			return err
		}
		token.Operator = anna.ID
		return errors.Join(tx.CreateToken(&token), tx.CreateSession(store.Session{Hash: []byte{1}, Operator: anna.ID, Address: "::1"}), tx.CreateSession(store.Session{Hash: []byte{3}, Operator: anna.ID}))
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.CreateOperator(&store.Operator{Name: "ANNA"}) }), store.ErrNameTaken)
	stale := anna
	change(t, s, func(tx *store.Tx) error {
		got, err := tx.Operator("anna")
		must(t, err)
		same(t, "operator", got, anna)
		anna = got
		anna.Disabled, anna.Role = true, "viewer"
		return errors.Join(tx.SaveOperator(&anna), tx.TouchSession([]byte{1}), tx.TouchToken(token.ID), tx.RevokeToken(token.ID), tx.EndSessions(0, []byte{3}))
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveOperator(&stale) }), store.ErrChanged)
	view(t, s, func(tx *store.Tx) error {
		got, err := tx.OperatorByID(anna.ID)
		must(t, err)
		same(t, "operator", got, anna)
		session, err := tx.Session([]byte{1})
		if err != nil || session.Operator != anna.ID || session.Address != "::1" || session.Used.IsZero() {
			t.Errorf("session %+v, %v", session, err)
		}
		_, err = tx.Session([]byte{3})
		wantErr(t, err, store.ErrNotFound)
		tokens, err := tx.Tokens(0)
		if err != nil || len(tokens) != 1 || tokens[0].Used.IsZero() || tokens[0].Revoked.IsZero() || !tokens[0].Expires.Equal(token.Expires) {
			t.Errorf("tokens %+v, %v", tokens, err)
		}
		_, err = tx.Token([]byte{2})
		return err
	})
	change(t, s, func(tx *store.Tx) error { return tx.DropSessions(tx.Now().Add(time.Hour), time.Time{}) })
	change(t, s, func(tx *store.Tx) error { return tx.DropTokens(tx.Now().Add(-time.Hour)) })
	view(t, s, func(tx *store.Tx) error { _, err := tx.Token([]byte{2}); return err })
	change(t, s, func(tx *store.Tx) error { return tx.DropTokens(tx.Now().Add(time.Hour)) })
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Token([]byte{2}); return err }), store.ErrNotFound)
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Session([]byte{1}); return err }), store.ErrNotFound)
	change(t, s, func(tx *store.Tx) error { return tx.DeleteOperator(anna.ID) })
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Token([]byte{2}); return err }), store.ErrNotFound)
}

func keepsSettings(t *testing.T, open Open) {
	s, _ := open(t)
	answer := store.Answer{Actor: "anna", Mark: "k", Request: []byte{1}, Status: 201, Body: []byte("{}")}
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.SetSetting("a", "1"), tx.SetSetting("a", "2"), tx.SaveAnswer(answer), tx.Beat(store.Node{Name: "n2", PID: 7}), tx.Beat(store.Node{Name: "n1"}), tx.Beat(store.Node{Name: "n1", Host: "h"}))
	})
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.SaveAnswer(answer) }), store.ErrNameTaken)
	view(t, s, func(tx *store.Tx) error {
		if value, err := tx.Setting("a"); value != "2" || err != nil {
			t.Errorf("setting %q, %v", value, err)
		}
		got, err := tx.Answer("anna", "k")
		same(t, "answer", got, answer)
		nodes, also := tx.Nodes()
		if len(nodes) != 2 || nodes[0].Name != "n1" || nodes[0].Host != "h" || nodes[1].PID != 7 || nodes[0].Beat.IsZero() {
			t.Errorf("nodes %+v", nodes)
		}
		return errors.Join(err, also)
	})
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.DropAnswers(tx.Now().Add(time.Second)), tx.DropNode("n1"))
	})
	wantErr(t, s.View(t.Context(), "testing", func(tx *store.Tx) error { _, err := tx.Answer("anna", "k"); return err }), store.ErrNotFound)
}

var auditKey = []byte("a key")

// audited is a store with a log of twelve records.
func audited(t *testing.T, open Open) *store.Store {
	s, _ := open(t)
	for i := range 12 {
		change(t, s, func(tx *store.Tx) error {
			return tx.Audit(auditKey, "anna", "batch.start", fmt.Sprintf("batch/%d", i), "{}")
		})
	}
	return s
}

func verifyAudit(t *testing.T, s *store.Store, key []byte) (n int64, err error) {
	t.Helper()
	err = s.View(t.Context(), "testing", func(tx *store.Tx) (err error) { n, err = tx.VerifyAudit(key); return err })
	return n, err
}

func findsAuditTampering(t *testing.T, open Open) {
	for _, c := range []struct{ name, statement, word string }{
		{"nothing", "", ""},
		{"edited", "UPDATE audit SET actor = 'bert' WHERE id = 5", "record 5 was changed"},
		{"dated back", "UPDATE audit SET at = at - 1 WHERE id = 12", "record 12 was changed"},
		{"deleted", "DELETE FROM audit WHERE id = 5", "record 5 is missing"},
		{"first deleted", "DELETE FROM audit WHERE id = 1", "record 1 is missing"},
		{"cut off", "DELETE FROM audit WHERE id > 10", "ends at record 10"},
		{"cut off with its head", "DELETE FROM audit WHERE id > 10; UPDATE setting SET value = '10:00' WHERE name = 'audit'", "head is not that of record 10"},
		{"emptied", "DELETE FROM audit", "ends at record 0"},
		{"exchanged", "UPDATE audit SET id = 99 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = 5; UPDATE audit SET id = 5 WHERE id = 99", "record 4 was changed"},
		{"added", "INSERT INTO audit (id, at, actor, action, object, detail, hash) SELECT 13, at, actor, action, object, detail, hash FROM audit WHERE id = 12", "record 13 was changed"},
		{"head spoiled", "UPDATE setting SET value = 'x' WHERE name = 'audit'", "head makes no sense"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := audited(t, open)
			for statement := range strings.SplitSeq(c.statement, ";") {
				if statement != "" {
					_, err := s.DB().ExecContext(t.Context(), statement)
					must(t, err)
				}
			}
			n, err := verifyAudit(t, s, auditKey)
			if c.word == "" {
				if n != 12 || err != nil {
					t.Fatalf("%d records, %v", n, err)
				}
				_, err = verifyAudit(t, s, []byte("another key"))
				c.word = "record 1 was changed"
			}
			if err == nil || !strings.Contains(err.Error(), c.word) {
				t.Fatalf("error %v, want one with %q", err, c.word)
			}
		})
	}
}

// auditsInOneChain has many write and read the log at once.
func auditsInOneChain(t *testing.T, open Open) {
	s := audited(t, open)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				if err := s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.Audit(auditKey, "a", "b", "c", "") }); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				if _, err := verifyAudit(t, s, auditKey); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n, err := verifyAudit(t, s, auditKey); n != 112 || err != nil {
		t.Fatalf("%d records, %v", n, err)
	}
	view(t, s, func(tx *store.Tx) error {
		page, err := tx.AuditRecords(0, 10)
		must(t, err)
		next, err := tx.AuditRecords(page[9].ID, 10)
		if len(page) != 10 || page[0].ID != 112 || next[0].ID != 102 {
			t.Errorf("pages from %d and %d", page[0].ID, next[0].ID)
		}
		return err
	})
}
