package mailsync

import (
	"slices"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// spare is a connection that is no line's own. It ends with its keeper, once the pass is
// over or it has failed, and nobody has anything under way on it.
type spare struct {
	keeper     *seat
	unanswered atomic.Int64
	// sending: somebody is in the middle of a message, which may take as long as its source
	// likes.
	sending atomic.Bool
}

// lossesMost is how many spare connections of a pass may fail before none is made any more.
const lossesMost = 8

// expect says how many messages there are, as far as is known.
func (t *targets) expect(messages int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected = max(t.expected, messages)
	t.addSpares()
}

// addSpares dials spare connections, one for each window of messages, as long as the target
// bears more than there may be lines. Without them the work goes on as it is. The caller
// holds mu.
func (t *targets) addSpares() {
	if t.fills == 0 || t.refused || t.closed || t.losses >= lossesMost {
		return
	}
	most := t.most()
	wanted := min(t.expected/windowOf(t.fills), most-t.lines)
	for len(t.spares)+t.dialSpares < wanted && len(t.shared)+t.dialling+t.ending < most {
		t.dialSpares++
		t.dialling++
		t.ahead.Go(t.addSpare)
	}
}

func (t *targets) addSpare() {
	keeper, err := t.dialled(t.work, true)
	if err != nil {
		t.heed(onTarget(err))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialSpares--
	if err != nil {
		t.refused = true
		return
	}
	t.spares = append(t.spares, &spare{keeper: keeper})
}

// live are the spare connections that can be used. The others are dropped: they end with
// what they have under way.
func (t *targets) live() (usable []*spare) {
	var rest []*spare
	t.mu.Lock()
	for _, s := range t.spares {
		if s.keeper.usable() {
			usable = append(usable, s)
		} else {
			rest = append(rest, s)
		}
	}
	t.mu.Unlock()
	for _, s := range rest {
		t.drop(s)
	}
	return usable
}

// beside gives a seat on the spare connection with fewest messages, nil where there is none.
// It is given back by leave.
func (t *targets) beside() (best *spare, own *seat) {
	for _, s := range t.live() {
		if best == nil || s.unanswered.Load() < best.unanswered.Load() {
			best = s
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if best == nil || !best.keeper.usable() {
		return nil, nil
	}
	return best, best.keeper.sit(true)
}

func (t *targets) leave(s *seat) {
	_ = s.Close()
	t.count(s.Traffic())
}

// lose has a spare connection on which something has failed used no more. One that has
// broken ends at once.
func (t *targets) lose(s *spare, err error) {
	t.mu.Lock()
	worn := migration.CodeOf(err) == migration.CodeWorn
	if !s.keeper.failed && !worn {
		t.losses++
	}
	s.keeper.failed = true
	s.keeper.dead = s.keeper.dead || migration.ClassOf(err) == migration.Again && !worn
	t.mu.Unlock()
	t.drop(s)
}

// drop has a spare connection used no more.
func (t *targets) drop(s *spare) {
	t.mu.Lock()
	i := slices.Index(t.spares, s)
	if i >= 0 {
		t.spares = slices.Delete(t.spares, i, i+1)
	}
	t.mu.Unlock()
	if i >= 0 {
		t.leave(s.keeper)
	}
}

// close ends the spare connections, and the dialling of more.
func (t *targets) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.giveUp()
	t.ahead.Wait()
	for _, s := range t.live() {
		t.drop(s)
	}
}

// noteRefusal remembers that the target bears fewer connections than was thought, and reports
// whether it has said so. Some servers say so as they refuse a sign-in: where others are
// signed in, it is taken for that.
func (t *targets) noteRefusal(err error) (refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	refused = err != nil && (migration.CodeOf(err) == migration.CodeTooManyConns || migration.ClassOf(err) == migration.Login && len(t.shared) > 0)
	t.refused = t.refused || refused
	return refused
}

// besideSpare gives a line that was refused a connection, where spare ones have taken
// what the target bears, a seat on one of those there are.
func (t *targets) besideSpare(err error) *seat {
	if !t.noteRefusal(err) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s, _ := t.emptiest()
	if len(t.spares)+t.dialSpares == 0 || s == nil || s.seats >= seatsEach {
		return nil
	}
	return s.sit(false)
}
