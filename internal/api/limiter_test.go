package api

import (
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
