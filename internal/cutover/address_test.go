package cutover

import (
	"fmt"
	"testing"
	"time"
)

// The name of a server may lead to other addresses of a pool each time.
func TestAServerWithRotatingAddressesSettles(t *testing.T) {
	pool := func(at time.Time, i int, silent bool) Look {
		l := pictured(at, newSight, newSight, newSight)
		l.Sights[0].Address = fmt.Sprintf("192.0.2.%d:53", 100+i%12)
		if silent {
			l.Sights[0].Trouble, l.Sights[0].Records = Silent, nil
		}
		return l
	}
	w := switchSeen(t)
	at := begun
	for i := range 78 * 4 {
		at = at.Add(15 * time.Minute)
		w = w.See(pool(at, i, false))
	}
	if v := Judge(w, inStep, at); !v.Delete.Yes || !v.Clock.SwitchedAt.Equal(begun) {
		t.Errorf("%s %+v", v.State, v.Clock)
	}
	gap := w.See(pool(at.Add(9*time.Hour), 1, false))
	next := gap.See(pool(at.Add(10*time.Hour), 2, false))
	if got := next.Clock().SwitchedAt; !got.Equal(at.Add(10*time.Hour)) && !got.Equal(at.Add(9*time.Hour)) {
		t.Errorf("nobody looked for 9 hours, and the switch counts as at %s", got)
	}
	silent := w
	for hour := 1; hour <= 4; hour++ {
		silent = silent.See(pool(at.Add(time.Duration(hour)*time.Hour), 5, true))
	}
	silent = silent.See(pool(at.Add(5*time.Hour), 6, false)).See(pool(at.Add(6*time.Hour), 5, false))
	if got := silent.Clock().SwitchedAt; !got.Equal(at.Add(6 * time.Hour)) {
		t.Errorf("an address was silent, and the switch counts as at %s", got)
	}
}
