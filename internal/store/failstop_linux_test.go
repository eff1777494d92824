package store

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStopsOnFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("cannot mount a small disk here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	path := filepath.Join(disk, "ledger.db")
	ledger, folder := spoiled(t, path, "PRAGMA wal_checkpoint")
	ballast := filepath.Join(disk, "ballast")
	fillDisk(t, ballast, freeBytes(t, disk)-400<<10)
	windows, err := fill(t, ledger, folder)
	wantLedgerFault(t, err, "Free space")
	wantStopped(t, ledger, folder)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	reopened(t, ledger, path, folder, windows, 1)
}

func fillDisk(t *testing.T, path string, size int) {
	t.Helper()
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeBytes(t *testing.T, disk string) int {
	t.Helper()
	var room unix.Statfs_t
	if err := unix.Statfs(disk, &room); err != nil {
		t.Fatal(err)
	}
	return int(room.Bavail) * int(room.Bsize)
}
