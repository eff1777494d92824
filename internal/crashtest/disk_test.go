package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// diskFault is a call on the ledger's files that fails at its n-th time.
// Strace counts for each thread of the command by itself.
type diskFault struct {
	calls, errno string
	n            int
}

func (f diskFault) String() string { return fmt.Sprintf("%s %s %d", f.calls, f.errno, f.n) }

var (
	failingSync  = diskFault{calls: "fsync,fdatasync", errno: "EIO"}
	fullDisk     = diskFault{calls: "pwrite64", errno: "ENOSPC"}
	failingWrite = diskFault{calls: "pwrite64", errno: "EIO"}
)

// sickroom is a migration between two servers in memory, by the command, with a
// ledger on a disk that fails.
type sickroom struct {
	strace, binary string
	source, target *fake
	dir            string
	mu             sync.Mutex
	// arrived is when the last literal of a user came in whole.
	arrived map[string]time.Time
}

func newSickroom(t *testing.T) *sickroom {
	t.Helper()
	r := &sickroom{strace: needs(t, "strace"), binary: mailhaul(t), dir: t.TempDir(), arrived: map[string]time.Time{}}
	r.source = startFake(t, imapfake.Options{})
	r.target = startFake(t, imapfake.Options{Hook: func(e imapfake.Event) {
		if e.Point == imapfake.Arrived {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.arrived[e.User] = time.Now()
		}
	}})
	return r
}

// patient is one migration that meets one fault.
type patient struct {
	room   *sickroom
	user   string
	ledger string
	source *imapfake.Mailbox
	target *imapfake.Mailbox
}

func (r *sickroom) admit(user string) *patient {
	p := &patient{room: r, user: user, ledger: filepath.Join(r.dir, user+".db"), source: r.source.AddUser(user, password), target: r.target.AddUser(user, password)}
	mail := newCorpus(11)
	post(p.source, mail.odd()...)
	post(p.source, mail.many(60)...)
	return p
}

func (p *patient) args() []string {
	return []string{
		"copy", "--source", fmt.Sprintf("imap+plain://%s@%s", p.user, p.room.source.addr), "--target", fmt.Sprintf("imap+plain://%s@%s", p.user, p.room.target.addr),
		"--allow-cleartext", "--ledger", p.ledger, "--settle", "100ms", "--connections", "2", "--json",
	}
}

// suffer runs the command with the fault. It gives the number of calls that
// failed and the time of the last.
func (p *patient) suffer(t *testing.T, f diskFault) (*process, int, time.Time) {
	t.Helper()
	log := p.ledger + ".strace"
	args := []string{"-f", "-qq", "-ttt", "-o", log}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		args = append(args, "-P", p.ledger+suffix)
	}
	args = append(args, "-e", "trace="+f.calls, "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", f.calls, f.errno, f.n), p.room.binary)
	command := start(t, p.room.strace, append(args, p.args()...)...)
	command.status(t)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	hits := injected.FindAllStringSubmatch(string(text), -1)
	if len(hits) == 0 {
		return command, 0, time.Time{}
	}
	seconds, _ := strconv.ParseFloat(hits[len(hits)-1][1], 64)
	return command, len(hits), time.UnixMicro(int64(seconds * 1e6))
}

var injected = regexp.MustCompile(`(?m)^\d+ +(\d+\.\d+) .*\(INJECTED\)$`)

// checkStop judges how the command ended after the fault.
func (p *patient) checkStop(t *testing.T, command *process) {
	t.Helper()
	talk := command.stderr.String()
	if status := command.status(t); status != 1 {
		t.Errorf("exit status %d, want 1: %s", status, talk)
	}
	for _, want := range []string{p.ledger, "what to do: "} {
		if !strings.Contains(talk, want) {
			t.Errorf("the message lacks %q: %s", want, talk)
		}
	}
}

// checkRecords makes sure that the target holds nothing the ledger has no record
// of (invariant I1).
func (p *patient) checkRecords(t *testing.T) {
	t.Helper()
	recorded, err := p.records()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range p.target.Folders() {
		if n := p.target.Len(folder); n > recorded[folder] {
			t.Errorf("the target's %s holds %d messages, the ledger has a record of %d", folder, n, recorded[folder])
		}
	}
}

// records counts the messages that the ledger calls copied or intended, by
// target folder.
func (p *patient) records() (counts map[string]int, err error) {
	// A process that starts meanwhile would inherit the lock on the ledger.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ctx := context.Background()
	file, err := store.Open(ctx, p.ledger, store.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	mailboxes, err := file.Mailboxes(ctx)
	if err != nil || len(mailboxes) == 0 {
		return nil, err
	}
	ledger, err := file.Mailbox(ctx, mailboxes[0].Source, mailboxes[0].Target)
	if err != nil {
		return nil, err
	}
	return recordsOf(ctx, ledger)
}

// late is how long after a failed call bytes may still arrive that had left the
// command before it.
const late = 500 * time.Millisecond

// treat lets the command meet the fault, checks how it stopped, and lets it go
// on without. It reports whether there was a fault, and whether it stopped.
func (r *sickroom) treat(t *testing.T, user string, f diskFault) (hit, stopped bool) {
	t.Helper()
	p := r.admit(user)
	command, hits, at := p.suffer(t, f)
	if hits == 0 {
		return false, false
	}
	if command.status(t) != 0 {
		stopped = true
		p.checkStop(t, command)
		p.checkRecords(t)
		r.mu.Lock()
		arrived := r.arrived[user]
		r.mu.Unlock()
		if arrived.After(at.Add(late)) {
			t.Errorf("a message was sent %v after the fault", arrived.Sub(at))
		}
	}
	finish(t, r.binary, p.args()...)
	if again := finish(t, r.binary, p.args()...); again.Total.Messages.Copied != 0 {
		t.Errorf("one more pass copied %d", again.Total.Messages.Copied)
	}
	expectSame(t, p.source, p.target, imapfake.CompareOptions{})
	return true, stopped
}

func TestFailingDiskStopsTheCommandAndLosesNothing(t *testing.T) {
	t.Parallel()
	r := newSickroom(t)
	for i, f := range []diskFault{failingSync, fullDisk, failingWrite} {
		for _, f.n = range []int{3, 9} {
			t.Run(f.String(), func(t *testing.T) {
				hit, stopped := r.treat(t, fmt.Sprintf("d%d-%d", i, f.n), f)
				t.Logf("hit %t, stopped %t", hit, stopped)
			})
		}
	}
}

func TestLongDiskFailingAtEveryCallStopsTheCommandAndLosesNothing(t *testing.T) {
	effort.NeedLong(t)
	for i, f := range []diskFault{failingSync, fullDisk, failingWrite} {
		t.Run(f.calls+" "+f.errno, func(t *testing.T) {
			t.Parallel()
			r, stops, misses := newSickroom(t), 0, 0
			// The threads' counts differ from run to run: only several misses
			// in a row say that there are no more calls.
			for f.n = 1; f.n <= 200 && misses < 5; f.n++ {
				hit, stopped := r.treat(t, fmt.Sprintf("d%d-%d", i, f.n), f)
				if misses++; hit {
					misses = 0
				}
				if stopped {
					stops++
				}
				if t.Failed() {
					t.Fatal(f)
				}
			}
			t.Logf("%d calls, of which %d stopped the command", f.n-1-misses, stops)
		})
	}
}
