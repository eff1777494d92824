package cli

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is both ends of a pseudo terminal.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminal:", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("no pseudo terminal:", err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

func TestAPromptCanBeInterrupted(t *testing.T) {
	_, program := terminal(t)
	fd := int(program.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	_, err = askPassword(ctx, &out, fd, "anna at the source")
	if statusOf(err) != exitInterrupted {
		t.Errorf("got %v", err)
	}
	if after, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal is not as it was: %+v, %v", after, err)
	}
}

func TestAPromptTakesAPassword(t *testing.T) {
	person, program := terminal(t)
	if _, err := person.WriteString(testPassword + "\n\n"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	got, err := askPassword(t.Context(), &out, int(program.Fd()), "anna at the source")
	if err != nil || got.Reveal() != testPassword || bytes.Contains(out.Bytes(), []byte(testPassword)) {
		t.Errorf("err %v, printed %q", err, out.String())
	}
	if _, err := askPassword(t.Context(), &out, int(program.Fd()), "anna at the source"); statusOf(err) != exitUsage {
		t.Errorf("an empty password: %v", err)
	}
}

func TestATerminalOfNoWidthGetsLines(t *testing.T) {
	_, program := terminal(t)
	for width, bars := range map[uint16]bool{0: false, 80: true} {
		if err := unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}); err != nil {
			t.Fatal(err)
		}
		d := newDisplay(Streams{Err: program}, slog.New(slog.DiscardHandler), 1)
		if got := d.bars != nil; got != bars {
			t.Errorf("%d columns: bars %v", width, got)
		}
		d.close()
	}
}
