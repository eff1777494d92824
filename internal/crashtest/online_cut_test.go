package crashtest

import (
	"errors"
	"testing"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// onlineTarget is Exchange Online, which makes the message anew, so that it is known
// by nothing but what it says. Without APPENDUID it does not tell where, either.
func onlineTarget(t *testing.T, noUID bool) cutTarget {
	t.Helper()
	p := exchangeOnline()
	p.Append.NoUIDEach, p.Append.NoUID = 0, noUID
	server, wanted := startFake(t, imapfake.Options{Personality: p}), imapfake.New(imapfake.Options{})
	return cutTarget{
		addr:  server.addr,
		enter: func(user string) { server.AddUser(user, password) },
		holds: func(user string, message letter) error {
			box := wanted.AddUser(user, password)
			post(box, message)
			var all []error
			for _, d := range imapfake.Compare(box, server.User(user), takenBy()) {
				all = append(all, errors.New(d.String()))
			}
			return errors.Join(all...)
		},
	}
}

// onlineCuts are the ways in which Exchange Online answers.
var onlineCuts = []struct {
	name  string
	noUID bool
}{{"with APPENDUID", false}, {"without APPENDUID", true}}

func TestCutOnTheWayToExchangeOnlineLosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range onlineCuts {
		t.Run(c.name, func(t *testing.T) {
			b := newCutBench(t, onlineTarget(t, c.noUID))
			b.try(t, b.cuts(101*sparser()))
		})
	}
}

func TestLongCutAtEveryByteOnTheWayToExchangeOnlineLosesAndDoublesNothing(t *testing.T) {
	effort.NeedLong(t)
	for _, c := range onlineCuts {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newCutBench(t, onlineTarget(t, c.noUID))
			b.try(t, b.cuts(1))
		})
	}
}
