package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// This file makes, changes and compares the records of tests.

func change(t *testing.T, s *store.Store, do func(*store.Tx) error) {
	t.Helper()
	must(t, s.Change(t.Context(), "testing", do))
}

func view(t *testing.T, s *store.Store, look func(*store.Tx) error) {
	t.Helper()
	must(t, s.View(t.Context(), "testing", look))
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

// same compares records.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

var limits = migration.Limits{Migrations: 20, Incremental: 10, Connections: 4}

func endpoint(t *testing.T, s *store.Store, name string, limits migration.Limits) migration.EndpointRecord {
	t.Helper()
	e := migration.EndpointRecord{Name: name, Endpoint: migration.Endpoint{Host: name + ".example.org", Port: 993, Security: migration.Implicit}, Limits: limits, Login: migration.LoginMethod{Form: migration.LoginUser}}
	change(t, s, func(tx *store.Tx) error { return tx.CreateEndpoint(&e) })
	return e
}

func rows(n int, prefix string) []migration.MailboxRecord {
	mailboxes := make([]migration.MailboxRecord, n)
	for i := range mailboxes {
		name := fmt.Sprintf("%s%05d@example.org", prefix, i)
		mailboxes[i] = migration.MailboxRecord{Row: i + 2, Address: name, SourceUser: name, TargetUser: name, SourceSecret: []byte("sealed"), TargetSecret: []byte("sealed")}
	}
	return mailboxes
}

// batch makes a batch that was started at once.
func batch(t *testing.T, s *store.Store, name string, source, target migration.EndpointRecord, n int) migration.BatchRecord {
	t.Helper()
	b := migration.BatchRecord{Name: name, Source: source.ID, Target: target.ID, Intent: migration.Run, Key: []byte("key")}
	change(t, s, func(tx *store.Tx) error {
		b.ID = 0
		if err := tx.CreateBatch(&b, rows(n, name)); err != nil {
			return err
		}
		_, err := tx.StartMailboxes(b.ID)
		return err
	})
	return b
}

// between makes two endpoints and a started batch between them.
func between(t *testing.T, s *store.Store, n int) migration.BatchRecord {
	t.Helper()
	return batch(t, s, "pilot", endpoint(t, s, "old", limits), endpoint(t, s, "new", limits), n)
}

func mailboxes(t *testing.T, s *store.Store, filter store.MailboxFilter) []migration.MailboxRecord {
	t.Helper()
	var all []migration.MailboxRecord
	view(t, s, func(tx *store.Tx) (err error) { all, err = tx.Mailboxes(filter); return err })
	return all
}

func mailboxOf(t *testing.T, s *store.Store, id int64) migration.MailboxRecord {
	t.Helper()
	var m migration.MailboxRecord
	view(t, s, func(tx *store.Tx) (err error) { m, err = tx.MailboxByID(id); return err })
	return m
}

// edit changes a mailbox whatever its version.
func edit(t *testing.T, s *store.Store, id int64, how func(*migration.MailboxRecord)) {
	t.Helper()
	change(t, s, func(tx *store.Tx) error {
		m, err := tx.MailboxByID(id)
		if err != nil {
			return err
		}
		how(&m)
		return tx.SaveMailbox(&m)
	})
}

func batchOf(t *testing.T, s *store.Store, id int64) migration.BatchRecord {
	t.Helper()
	var b migration.BatchRecord
	view(t, s, func(tx *store.Tx) (err error) { b, err = tx.BatchByID(id); return err })
	return b
}

func editBatch(t *testing.T, s *store.Store, id int64, how func(*migration.BatchRecord)) {
	t.Helper()
	change(t, s, func(tx *store.Tx) error {
		b, err := tx.BatchByID(id)
		if err != nil {
			return err
		}
		how(&b)
		return tx.SaveBatch(&b)
	})
}
