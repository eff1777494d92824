package api

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterLetsEachNameHaveItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(2, time.Minute)
		for range 2 {
			if _, ok := l.allow("anna"); !ok {
				t.Fatal("refused within the share")
			}
			time.Sleep(10 * time.Second)
		}
		if wait, ok := l.allow("anna"); ok || wait != 40*time.Second {
			t.Errorf("a third one: %v, wait %v", ok, wait)
		}
		if _, ok := l.allow("luc"); !ok {
			t.Error("another name is refused")
		}
		time.Sleep(40 * time.Second)
		if _, ok := l.allow("anna"); !ok {
			t.Error("refused after the wait")
		}
	})
}

func TestNobodyTakesAllPlaces(t *testing.T) {
	p := newPlaces(3, 2)
	var leaves []func()
	take := func(operator int64) bool {
		leave, ok := p.take(operator)
		if ok {
			leaves = append(leaves, leave)
		}
		return ok
	}
	var got []bool
	for _, operator := range []int64{1, 1, 1, 2, 2, 3} {
		got = append(got, take(operator))
	}
	if !slices.Equal(got, []bool{true, true, false, true, false, false}) {
		t.Errorf("taken %v: %v", got, p.of)
	}
	leaves[0]()
	if !take(2) || len(p.of) != 2 {
		t.Errorf("a place that was left is not free: %v", p.of)
	}
	for _, leave := range leaves[1:] {
		leave()
	}
	if p.all != 0 || len(p.of) != 0 {
		t.Errorf("%d places are taken in the end: %v", p.all, p.of)
	}
}
