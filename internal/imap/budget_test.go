package imap

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// enters has n APPENDs ask for a place and says how many got one.
func enters(t *testing.T, b *errorBudget, n int) (entered int) {
	t.Helper()
	c := &conn{readerDone: make(chan struct{}), fault: errors.New("dead")}
	close(c.readerDone) // who would have to wait gives up
	for range n {
		if b.enter(t.Context(), c, func() error { return nil }) == nil {
			entered++
		}
	}
	return entered
}

func TestNeverMoreIsUnansweredThanMayBeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		traits   migration.Traits
		refused  []kind
		admitted int
		want     int
	}{
		"any number":                      {migration.Traits{}, nil, 0, 200},
		"Exchange":                        {migration.ExchangeTraits(), nil, 0, 9},
		"Exchange, other commands":        {migration.ExchangeTraits(), nil, 3, 6},
		"Exchange, some refused":          {migration.ExchangeTraits(), []kind{kindFolder, kindAppend}, 0, 7},
		"Exchange, too many refused":      {migration.ExchangeTraits(), []kind{kindAppend, kindAppend, kindAppend, kindAppend, kindAppend, kindAppend, kindAppend, kindAppend}, 0, 0},
		"trusted":                         {migration.Traits{ErrorsMost: 10, Unanswered: 60}, []kind{kindFolder}, 0, 60},
		"trusted, and refused a message":  {migration.Traits{ErrorsMost: 10, Unanswered: 60}, []kind{kindAppend}, 0, 8},
		"few by choice":                   {migration.Traits{Unanswered: 2}, []kind{kindAppend, kindAppend}, 0, 2},
		"few by choice, less than may be": {migration.Traits{ErrorsMost: 10, Unanswered: 2}, nil, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var b errorBudget
			b.limit(c.traits)
			for _, k := range c.refused {
				b.answered(k, "BAD")
			}
			if c.admitted > 0 {
				if n, err := b.admit(t.Context(), nil, c.admitted); n != c.admitted || err != nil {
					t.Fatal(n, err)
				}
			}
			if got := enters(t, &b, 200); got != c.want {
				t.Errorf("%d APPENDs are unanswered, want %d", got, c.want)
			}
		})
	}
}

// TestOtherCommandsAreAdmittedAsAnswersCome has a burst wait behind messages, before
// which it goes.
func TestOtherCommandsAreAdmittedAsAnswersCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b errorBudget
		b.limit(migration.ExchangeTraits())
		if n := enters(t, &b, 9); n != 9 {
			t.Fatal(n)
		}
		c := &conn{readerDone: make(chan struct{})}
		admitted := make(chan int)
		go func() {
			n, _ := b.admit(t.Context(), c, 3)
			admitted <- n
		}()
		synctest.Wait()
		b.leave(2)
		if n := <-admitted; n != 2 {
			t.Errorf("%d of 3 commands were admitted for 2 answers", n)
		}
		b.leave(9)
		for range 8 {
			b.answered(kindAppend, "BAD")
		}
		if n, err := b.admit(t.Context(), c, 3); n != 1 || err != nil {
			t.Errorf("with one refusal left %d are admitted, %v", n, err)
		}
		b.leave(1)
		b.answered(kindFolder, "NO") // is no mistake
		if n, err := b.admit(t.Context(), c, 1); n != 1 || err != nil {
			t.Errorf("after a folder was refused %d are admitted, %v", n, err)
		}
		b.leave(1)
		b.answered(kindFolder, "BAD")
		if _, err := b.admit(t.Context(), c, 1); migration.CodeOf(err) != migration.CodeWorn {
			t.Errorf("with none left: %v", err)
		}
	})
}
