package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/store"
)

// allowance is the day's budget of one account. It counts the bytes on all lines to
// the account, TLS included, and keeps them in the store, so that they count after a
// restart and in other batches. A pass does not begin anything new for an account
// that has nothing left: it gets a fault that says when there is room again.
type allowance struct {
	account string // for people
	budget  migration.DayBudget
	store   *store.Store

	mu    sync.Mutex
	moved store.Moved
	// down and up, of the hour, are not on record yet; unkept is why they could not
	// be.
	hour     int64
	down, up int64
	unkept   error
}

const (
	// noteEvery is after how many bytes what was moved is put on record: as much
	// may be forgotten when the process dies.
	noteEvery = 4 << 20
	// noteTime bounds putting on record.
	noteTime = 30 * time.Second
	// reserveMost is what is kept of a budget for the messages that are under way
	// when it runs out. Of a small budget it is a tenth.
	reserveMost = 64 << 20
	// windows is what windows under way may hold: with less room, messages are read
	// one by one.
	windows = 32 << 20
	// shortestRest is how long an account rests at least.
	shortestRest = time.Minute
)

// allowances are those of all accounts.
type allowances struct {
	mu  sync.Mutex
	all map[string]*allowance
	// swept is the hour in which what counts no longer was last forgotten.
	swept int64
}

// of gives the allowance of an account at an endpoint, nil for one without a
// budget.
func (as *allowances) of(ctx context.Context, ledgers *store.Store, user string, endpoint migration.Endpoint, budget migration.DayBudget) (*allowance, error) {
	if budget.None() {
		return nil, nil
	}
	account := strings.ToLower(user) + " at " + plainHost(endpoint.Host)
	as.mu.Lock()
	if as.all == nil {
		as.all = map[string]*allowance{}
	}
	a := as.all[account]
	if a == nil {
		a = &allowance{account: account, store: ledgers}
		as.all[account] = a
	}
	now := migration.HourOf(time.Now())
	sweep := as.swept != now
	as.swept = now
	as.mu.Unlock()
	if sweep {
		const kept = 48
		if err := ledgers.ForgetMoved(ctx, now-kept); err != nil {
			return nil, err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.budget = budget
	return a, a.note(ctx)
}

// note puts on record what is not, and takes up what others have; the lock is held.
func (a *allowance) note(ctx context.Context) error {
	moved, err := a.store.NoteMoved(ctx, a.account, a.hour, a.down, a.up)
	if a.unkept = err; err == nil {
		a.moved, a.down, a.up = moved, 0, 0
	}
	return err
}

// count takes up what was moved.
func (a *allowance) count(down, up int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn()
	if a.down, a.up = a.down+int64(down), a.up+int64(up); a.down+a.up >= noteEvery {
		a.noteNow()
	}
}

// turn puts on record what was moved in an hour that has ended; the lock is held.
func (a *allowance) turn() {
	if now := migration.HourOf(time.Now()); now != a.hour {
		if a.down+a.up > 0 {
			a.noteNow()
		}
		a.hour = now
	}
}

func (a *allowance) noteNow() {
	ctx, cancel := context.WithTimeout(context.Background(), noteTime)
	defer cancel()
	_ = a.note(ctx) // unkept tells
}

// line is a connection whose bytes count.
type countedLine struct {
	net.Conn
	allowance *allowance
}

// counted wraps a connection to the account; of none it is as it was.
func (a *allowance) counted(line net.Conn) net.Conn {
	if a == nil {
		return line
	}
	return &countedLine{line, a}
}

// Read counts what has come.
func (l *countedLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.allowance.count(n, 0)
	return n, err
}

// Write counts what has gone.
func (l *countedLine) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.allowance.count(0, n)
	return n, err
}

// Close puts what was moved on record.
func (l *countedLine) Close() error {
	err := l.Conn.Close()
	l.allowance.mu.Lock()
	defer l.allowance.mu.Unlock()
	l.allowance.noteNow()
	return err
}

// ways are both directions; the lock is held.
func (a *allowance) ways() [2]way {
	return [2]way{
		{"read", "down", a.budget.Down, a.moved.Down, a.down, a.hour},
		{"written", "up", a.budget.Up, a.moved.Up, a.up, a.hour},
	}
}

// way is one direction.
type way struct {
	done, flag string
	limit      int64
	moved      migration.HourUse
	// unnoted bytes of the hour are not on record.
	unnoted, hour int64
}

// use is what counts of the way, with what is not on record.
func (w way) use() migration.HourUse {
	use := migration.HourUse{w.hour: w.unnoted}
	for hour, n := range w.moved {
		use[hour] += n
	}
	return use
}

// reserve is what is kept of the budget.
func (w way) reserve() int64 { return min(w.limit/10, reserveMost) }

// check is nil while there is room for something new.
func (a *allowance) check() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.turn(); a.unkept != nil {
		return a.unkept
	}
	now := time.Now()
	for _, w := range a.ways() {
		use := w.use()
		used := use.Used(now)
		if w.limit == 0 || w.limit-used >= w.reserve() {
			continue
		}
		again := use.RoomAgain(w.limit, min(4*w.reserve(), w.limit), now)
		return &migration.Fault{Class: migration.Later, Code: migration.CodeDayBudget, After: max(again.Sub(now), shortestRest),
			Doing:  fmt.Sprintf("moving mail of %s: of the %s that may be %s in 24 hours, %s are", migration.SafeText(a.account), byteSize(w.limit), w.done, byteSize(used)),
			Remedy: fmt.Sprintf("Nothing to do: it goes on at %s. If the server allows more, raise the budget (bytes-per-day-%s).", again.UTC().Format("2006-01-02 15:04 UTC"), w.flag)}
	}
	return nil
}

// endAfter is when so many bytes can have been moved in a direction at the earliest,
// zero when the budget does not hold them up.
func (a *allowance) endAfter(down, up int64) (end time.Time) {
	if a == nil {
		return end
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn()
	ways, now := a.ways(), time.Now()
	for i, bytes := range [2]int64{down, up} {
		if limit := ways[i].limit - ways[i].reserve(); bytes > 0 {
			if at := ways[i].use().EndAfter(limit, bytes, now); at.After(end) {
				end = at
			}
		}
	}
	return end
}

// earliestEnd is when a copy with so many bytes to go can have ended, as far as the
// budgets of both accounts go.
func earliestEnd(source, target *allowance, left int64) time.Time {
	end := source.endAfter(left, 0)
	if at := target.endAfter(0, left); at.After(end) {
		return at
	}
	return end
}

// rationedSource begins nothing new for an account without room.
type rationedSource struct {
	mailsync.Session
	allowance *allowance
}

// Bodies is refused when there is no room.
func (s rationedSource) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	return s.allowance.bodies(ctx, s.Session, uids, each)
}

// bodies reads messages for as long as there is room.
func (a *allowance) bodies(ctx context.Context, session mailsync.Session, uids migration.UIDSet, each func(migration.Body) error) error {
	if a.plenty() {
		return session.Bodies(ctx, uids, each)
	}
	for uid := range uids.All() {
		if err := a.check(); err != nil {
			return err
		}
		if err := session.Bodies(ctx, migration.NewUIDSet(uid), each); err != nil {
			return err
		}
	}
	return nil
}

// plenty reports whether there is room to read for windows on all connections.
func (a *allowance) plenty() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	down := a.ways()[0]
	return down.limit == 0 || down.limit-down.use().Used(time.Now()) >= down.reserve()+windows
}

// rationedTarget begins nothing new for an account without room.
type rationedTarget struct {
	mailsync.Target
	allowance *allowance
}

// Bodies is refused when there is no room.
func (t rationedTarget) Bodies(ctx context.Context, uids migration.UIDSet, each func(migration.Body) error) error {
	return t.allowance.bodies(ctx, t.Target, uids, each)
}

// Appender gives a pipeline whose messages are refused when there is no room.
func (t rationedTarget) Appender(rawName string, options migration.AppendOptions, done func(migration.AppendResult)) mailsync.Appender {
	return rationedAppender{t.Target.Appender(rawName, options, done), t.allowance, done}
}

type rationedAppender struct {
	mailsync.Appender
	allowance *allowance
	done      func(migration.AppendResult)
}

// Append refuses the message before any of it is sent, as a server that has no room
// does.
func (a rationedAppender) Append(ctx context.Context, message migration.AppendMessage, body io.Reader) error {
	if a.refuses(message.Key) {
		return nil
	}
	return a.Appender.Append(ctx, message, body)
}

// refuses gives the message back when there is no room.
func (a rationedAppender) refuses(key migration.UID) bool {
	err := a.allowance.check()
	if err != nil {
		a.done(migration.AppendResult{Key: key, Err: err})
	}
	return err != nil
}

// source wraps a source session of the account.
func (a *allowance) source(session mailsync.Session) mailsync.Session {
	if a == nil {
		return session
	}
	return rationedSource{session, a}
}

// target wraps a target session of the account.
func (a *allowance) target(session mailsync.Target) mailsync.Target {
	if a == nil {
		return session
	}
	return rationedTarget{session, a}
}

const dayBudgetHelp = "`DOWN,UP`: what an account of the %s may read and write in 24 hours, such as 2500M,500M; 0 is any number (default: 2500M,500M for Gmail, else none)"

// parseDayBudget reads two amounts; empty is what is usual for the host.
func parseDayBudget(flag, text, host string) (migration.DayBudget, error) {
	if text == "" {
		return migration.UsualBudget(host), nil
	}
	down, up, found := strings.Cut(text, ",")
	var budget migration.DayBudget
	var err error
	if !found {
		err = errors.New("there is no comma")
	}
	for _, part := range []struct {
		text string
		into *int64
	}{{down, &budget.Down}, {up, &budget.Up}} {
		if err == nil {
			*part.into, err = parseAmount(part.text)
		}
	}
	if err != nil {
		return budget, usageError("%s %q: %w; want two amounts such as 2500M,500M, or 0,0 for none", flag, migration.SafeText(text), err)
	}
	return budget, nil
}

// parseAmount reads a number of bytes, with k, M, G or T for thousands of them.
func parseAmount(text string) (int64, error) {
	number, factor := text, int64(1)
	if n := len(text); n > 0 {
		if power := strings.IndexByte("KMGT", strings.ToUpper(text[n-1:])[0]); power >= 0 {
			number = text[:n-1]
			for range power + 1 {
				factor *= 1000
			}
		}
	}
	amount, err := strconv.ParseInt(number, 10, 64)
	if err != nil || amount < 0 || amount > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is no number of bytes", migration.SafeText(text))
	}
	return amount * factor, nil
}
