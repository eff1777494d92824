package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// lock keeps other processes off a ledger. It lies beside the ledger and stays
// there: who removes a locked file lets two in.
type lock struct{ file *os.File }

// ErrOpenElsewhere is in the error of Open when another process has the file.
var ErrOpenElsewhere = errors.New("another process has the file")

// lockedError names who has the ledger.
type lockedError struct{ holder string }

func (e *lockedError) Is(target error) bool { return target == ErrOpenElsewhere }

func (e *lockedError) Error() string {
	return "it is in use by " + e.holder
}

// takeLock takes the lock or fails at once. It ends with the process, however
// that ends.
func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	switch held, refused := lockFile(file); {
	case refused != nil:
		err = fmt.Errorf("lock %s: %w", path, refused)
	case held:
		err = writePID(file)
	default:
		err = &lockedError{holderOf(file)}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &lock{file}, nil
}

func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holderOf(file *os.File) string {
	text, err := io.ReadAll(io.LimitReader(file, 20))
	pid, notNumber := strconv.Atoi(strings.TrimSpace(string(text)))
	switch {
	case err != nil || notNumber != nil:
		return "another process"
	case pid == os.Getpid():
		return "this process (pid " + strconv.Itoa(pid) + ")"
	}
	return "the process with pid " + strconv.Itoa(pid)
}

func (l *lock) release() error {
	return errors.Join(unlockFile(l.file), l.file.Close())
}

// lockAgain is the time between two tries to take a lock that others hold for moments.
const lockAgain = 10 * time.Millisecond

// WithLock does something while it alone has the lock file at a path, which it makes. It
// waits for others, in this process too, until the context ends: then the error names who
// has it.
func WithLock(ctx context.Context, path string, do func() error) error {
	for {
		l, err := takeLock(path)
		if err == nil {
			return errors.Join(do(), l.release())
		}
		if !errors.Is(err, ErrOpenElsewhere) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", path, err)
		case <-time.After(lockAgain):
		}
	}
}
