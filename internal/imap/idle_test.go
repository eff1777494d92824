package imap

import (
	"testing"
	"time"
)

// TestAnIdleGroupIsNotForgotten: a timer that fires while an Append call is about to return
// comes again, for that call has armed it already.
func TestAnIdleGroupIsNotForgotten(t *testing.T) {
	a := &Appender{turn: make(chan struct{}, 1), idle: time.AfterFunc(time.Hour, func() {})}
	a.idle.Stop()
	a.turn <- struct{}{}
	a.idled()
	if !a.idle.Stop() {
		t.Error("nobody would end the group")
	}
}
