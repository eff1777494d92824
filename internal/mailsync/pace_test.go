package mailsync

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestATargetThatHasAskedForAPauseGetsFewConnections(t *testing.T) {
	traits := migration.ExchangeTraits()
	for _, test := range []struct{ asked, before, after int }{{0, 8, 2}, {4, 4, 2}, {1, 1, 1}} {
		p := &pass{Job: &Job{TargetConnections: test.asked, Pace: &Pace{}}}
		p.targetTraits.Store(&traits)
		before := p.targetConnections()
		p.Pace.rate = traits.Rate
		if after := p.targetConnections(); before != test.before || after != test.after {
			t.Errorf("of %d: %d connections, and %d after a pause; want %+v", test.asked, before, after, test)
		}
	}
}
