package hostiletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the mailhaul command, built once for all tests.
var built command

type command struct {
	once sync.Once
	dir  string
	err  error
}

// path gives the command's file.
func (c *command) path(t *testing.T) string {
	t.Helper()
	c.once.Do(func() {
		if c.dir, c.err = os.MkdirTemp("", "hostiletest-"); c.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(c.dir, "mailhaul"), "../../cmd/mailhaul")
		build.Stderr = os.Stderr
		c.err = build.Run()
	})
	if c.err != nil {
		t.Fatal("building mailhaul:", c.err)
	}
	return filepath.Join(c.dir, "mailhaul")
}

func (c *command) remove() {
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}
