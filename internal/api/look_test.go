package api

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestManyWatchersShareALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLooks(time.Second), 0
		take := func(context.Context) (any, error) { n++; return n, nil }
		var all sync.WaitGroup
		for w := range 50 {
			all.Go(func() {
				time.Sleep(time.Duration(w) * 20 * time.Millisecond)
				for range 10 {
					if _, err := l.see(t.Context(), "pilot", time.Time{}, take); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second)
				}
			})
		}
		all.Wait()
		if n < 10 || n > 13 {
			t.Errorf("50 watchers looked %d times in 11 s", n)
		}
		if _, _ = l.see(t.Context(), "other", time.Time{}, take); len(l.all) != 2 {
			t.Errorf("%d things", len(l.all))
		}
		time.Sleep(2 * time.Minute)
		if l.of("third"); len(l.all) != 1 {
			t.Errorf("%d things are kept that nobody watches", len(l.all)-1)
		}
	})
}

func TestWhoBeginsToWatchSeesNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLooks(time.Second), 0
		take := func(context.Context) (any, error) { n++; return n, nil }
		first, _ := l.see(t.Context(), "pilot", time.Now(), take)
		time.Sleep(time.Millisecond)
		second, _ := l.see(t.Context(), "pilot", time.Now(), take)
		third, _ := l.see(t.Context(), "pilot", time.Time{}, take)
		if string(first) != "1" || string(second) != "2" || string(third) != "2" {
			t.Errorf("%s, %s, %s", first, second, third)
		}
	})
}

func TestAnErrorOfALookIsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(time.Second)
		if _, err := l.see(t.Context(), "pilot", time.Time{}, func(context.Context) (any, error) { return nil, errors.New("gone") }); err == nil {
			t.Error("no error")
		}
		if text, err := l.see(t.Context(), "pilot", time.Time{}, func(context.Context) (any, error) { return 1, nil }); err != nil || string(text) != "1" {
			t.Errorf("%s, %v", text, err)
		}
	})
}

func TestALookThatTakesLongIsRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n := newLooks(time.Second), 0
		for range 100 {
			_, _ = l.see(t.Context(), "pilot", time.Time{}, func(context.Context) (any, error) {
				time.Sleep(time.Second)
				n++
				return n, nil
			})
			time.Sleep(time.Second)
		}
		if n > 12 {
			t.Errorf("%d looks of 1 s each in %d s", n, 100+n)
		}
	})
}
