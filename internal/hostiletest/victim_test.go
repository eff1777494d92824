package hostiletest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// victimVariable makes a child process of the test binary the victim: it reads
// plans from stdin and writes an outcome for each to stdout. Its value is the
// address of the healthy server.
const victimVariable = "MAILHAUL_HOSTILE_VICTIM"

// operation is what the client asks of the evil server.
type operation string

const (
	dialing      operation = "dial"
	listing      operation = "folders"
	asking       operation = "status"
	opening      operation = "open"
	fetching     operation = "bodies"
	cataloguing  operation = "messages"
	searching    operation = "uids"
	appending    operation = "append"
	describing   operation = "attributes"
	healthyCount           = 10
)

// plan is what the child does; outcome is what it found.
type plan struct {
	Evil       string
	Operation  operation
	Compress   bool
	Idle, Slow time.Duration
	Rounds     int
	// Folders is the limit of folders, zero for the default.
	Folders int
}

type outcome struct {
	Class migration.Class
	Code  string
	Error string
	// BaseKiB and PeakKiB are the peak of resident memory (VmHWM) of the
	// healthy sessions alone, and with the attack.
	BaseKiB, PeakKiB int64
	// Before and During are how long the healthy sessions' rounds took, Attack
	// how long the attack.
	Before, During, Attack time.Duration
	Healthy                string
}

// runVictim is the child.
func runVictim(healthy string) int {
	err := func() error {
		ctx := context.Background()
		sessions, err := healthySessions(ctx, healthy)
		if err != nil {
			return err
		}
		plans := json.NewDecoder(os.Stdin)
		for {
			var p plan
			if err := plans.Decode(&p); err != nil {
				return err
			}
			o, err := p.run(ctx, sessions)
			if err == nil {
				err = json.NewEncoder(os.Stdout).Encode(o)
			}
			if err != nil {
				return err
			}
		}
	}()
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func healthySessions(ctx context.Context, address string) ([]*imap.Session, error) {
	sessions := make([]*imap.Session, healthyCount)
	for i := range sessions {
		s, err := dial(ctx, address, imap.Options{Credential: imap.Credential{User: "anna", Password: secret.New("p")}})
		if err != nil {
			return nil, err
		}
		if _, err := s.Open(ctx, migration.Open{Folder: "INBOX", ReadOnly: true}); err != nil {
			return nil, err
		}
		sessions[i] = s
	}
	return sessions, nil
}

func (p plan) run(ctx context.Context, sessions []*imap.Session) (o outcome, err error) {
	debug.FreeOSMemory() // what the attack before has left
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return o, fmt.Errorf("resetting the peak of memory: %w", err)
	}
	over := &atomic.Bool{}
	over.Store(true)
	for range 2 { // the first is for warming up
		if o.Before, err = p.fetchAll(ctx, sessions, over); err != nil {
			return o, err
		}
	}
	if o.BaseKiB, err = peak(); err != nil {
		return o, err
	}
	over.Store(false)
	var attack sync.WaitGroup
	attack.Go(func() {
		defer over.Store(true)
		begun := time.Now()
		if attackErr := p.attacked(ctx); attackErr != nil {
			o.Class, o.Code, o.Error = migration.ClassOf(attackErr), migration.CodeOf(attackErr), attackErr.Error()
		}
		o.Attack = time.Since(begun)
	})
	during, healthyErr := p.fetchAll(ctx, sessions, over)
	attack.Wait()
	if o.During = during; healthyErr != nil {
		o.Healthy = healthyErr.Error()
	}
	o.PeakKiB, err = peak()
	return o, err
}

// fetchAll has every session fetch its folder round by round, and on until the
// attack is over. It gives the time that the planned rounds took.
func (p plan) fetchAll(ctx context.Context, sessions []*imap.Session, over *atomic.Bool) (time.Duration, error) {
	took, errs := make([]time.Duration, len(sessions)), make([]error, len(sessions))
	var all sync.WaitGroup
	for i, s := range sessions {
		all.Go(func() {
			begun := time.Now()
			for round := 1; round <= p.Rounds || !over.Load(); round++ {
				count := 0
				errs[i] = s.Bodies(ctx, migration.UIDsFrom(1, healthyMessages), func(b migration.Body) error {
					count++
					_, err := io.Copy(io.Discard, b.Reader)
					return err
				})
				if errs[i] == nil && count != healthyMessages {
					errs[i] = fmt.Errorf("%d messages of %d", count, healthyMessages)
				}
				if errs[i] != nil {
					return
				}
				if round == p.Rounds {
					took[i] = time.Since(begun)
				}
			}
		})
	}
	all.Wait()
	longest := time.Duration(0)
	for i := range sessions {
		if errs[i] != nil {
			return 0, errs[i]
		}
		longest = max(longest, took[i])
	}
	return longest, nil
}

func dial(ctx context.Context, address string, options imap.Options) (*imap.Session, error) {
	hostName, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	options.Endpoint = migration.Endpoint{Host: hostName, Port: n, Security: migration.Cleartext, AllowCleartext: true}
	return imap.Dial(ctx, options)
}

// attacked is what the client does with the evil server.
func (p plan) attacked(ctx context.Context) error {
	options := imap.Options{Timeouts: imap.Timeouts{Idle: p.Idle, Slow: p.Slow}, Compress: p.Compress, Limits: wire.Limits{Folders: p.Folders}}
	if p.Compress {
		options.Credential = imap.Credential{User: "anna", Password: secret.New("p")}
	}
	s, err := dial(ctx, p.Evil, options)
	if err != nil {
		return err
	}
	defer s.Close()
	asked := migration.UIDsFrom(1, 3)
	drop := func(migration.Message) error { return nil }
	switch p.Operation {
	case listing:
		_, err = s.Folders(ctx)
	case asking:
		_, err = s.Status(ctx, []string{"INBOX"})
	case opening:
		_, err = s.Open(ctx, migration.Open{Folder: "INBOX", Query: &migration.Query{From: 1, Flags: true, ChangedSince: 1, Each: drop, Vanished: func(migration.UIDSet) {}}})
	case cataloguing:
		err = s.Messages(ctx, migration.Query{From: 1, Flags: true, Date: true, Size: true, Header: []string{"SUBJECT"}, Each: drop})
	case searching:
		_, err = s.UIDs(ctx)
	case describing:
		err = s.Attributes(ctx, asked, []string{"X-GM-LABELS"}, func(migration.UID, map[string]string) error { return nil })
	case fetching:
		err = s.Bodies(ctx, asked, func(b migration.Body) error {
			if !asked.Contains(b.UID) {
				return fmt.Errorf("message %d was not asked for", b.UID)
			}
			_, err := io.Copy(io.Discard, b.Reader)
			return err
		})
	case appending:
		err = appendOne(ctx, s)
	}
	return err
}

func appendOne(ctx context.Context, s *imap.Session) error {
	var result migration.AppendResult
	a := s.Appender("INBOX", migration.AppendOptions{Single: true}, func(r migration.AppendResult) { result = r })
	if err := a.Append(ctx, migration.AppendMessage{Key: 1, Size: 4}, strings.NewReader("mail")); err != nil {
		return err
	}
	if err := a.Flush(ctx); err != nil {
		return err
	}
	if result.Err == nil && result.UID != 0 {
		return fmt.Errorf("an invented UID was believed: %d", result.UID)
	}
	return result.Err
}

// peak is the most memory this process has had resident, in KiB.
func peak() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0, fmt.Errorf("no VmHWM in /proc/self/status")
	}
	return strconv.ParseInt(fields[0], 10, 64)
}
