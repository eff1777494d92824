package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/store"
)

func keepsFactors(t *testing.T, open Open) {
	s, reopen := open(t)
	anna, bert := store.Operator{Name: "anna"}, store.Operator{Name: "bert"}
	change(t, s, func(tx *store.Tx) error {
		anna.ID, bert.ID = 0, 0
		return errors.Join(tx.CreateOperator(&anna), tx.CreateOperator(&bert), tx.CreateSession(store.Session{Hash: []byte{1}, Operator: anna.ID}),
			tx.CreateSession(store.Session{Hash: []byte{2}, Operator: anna.ID}), tx.CreateSession(store.Session{Hash: []byte{3}, Operator: bert.ID}))
	})
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Factor(anna.ID)
		wantErr(t, err, store.ErrNotFound)
		sessions, err := tx.Sessions(anna.ID)
		if len(sessions) != 2 || sessions[0].Operator != anna.ID {
			t.Errorf("sessions %+v", sessions)
		}
		return err
	})
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.BeginFactor(anna.ID, []byte{1}), tx.BeginFactor(anna.ID, []byte{2}), tx.BeginFactor(bert.ID, []byte{3}))
	})
	totp := func(want bool) {
		t.Helper()
		view(t, reopen(), func(tx *store.Tx) error {
			o, err := tx.Operator("anna")
			if o.TOTP != want {
				t.Errorf("anna has one: %v, want %v", o.TOTP, want)
			}
			return err
		})
	}
	totp(false) // it is begun only
	change(t, s, func(tx *store.Tx) error { return tx.ConfirmFactor(anna.ID, [][]byte{{7}, {8}}) })
	totp(true)
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.BeginFactor(anna.ID, []byte{9}) }), store.ErrNameTaken)
	wantErr(t, s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.ConfirmFactor(anna.ID, nil) }), store.ErrNotFound)
	change(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.ResealFactor(anna.ID, []byte{4}), tx.TakeStep(anna.ID, 10), tx.TakeRecoveryCode(anna.ID, []byte{7}))
	})
	for name, used := range map[string]func(tx *store.Tx) error{
		"the same step":                  func(tx *store.Tx) error { return tx.TakeStep(anna.ID, 10) },
		"an earlier step":                func(tx *store.Tx) error { return tx.TakeStep(anna.ID, 9) },
		"the same recovery code":         func(tx *store.Tx) error { return tx.TakeRecoveryCode(anna.ID, []byte{7}) },
		"a recovery code of another":     func(tx *store.Tx) error { return tx.TakeRecoveryCode(bert.ID, []byte{8}) },
		"a factor that is not there":     func(tx *store.Tx) error { return tx.ResealFactor(99, []byte{8}) },
		"a step of who has no factor":    func(tx *store.Tx) error { return tx.TakeStep(99, 9) },
		"a code that was never given":    func(tx *store.Tx) error { return tx.TakeRecoveryCode(anna.ID, []byte{9}) },
		"what is not begun is no factor": func(tx *store.Tx) error { return tx.ConfirmFactor(99, nil) },
	} {
		if err := s.Change(t.Context(), "testing", used); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	takenOnce(t, s, anna.ID)
	view(t, s, func(tx *store.Tx) error {
		f, err := tx.Factor(anna.ID)
		if f.Operator != anna.ID || string(f.Secret) != "\x04" || f.Step != 11 || f.Created.IsZero() || f.Confirmed.IsZero() {
			t.Errorf("factor %+v", f)
		}
		all, also := tx.Factors()
		if len(all) != 2 || !all[1].Confirmed.IsZero() {
			t.Errorf("factors %+v", all)
		}
		n, third := tx.RecoveryCodes(anna.ID)
		if n != 1 {
			t.Errorf("%d codes are left", n)
		}
		return errors.Join(err, also, third)
	})
	change(t, s, func(tx *store.Tx) error { return errors.Join(tx.DropFactor(anna.ID), tx.DropFactor(anna.ID)) })
	totp(false)
	change(t, s, func(tx *store.Tx) error { return tx.DeleteOperator(bert.ID) })
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Factors()
		n, also := tx.RecoveryCodes(anna.ID)
		if len(all) != 0 || n != 0 {
			t.Errorf("left: %+v, %d codes", all, n)
		}
		return errors.Join(err, also)
	})
	change(t, s, func(tx *store.Tx) error { return tx.DropSessions(tx.Now().Add(time.Hour), time.Time{}) })
}

// takenOnce has many use the same code at once.
func takenOnce(t *testing.T, s *store.Store, operator int64) {
	t.Helper()
	var all sync.WaitGroup
	var taken atomic.Int32
	for range 8 {
		all.Go(func() {
			err := s.Change(t.Context(), "testing", func(tx *store.Tx) error { return tx.TakeStep(operator, 11) })
			if err == nil {
				taken.Add(1)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := taken.Load(); n != 1 {
		t.Errorf("a code was taken %d times", n)
	}
}
