package mailsync

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// seatsEach is how many lines may use one connection to a target that bears fewer
// connections than the source: while one opens a folder, the other's messages keep the
// connection busy.
const seatsEach = 2

// targets are the connections to the target. Each line has a seat on one of them, of its
// own as long as the target bears more.
type targets struct {
	dial func(context.Context) (Target, error)
	// most is how many connections the target bears, lines how many lines there may be.
	most  func() int
	lines int
	// heed is told why there is no spare connection: the target may ask for a pause.
	heed func(error)

	mu     sync.Mutex
	shared []*sharedTarget
	// dialling and ending count the connections that are being made and closed; settled
	// is closed at any change.
	dialling, ending int
	settled          chan struct{}
	// spares are those of the connections that are no line's own, dialSpares how many more
	// are being made, losses how many have failed; none is added once one was refused.
	spares             []*spare
	dialSpares, losses int
	refused, closed    bool
	// expected is how many messages there are, fills how many unanswered ones fill a
	// connection, as far as is known; wides counts the lines that use spare connections.
	expected, fills, wides int
	// ahead is the dialling of spare connections, which giveUp ends; count is told what
	// each has cost.
	ahead  sync.WaitGroup
	work   context.Context
	giveUp context.CancelFunc
	count  func(migration.Traffic)
}

// sharedTarget is a connection with one or more seats.
type sharedTarget struct {
	Target
	of *targets
	// floor is held by who uses the folder that is open, opened.
	floor  chan struct{}
	opened openFolder
	// flags are those that the last opened folder has and keeps.
	flags atomic.Pointer[migration.FolderStatus]

	// Under of.mu: seats are those of lines and guests those of others, and busy is how much
	// they have under way. While one of them is alone, the others begin nothing. A worn
	// connection takes nothing more up and ends with what is under way; on one that has
	// failed, nobody begins who could do without it; closed says that it has ended, told that
	// somebody has been told what it cost.
	seats, guests, busy        int
	alone                      *seat
	worn, failed, closed, told bool
}

// openFolder is a folder as it was opened.
type openFolder struct {
	raw         string
	uidValidity uint32
	readOnly    bool
}

// seat is a line's use of a connection. To its line it is a connection of its own: what
// the other seats have opened is hidden from it. RawName, Appender, Folders and the like
// need no open folder and pass through.
type seat struct {
	*sharedTarget
	// folder is what the line has open.
	folder openFolder
	// guest: it is no line's own. dead: a fault has ended the connection.
	guest, dead, left bool
}

// dialSeats has every dialling of the target take a seat.
func (p *pass) dialSeats() {
	p.seats = &targets{dial: p.Target, most: p.targetConnections, lines: p.connections(), heed: p.heed, count: p.meter.target}
	p.seats.work, p.seats.giveUp = context.WithCancel(p.work)
	p.Target = p.seats.takeWide
}

// take gives a seat: on a new connection while the target bears one more, else on the
// one that has the fewest. A line for which there is none is told that the target bears
// no more.
func (t *targets) take(ctx context.Context) (*seat, error) {
	for {
		t.mu.Lock()
		if len(t.shared)+t.dialling+t.ending < max(t.most(), 1) {
			t.dialling++
			t.mu.Unlock()
			s, err := t.dialled(ctx, false)
			if beside := t.besideSpare(err); beside != nil {
				return beside, nil
			}
			return s, err
		}
		s, soon := t.emptiest()
		switch {
		case s != nil && s.seats < seatsEach:
			taken := s.sit(false)
			t.mu.Unlock()
			return taken, nil
		case s != nil && !soon:
			t.mu.Unlock()
			return nil, &migration.Fault{Class: migration.Again, Code: migration.CodeTooManyConns, Doing: "connecting to the target",
				Err: errors.New("it bears no more connections for a mailbox"), Remedy: "Nothing to do: the work goes on with fewer."}
		}
		settled := t.next()
		t.mu.Unlock()
		if err := await(ctx, settled); err != nil {
			return nil, err
		}
	}
}

// next is closed at the next change. The caller holds mu.
func (t *targets) next() <-chan struct{} {
	if t.settled == nil {
		t.settled = make(chan struct{})
	}
	return t.settled
}

func await(ctx context.Context, change <-chan struct{}) error {
	select {
	case <-change:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// emptiest is the connection with the fewest lines, if there is one, and whether there is
// soon another.
func (t *targets) emptiest() (best *sharedTarget, soon bool) {
	soon = t.dialling+t.ending > 0
	for _, s := range t.shared {
		soon = soon || s.worn
		if s.usable() && (best == nil || s.seats < best.seats) {
			best = s
		}
	}
	return best, soon
}

// changed has those who wait look again. The caller holds mu.
func (t *targets) changed() {
	if t.settled != nil {
		close(t.settled)
		t.settled = nil
	}
}

func (t *targets) dialled(ctx context.Context, guest bool) (*seat, error) {
	session, err := t.dial(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dialling--
	t.changed()
	if err != nil {
		return nil, err
	}
	s := &sharedTarget{Target: session, of: t, floor: make(chan struct{}, 1)}
	t.shared = append(t.shared, s)
	return s.sit(guest), nil
}

// usable reports whether somebody may begin to use it. The caller holds of.mu.
func (s *sharedTarget) usable() bool { return !s.worn && !s.failed && !s.closed }

// sit gives one more seat, a line's or a guest's. The caller holds of.mu.
func (s *sharedTarget) sit(guest bool) *seat {
	if guest {
		s.guests++
	} else {
		s.seats++
	}
	return &seat{sharedTarget: s, guest: guest}
}

// Close gives up the seat. The connection ends with its last seat; a dead one ends at
// once, so that nobody waits on it.
func (s *seat) Close() error {
	t := s.of
	t.mu.Lock()
	var ended bool
	if !s.left {
		s.left = true
		if s.guest {
			s.guests--
		} else {
			s.seats--
		}
		ended = s.over(s.dead)
	}
	t.mu.Unlock()
	return s.end(ended)
}

// over notes that the connection ends, if it is time. Under of.mu.
func (s *sharedTarget) over(dead bool) bool {
	if s.closed || !dead && s.seats+s.guests > 0 && (!s.worn || s.busy > 0) {
		return false
	}
	s.closed = true
	s.of.ending++
	s.of.shared = slices.DeleteFunc(s.of.shared, func(other *sharedTarget) bool { return other == s })
	return true
}

// end ends the connection if it is over.
func (s *sharedTarget) end(over bool) error {
	if !over {
		return nil
	}
	err := s.Target.Close()
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.ending--
	s.of.changed()
	return err
}

// Traffic is what the connection has cost, told once: to the seat that ended it.
func (s *seat) Traffic() migration.Traffic {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if !s.closed || s.told {
		return migration.Traffic{}
	}
	s.told = true
	return s.Target.Traffic()
}

// do does something on the connection, unless that is worn, and notes what became of it.
func (s *seat) do(ctx context.Context, what func() error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	return s.finish(what())
}

// begin counts in what the seat has under way, once no other is alone. On a worn
// connection it is a fault of code connection-worn, as the connection's own is.
func (s *seat) begin(ctx context.Context) error {
	return s.when(ctx, func() bool {
		if s.sharedTarget.alone != nil && s.sharedTarget.alone != s {
			return false
		}
		s.busy++
		return true
	})
}

// tryBegin is begin where that need not wait.
func (s *seat) tryBegin() bool {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	free := s.usable() && (s.sharedTarget.alone == nil || s.sharedTarget.alone == s)
	if free {
		s.busy++
	}
	return free
}

// when waits until something can be begun, under of.mu.
func (s *seat) when(ctx context.Context, begun func() bool) error {
	for {
		s.of.mu.Lock()
		if s.worn {
			s.of.mu.Unlock()
			return &migration.Fault{Class: migration.Again, Code: migration.CodeWorn, Doing: "using a connection that has had many refusals",
				Remedy: "Nothing to do: the work goes on on a new connection."}
		}
		if begun() {
			s.of.mu.Unlock()
			return nil
		}
		change := s.of.next()
		s.of.mu.Unlock()
		if err := await(ctx, change); err != nil {
			return err
		}
	}
}

// takeAlone waits until no other seat has anything under way, and keeps it so until the
// connection is given back: what happens to it then has one cause.
func (s *seat) takeAlone(ctx context.Context) (giveBack func(), err error) {
	claimed := false
	giveBack = func() {
		s.of.mu.Lock()
		defer s.of.mu.Unlock()
		if claimed {
			s.sharedTarget.alone = nil
			s.of.changed()
		}
	}
	err = s.when(ctx, func() bool {
		if s.sharedTarget.alone == nil {
			s.sharedTarget.alone, claimed = s, true // nobody else begins anything
		}
		return claimed && s.busy == 0
	})
	if err != nil {
		giveBack()
		return nil, err
	}
	return giveBack, nil
}

// aloneOn has a line's connection to the target to itself.
func aloneOn(ctx context.Context, target Target) (giveBack func(), err error) {
	if w, spread := target.(*wide); spread {
		target = w.Target // what is alone goes over that one
	}
	if s, shared := target.(*seat); shared {
		giveBack, err = s.takeAlone(ctx)
		return giveBack, onTarget(err)
	}
	return func() {}, nil
}

// finish ends begin.
func (s *seat) finish(err error) error {
	s.of.mu.Lock()
	if s.busy--; s.busy == 0 {
		s.of.changed()
	}
	switch {
	case err == nil || migration.ClassOf(err) != migration.Again:
	case migration.CodeOf(err) == migration.CodeWorn:
		s.worn = true
	default:
		s.dead = true
	}
	ended := s.worn && s.over(false)
	s.of.mu.Unlock()
	_ = s.end(ended)
	return err
}

func (s *sharedTarget) takeFloor(ctx context.Context) error {
	select {
	case s.floor <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *sharedTarget) tryFloor() bool {
	select {
	case s.floor <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *sharedTarget) leaveFloor() { <-s.floor }

// Open opens a folder for this seat.
func (s *seat) Open(ctx context.Context, open migration.Open) (status migration.FolderStatus, err error) {
	err = s.do(ctx, func() error {
		flags, free := s.flags.Load(), s.tryFloor()
		if !free && flags != nil && open.Query == nil {
			status, err = s.lookAt(ctx, open, flags)
			return err
		}
		if !free {
			if err := s.takeFloor(ctx); err != nil {
				return err
			}
		}
		defer s.leaveFloor()
		s.folder, s.opened = openFolder{}, openFolder{}
		if status, err = s.Target.Open(ctx, open); err != nil {
			return err
		}
		s.folder = openFolder{open.Folder, status.UIDValidity, open.ReadOnly}
		s.opened = s.folder
		s.flags.Store(&status)
		return nil
	})
	return status, err
}

// lookAt has a folder count as opened for this seat while others use the one that is
// open: its counters are asked for, and the flags taken for those of another folder.
func (s *seat) lookAt(ctx context.Context, open migration.Open, flags *migration.FolderStatus) (migration.FolderStatus, error) {
	s.folder, open.Unselected = openFolder{}, true
	status, err := s.Target.Open(ctx, open)
	if err != nil {
		return status, err
	}
	s.folder = openFolder{open.Folder, status.UIDValidity, open.ReadOnly}
	status.Flags, status.PermanentFlags = flags.Flags, flags.PermanentFlags
	return status, nil
}

// with does something with the folder that the seat has open, which is opened again when
// another seat has opened its own meanwhile.
func (s *seat) with(ctx context.Context, what func() error) error {
	return s.do(ctx, func() error {
		if err := s.takeFloor(ctx); err != nil {
			return err
		}
		defer s.leaveFloor()
		if err := s.openAgain(ctx); err != nil {
			return err
		}
		return what()
	})
}

func (s *seat) openAgain(ctx context.Context) error {
	if s.opened == s.folder {
		return nil
	}
	s.opened = openFolder{}
	status, err := s.Target.Open(ctx, migration.Open{Folder: s.folder.raw, ReadOnly: s.folder.readOnly})
	if err != nil {
		return err
	}
	if status.UIDValidity != s.folder.uidValidity {
		return folderFault(migration.CodeUIDValidity, "the target folder was rebuilt during the pass; the next one goes on")
	}
	s.opened = s.folder
	return nil
}

func (s *seat) Folders(ctx context.Context) (folders []migration.Folder, err error) {
	err = s.do(ctx, func() error {
		folders, err = s.Target.Folders(ctx)
		return err
	})
	return folders, err
}

func (s *seat) Status(ctx context.Context, rawNames []string) (statuses []*migration.FolderStatus, err error) {
	err = s.do(ctx, func() error {
		statuses, err = s.Target.Status(ctx, rawNames)
		return err
	})
	return statuses, err
}

func (s *seat) Messages(ctx context.Context, query migration.Query) error {
	return s.with(ctx, func() error { return s.Target.Messages(ctx, query) })
}

func (s *seat) UIDs(ctx context.Context) (uids migration.UIDSet, err error) {
	err = s.with(ctx, func() error {
		uids, err = s.Target.UIDs(ctx)
		return err
	})
	return uids, err
}

func (s *seat) Attributes(ctx context.Context, uids migration.UIDSet, names []string, each func(migration.UID, map[string]string) error) error {
	return s.with(ctx, func() error { return s.Target.Attributes(ctx, uids, names, each) })
}

func (s *seat) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	return s.with(ctx, func() error { return s.Target.Bodies(ctx, uids, each) })
}

func (s *seat) StoreFlags(ctx context.Context, uids migration.UIDSet, add bool, flags migration.Flags) error {
	return s.with(ctx, func() error { return s.Target.StoreFlags(ctx, uids, add, flags) })
}

func (s *seat) Expunge(ctx context.Context, uids migration.UIDSet) error {
	return s.with(ctx, func() error { return s.Target.Expunge(ctx, uids) })
}

func (s *seat) Create(ctx context.Context, rawName string) error {
	return s.do(ctx, func() error { return s.Target.Create(ctx, rawName) })
}

func (s *seat) Subscribe(ctx context.Context, rawName string) error {
	return s.do(ctx, func() error { return s.Target.Subscribe(ctx, rawName) })
}
