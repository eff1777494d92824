package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

func openURL(t *testing.T, address string) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func set(ctx context.Context, s *Store, name, value string) error {
	return s.Change(ctx, "testing", func(tx *Tx) error { return tx.SetSetting(name, value) })
}

func TestManyNodesStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	address := postgresrig.DatabaseT(t)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			s, err := Open(t.Context(), address, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(set(t.Context(), s, "a", "b"), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestALostConnectionToTheDatabaseIsOneFault(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	err := s.Change(t.Context(), "testing", func(tx *Tx) error {
		if _, err := s.DB().ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
			t.Error(err)
		}
		return tx.SetSetting("a", "b")
	})
	if fault := migration.FaultOf(err); fault == nil || fault.Class != migration.Again || fault.Remedy == "" {
		t.Fatalf("error %v, want a fault of class again", err)
	}
	if err := set(t.Context(), s, "a", "c"); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

func TestCallsThatLockEachOtherOutAreMadeAgain(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	if err := errors.Join(set(t.Context(), s, "a", ""), set(t.Context(), s, "b", "")); err != nil {
		t.Fatal(err)
	}
	var all, met sync.WaitGroup
	met.Add(2)
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		all.Go(func() {
			first := true
			err := s.Change(t.Context(), "testing", func(tx *Tx) error {
				if err := tx.SetSetting(names[0], names[0]); err != nil {
					return err
				}
				if first {
					first = false
					met.Done()
					met.Wait()
				}
				return tx.SetSetting(names[1], names[0])
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestADeadlineEndsACallThatHasBegun(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := s.Change(t.Context(), "testing", func(tx *Tx) error {
			err := tx.SetSetting("audit", "0:")
			close(held)
			<-release
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := set(ctx, s, "audit", "1:")
	if took := time.Since(begun); migration.ClassOf(err) != migration.Again || took > 5*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	close(release)
	all.Wait()
	if err := set(t.Context(), s, "audit", "0:"); err != nil {
		t.Error(err)
	}
}

// TestANodeThatStandsStillLosesItsTransaction is a node that is stopped in the
// middle of a transaction: others do not wait for it.
func TestANodeThatStandsStillLosesItsTransaction(t *testing.T) {
	address := postgresrig.DatabaseT(t)
	still, other := openURL(t, address+"?idle_in_transaction_session_timeout=300ms"), openURL(t, address)
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := still.Change(t.Context(), "testing", func(tx *Tx) error {
			err := tx.SetSetting("dispatch", "still")
			close(held)
			<-release
			return err
		})
		if migration.ClassOf(err) != migration.Again || err == nil {
			t.Errorf("the one that stood still: %v", err)
		}
	})
	<-held
	if err := set(t.Context(), other, "dispatch", "other"); err != nil {
		t.Error(err)
	}
	close(release)
	all.Wait()
	err := other.View(t.Context(), "testing", func(tx *Tx) error {
		if value, err := tx.Setting("dispatch"); value != "other" || err != nil {
			t.Errorf("setting %q, %v", value, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestATakeOverComesAfterAWriteUnderWay holds a write of a fenced ledger open: the
// mailbox is given to nobody else before that has ended.
func TestATakeOverComesAfterAWriteUnderWay(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	claims := func() (given []Claim) {
		err := s.Change(t.Context(), "testing", func(tx *Tx) (err error) { given, err = tx.Claims(9, -time.Second); return err })
		if err != nil {
			t.Error(err)
		}
		return given
	}
	err := s.Change(t.Context(), "testing", func(tx *Tx) error {
		e := migration.EndpointRecord{Name: "old", Limits: migration.Limits{Migrations: 1}}
		if err := tx.CreateEndpoint(&e); err != nil {
			return err
		}
		b := migration.BatchRecord{Name: "pilot", Source: e.ID, Target: e.ID, Intent: migration.Run}
		return tx.CreateBatch(&b, []migration.MailboxRecord{{Address: "anna@example.org", Due: time.Unix(1, 0)}})
	})
	if err != nil {
		t.Fatal(err)
	}
	first := claims()[0]
	ledger, err := s.Mailbox(t.Context(), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	fenced := ledger.Fence(first.Mailbox, first.Generation)
	during := -1
	err = fenced.write(t.Context(), "testing", func(context.Context, querier) error { during = len(claims()); return nil })
	if err != nil || during != 0 {
		t.Errorf("%d claims while a write was under way, which ended with %v", during, err)
	}
	if again := claims(); len(again) != 1 || again[0].Generation != first.Generation+1 {
		t.Errorf("claims %+v afterwards", again)
	}
	err = fenced.SaveFolder(t.Context(), &mailsync.FolderRecord{Source: "INBOX"})
	if !errors.Is(err, ErrLeaseLost) {
		t.Errorf("error %v, want ErrLeaseLost", err)
	}
}

// aPassUnderWay gives a batch whose only mailbox has its initial copy and a pass under way.
func aPassUnderWay(t *testing.T, s *Store) (batch int64, c Claim) {
	t.Helper()
	err := s.Change(t.Context(), "testing", func(tx *Tx) error {
		e := migration.EndpointRecord{Name: "old", Limits: migration.Limits{Migrations: 1, Incremental: 1}}
		if err := tx.CreateEndpoint(&e); err != nil {
			return err
		}
		b := migration.BatchRecord{Name: "pilot", Source: e.ID, Target: e.ID, Intent: migration.Run}
		if err := tx.CreateBatch(&b, []migration.MailboxRecord{{Address: "anna@example.org"}}); err != nil {
			return err
		}
		all, err := tx.Mailboxes(MailboxFilter{Batch: b.ID})
		if err != nil {
			return err
		}
		all[0].Facts.Phase, all[0].Facts.Passes, all[0].Due = migration.Incremental, 1, time.Unix(1, 0)
		if err := tx.SaveMailbox(&all[0]); err != nil {
			return err
		}
		claims, err := tx.Claims(9, time.Minute)
		if err != nil {
			return err
		}
		batch, c = b.ID, claims[0]
		return tx.Begin(c, "node", time.Minute)
	})
	if err != nil {
		t.Fatal(err)
	}
	return batch, c
}

// endPass ends a pass as the batch was when the mailbox was read; meanwhile is called before
// it is written, and after.
func endPass(t *testing.T, s *Store, c Claim, before, after func()) error {
	return s.Change(t.Context(), "ending a pass", func(tx *Tx) error {
		m, err := tx.Held(c.Mailbox, c.Generation)
		if err != nil {
			return err
		}
		before()
		m.Facts.Running, m.Facts.Begun, m.Due = "", false, tx.Now().Add(24*time.Hour)
		if m.Facts.Batch == migration.Finish {
			m.Due = tx.Now()
		}
		if err := tx.SaveMailbox(&m); err != nil {
			return err
		}
		after()
		return nil
	})
}

// TestABatchIsFinishedWhileAPassEnds: the final pass is not put off until the next day,
// whichever of the two is written first.
func TestABatchIsFinishedWhileAPassEnds(t *testing.T) {
	for name, finishedFirst := range map[string]bool{"finished first": true, "ended first": false} {
		t.Run(name, func(t *testing.T) {
			s := openURL(t, postgresrig.DatabaseT(t))
			batch, claim := aPassUnderWay(t, s)
			finished := make(chan error, 1)
			finish := func() {
				finished <- s.Change(t.Context(), "finishing a batch", func(tx *Tx) error {
					b, err := tx.BatchByID(batch)
					if err != nil {
						return err
					}
					b.Intent = migration.Finish
					if _, err := tx.FinishMailboxes(batch); err != nil {
						return err
					}
					return tx.SaveBatch(&b)
				})
			}
			nothing := func() {}
			if finishedFirst {
				if err := endPass(t, s, claim, finish, nothing); !errors.Is(err, ErrChanged) {
					t.Errorf("error %v, want ErrChanged", err)
				}
				if err := endPass(t, s, claim, nothing, nothing); err != nil {
					t.Error(err)
				}
			} else if err := endPass(t, s, claim, nothing, func() { go finish(); awaitLockOr(t, s, finished) }); err != nil {
				t.Error(err)
			}
			if err := <-finished; err != nil {
				t.Error(err)
			}
			err := s.Change(t.Context(), "testing", func(tx *Tx) error {
				m, err := tx.MailboxByID(claim.Mailbox)
				if m.Due.After(tx.Now()) {
					t.Errorf("its final pass is due at %v", m.Due)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitLockOr waits until a call waits for what another has locked, or has ended.
func awaitLockOr(t *testing.T, s *Store, ended chan error) {
	t.Helper()
	patience, every := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer every.Stop()
	for {
		waiting := 0
		err := s.DB().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil || waiting > 0 {
			if err != nil {
				t.Error(err)
			}
			return
		}
		select {
		case err := <-ended:
			ended <- err
			return
		case <-patience:
			t.Error("nobody waits")
			return
		case <-every.C:
		}
	}
}

func TestThePasswordOfTheDatabaseIsInNoError(t *testing.T) {
	good := postgresrig.DatabaseT(t)
	const secret = "Zaphod-Beeblebrox"
	user, rest, _ := strings.Cut(good, "@")
	user = user[:strings.LastIndex(user, ":")]
	for _, address := range []string{
		user + ":" + secret + "@" + rest,
		user + ":" + secret + "@127.0.0.1:1/x",
		user + ":" + secret + "@127.0.0.1:1/x?connect_timeout=never",
		"postgres://u:" + secret + "@[::1/x",
	} {
		_, err := Open(t.Context(), address, Options{})
		fault := migration.FaultOf(err)
		if fault == nil || fault.Class != migration.Stop || fault.Remedy == "" {
			t.Errorf("error %v, want a fault with a remedy", err)
		}
		if strings.Contains(err.Error()+fault.Remedy, secret) {
			t.Errorf("error %v tells the password", err)
		}
	}
	s := openURL(t, good)
	if err := s.Backup(t.Context(), "x"); migration.ClassOf(err) != migration.Stop || !strings.Contains(migration.FaultOf(err).Remedy, "pg_dump") {
		t.Errorf("backup: %v", err)
	}
}

func TestADatabaseElsewhereIsVerified(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for address, want := range map[string]bool{
		"postgres://u@db.example.org/x":                 true,
		"postgres://u@10.0.0.1:5432/x":                  true,
		"postgres://u@/x?host=db.example.org":           true,
		"postgres://u@db.example.org/x?sslmode=require": false,
		"postgres://u@localhost/x":                      false,
		"postgres://u@127.0.0.1/x":                      false,
		"postgres://u@[::1]:5432/x":                     false,
		"postgres://u@/x?host=/run/postgresql":          false,
		"postgres://u@localhost,db.example.org/x":       true,
		"postgres://u@db.example.org,localhost:5432/x":  true,
		"postgres://u@/x?host=/run/a,db.example.org":    true,
		"postgres:///x":                                 false,
	} {
		if got := strings.Contains(verified(address), "sslmode=verify-full"); got != want {
			t.Errorf("%s becomes %s", address, verified(address))
		}
	}
}

// TestAMailboxDeletedTwiceAtOnceIsCountedOutOnce has two nodes remove the same mailbox.
func TestAMailboxDeletedTwiceAtOnceIsCountedOutOnce(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	batch, claim := aPassUnderWay(t, s)
	second := make(chan error, 1)
	err := s.Change(t.Context(), "removing a mailbox", func(tx *Tx) error {
		if err := tx.DeleteMailbox(claim.Mailbox); err != nil {
			return err
		}
		go func() {
			second <- s.Change(t.Context(), "removing it, too", func(tx *Tx) error {
				if err := tx.DeleteMailbox(claim.Mailbox); !errors.Is(err, ErrNotFound) {
					t.Errorf("error %v, want ErrNotFound", err)
				}
				return nil // as whoever removes many does
			})
		}()
		awaitLockOr(t, s, second)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	err = s.Change(t.Context(), "testing", func(tx *Tx) error {
		b, err := tx.BatchByID(batch)
		if b.Counts != (migration.BatchCounts{}) {
			t.Errorf("an empty batch counts %+v", b.Counts)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNoPassBeginsWhileTheIntervalIsChanged: it would end by the one of before, and be due
// up to a day later.
func TestNoPassBeginsWhileTheIntervalIsChanged(t *testing.T) {
	s := openURL(t, postgresrig.DatabaseT(t))
	batch, claim := aPassUnderWay(t, s)
	if err := endPass(t, s, claim, func() {}, func() {}); err != nil {
		t.Fatal(err)
	}
	claims := func() (found []Claim) {
		t.Helper()
		err := s.Change(t.Context(), "testing", func(tx *Tx) (err error) {
			found, err = tx.Claims(9, time.Minute)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return found
	}
	err := s.Change(t.Context(), "testing", func(tx *Tx) error {
		m, err := tx.MailboxByID(claim.Mailbox)
		if err != nil {
			return err
		}
		m.Due = time.Unix(1, 0)
		return tx.SaveMailbox(&m)
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Change(t.Context(), "setting a batch", func(tx *Tx) error {
		if _, err := tx.BringForward(batch, time.Hour); err != nil {
			return err
		}
		if found := claims(); len(found) != 0 {
			t.Errorf("claimed meanwhile: %+v", found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := claims(); len(found) != 1 {
		t.Errorf("claimed afterwards: %+v", found)
	}
}
