package mailsync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// line is a pair of connections, one to each side, that a worker uses. They are
// dialled when first needed.
type line struct {
	job    *Job
	meter  *meter
	source Session
	target Target
	// sourceFolder and targetFolder are the raw names of what is open.
	sourceFolder, targetFolder string
	// targetBroken is set when half a message is on the target's line.
	targetBroken atomic.Bool
	// ahead is the dialling that began before the line was needed.
	ahead sync.WaitGroup
	// aside are folders that are finished beside its work.
	aside sync.WaitGroup
}

// sideFault says on which side of the line a fault came up.
type sideFault struct {
	target bool
	err    error
}

func (s *sideFault) Error() string {
	if s.target {
		return "target: " + s.err.Error()
	}
	return "source: " + s.err.Error()
}

func (s *sideFault) Unwrap() error { return s.err }

// SideOf says on which side an error of Run or Preview came up, "source" or "target";
// empty when on neither.
func SideOf(err error) string {
	var s *sideFault
	switch {
	case !errors.As(err, &s):
		return ""
	case s.target:
		return "target"
	}
	return "source"
}

func onSource(err error) error {
	if err == nil {
		return nil
	}
	return &sideFault{err: err}
}

func onTarget(err error) error {
	if err == nil {
		return nil
	}
	return &sideFault{target: true, err: err}
}

// dial makes the sides that are missing, both at once.
func (l *line) dial(ctx context.Context, needTarget bool) error {
	l.ahead.Wait()
	return l.dialNow(ctx, needTarget)
}

func (l *line) dialNow(ctx context.Context, needTarget bool) error {
	var work sync.WaitGroup
	var sourceErr, targetErr error
	if l.source == nil {
		work.Go(func() {
			var session Session
			if session, sourceErr = l.job.Source(ctx); sourceErr == nil {
				l.source = session
			}
		})
	}
	if needTarget && l.target == nil {
		work.Go(func() {
			var session Target
			if session, targetErr = l.job.Target(ctx); targetErr == nil {
				l.target = session
			}
		})
	}
	work.Wait()
	if sourceErr != nil {
		return onSource(sourceErr)
	}
	return onTarget(targetErr)
}

// examine opens the source folder unless it is open.
func (l *line) examine(ctx context.Context, raw string, query *migration.Query) (migration.FolderStatus, error) {
	l.sourceFolder = ""
	status, err := l.source.Open(ctx, migration.Open{Folder: raw, ReadOnly: true, Query: query})
	if err == nil {
		l.sourceFolder = raw
	}
	return status, onSource(err)
}

// selectTarget opens the target folder anew, so that its counters are current.
func (l *line) selectTarget(ctx context.Context, open migration.Open) (migration.FolderStatus, error) {
	l.targetFolder = ""
	status, err := l.target.Open(ctx, open)
	if err != nil {
		return status, onTarget(err)
	}
	l.targetFolder = open.Folder
	if status.UIDNext == 0 {
		status.UIDNext, status.UIDNextGuessed, err = l.nextUID(ctx, open.Folder)
	}
	return status, onTarget(err)
}

// nextUID finds UIDNEXT on servers that leave it out of SELECT (RFC 3501
// section 6.3.1 allows it): by STATUS, or else it is guessed from the highest UID
// there is.
func (l *line) nextUID(ctx context.Context, raw string) (next migration.UID, guessed bool, err error) {
	statuses, err := l.target.Status(ctx, []string{raw})
	if err != nil {
		return 0, false, err
	}
	if statuses[0] != nil && statuses[0].UIDNext != 0 {
		return statuses[0].UIDNext, false, nil
	}
	uids, err := l.target.UIDs(ctx)
	return uids.Max() + 1, true, err
}

// dropDead closes the side that a fault has killed, and the target when half a
// message is on its way there.
func (l *line) dropDead(err error) {
	if l.targetBroken.Swap(false) {
		l.closeTarget()
	}
	var side *sideFault
	if !asSide(err, &side) || migration.ClassOf(err) != migration.Again {
		return
	}
	if side.target {
		l.closeTarget()
	} else {
		l.closeSource()
	}
}

func (l *line) closeSource() {
	if l.source != nil {
		_ = l.source.Close()
		l.meter.source(l.source.Traffic())
		l.source, l.sourceFolder = nil, ""
	}
}

func (l *line) closeTarget() {
	if l.target != nil {
		_ = l.target.Close()
		l.meter.target(l.target.Traffic())
		l.target, l.targetFolder = nil, ""
	}
}

func (l *line) close() {
	l.ahead.Wait()
	l.aside.Wait()
	l.closeSource()
	l.closeTarget()
}

// meter sums up what the lines of a pass cost.
type meter struct {
	mu       sync.Mutex
	onSource migration.Traffic
	onTarget migration.Traffic
}

func (m *meter) source(t migration.Traffic) { m.count(&m.onSource, t) }
func (m *meter) target(t migration.Traffic) { m.count(&m.onTarget, t) }

func (m *meter) count(sum *migration.Traffic, t migration.Traffic) {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum.Add(t)
}

// ledgerFault marks an error of the ledger as one that stops everything.
func ledgerFault(doing string, err error) error {
	if err == nil || migration.FaultOf(err) != nil {
		return err
	}
	return &migration.Fault{Class: migration.Stop, Code: migration.CodeLedger, Doing: doing, Err: err}
}

func folderFault(code, reason string, args ...any) error {
	return &migration.Fault{Class: migration.OneFolder, Code: code, Doing: fmt.Sprintf(reason, args...)}
}
