package crashtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/rigs/effort"
)

func TestMain(m *testing.M) {
	if plan := os.Getenv(victimVariable); plan != "" {
		os.Exit(runVictim(plan))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if binary.dir != "" {
			_ = os.RemoveAll(binary.dir)
		}
		os.Exit(status)
	}))
}

// binary is the mailhaul command, built once for all tests.
var binary struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// mailhaul gives the path of the command.
func mailhaul(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.dir, binary.err = os.MkdirTemp("", "crashtest-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.dir, "mailhaul")
		build := exec.Command("go", "build", "-o", binary.path, "../../cmd/mailhaul")
		build.Stderr = os.Stderr
		binary.err = build.Run()
	})
	if binary.err != nil {
		t.Fatal("building mailhaul:", binary.err)
	}
	return binary.path
}

// sparser is how much rarer the samples of the quick tests are where make test-long has
// them all, or only Go is asked for.
func sparser() int {
	if testing.Short() {
		return 3
	}
	return effort.Of(2, 1)
}

// rigs skips a test that needs real servers or tools where they are not wanted.
func rigs(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("MAILHAUL_NO_RIGS") != "" {
		t.Skip("tests without servers and tools are asked for")
	}
}

// needs skips a test, or fails it where the rigs are required, when a program is
// missing.
func needs(t *testing.T, program string) string {
	t.Helper()
	rigs(t)
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("MAILHAUL_REQUIRE_RIGS") == "1":
		t.Fatal(err)
	default:
		t.Skip(program, "is not installed")
	}
	return path
}
