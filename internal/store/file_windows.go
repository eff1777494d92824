package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockedByte is what is locked of a file: one byte beyond all that is in it, because
// Windows lets nobody read what is locked, and others read who has it.
var lockedByte = windows.Overlapped{OffsetHigh: 1 << 30}

// lockFile locks a file for this process, or reports at once that another has it.
func lockFile(file *os.File) (held bool, err error) {
	at := lockedByte
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}

func unlockFile(file *os.File) error {
	at := lockedByte
	return windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, &at)
}

// syncDirectory does nothing: NTFS keeps names in its journal, and opens no folder for
// this.
func syncDirectory(string) error { return nil }
