package imap_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The canaries: no trace, fault or unprotected line may hold them.
const (
	canaryUser     = "canary-user"
	canaryPassword = "canary-s3cret"
)

// greeted is the usual beginning of a script.
func greeted(capabilities string) string {
	return "S * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\nC AUTHENTICATE PLAIN AGNhbmFyeS11c2VyAGNhbmFyeS1zM2NyZXQ=\nS $T OK [CAPABILITY IMAP4rev1 " + capabilities + "] in\n"
}

// script is a server that does what its lines say: "C text" expects a command,
// "S text" sends a line, "W text" sends a Go-quoted string as it is, "R n" reads
// n bytes, "L text" reads a line without a tag, "Z n" sends n zeros, "X" closes. $T is the last
// command's tag, $1 the first one's.
type script struct {
	conn  net.Conn
	lines []string
	tags  []string
	mu    sync.Mutex
	heard strings.Builder
	done  chan struct{}
}

func (s *script) run(t testing.TB) {
	defer close(s.done)
	in := bufio.NewReader(io.TeeReader(s.conn, writerFunc(func(p []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.heard.Write(p)
	})))
	for _, line := range s.lines {
		verb, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err := s.step(in, verb, text); err != nil {
			t.Errorf("script at %q: %v", line, err)
			_ = s.conn.Close()
			return
		}
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			_ = s.conn.Close()
			return
		}
		if tag, command, _ := strings.Cut(line, " "); strings.HasPrefix(command, "LOGOUT") {
			_, _ = io.WriteString(s.conn, "* BYE\r\n"+tag+" OK\r\n")
		}
	}
}

func (s *script) step(in *bufio.Reader, verb, text string) error {
	switch verb {
	case "":
	case "C", "L":
		got, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		got = strings.TrimRight(got, "\r\n")
		if verb == "C" {
			var tag string
			tag, got, _ = strings.Cut(got, " ")
			s.tags = append(s.tags, tag)
		}
		if got != text {
			return fmt.Errorf("the client sent %q", got)
		}
	case "S":
		_, err := io.WriteString(s.conn, s.expand(text)+"\r\n")
		return err
	case "W":
		raw, err := strconv.Unquote(text)
		if err != nil {
			return err
		}
		_, err = io.WriteString(s.conn, s.expand(raw))
		return err
	case "R":
		n, _ := strconv.Atoi(text)
		_, err := io.CopyN(io.Discard, in, int64(n))
		return err
	case "Z":
		n, _ := strconv.Atoi(text)
		_, err := io.Copy(s.conn, zeros(int64(n)))
		return err
	case "X":
		return s.conn.Close()
	default:
		return fmt.Errorf("no verb %q", verb)
	}
	return nil
}

func (s *script) expand(text string) string {
	for i := len(s.tags); i > 0; i-- {
		text = strings.ReplaceAll(text, "$"+strconv.Itoa(i), s.tags[i-1])
	}
	if len(s.tags) > 0 {
		text = strings.ReplaceAll(text, "$T", s.tags[len(s.tags)-1])
	}
	return text
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// dialScript connects to a script over a pipe.
func dialScript(t testing.TB, text string, change func(*imap.Options)) (*imap.Session, *script, error) {
	t.Helper()
	client, server := net.Pipe()
	s := &script{conn: server, lines: strings.Split(text, "\n"), done: make(chan struct{})}
	options := imap.Options{
		Endpoint:   migration.Endpoint{Host: "imap.example.org", Port: 143, Security: migration.Cleartext, AllowCleartext: true},
		Credential: imap.Credential{User: canaryUser, Password: secret.New(canaryPassword)},
		Dial:       func(context.Context, string, string) (net.Conn, error) { return client, nil },
	}
	if change != nil {
		change(&options)
	}
	go s.run(t)
	session, err := imap.Dial(t.Context(), options)
	return session, s, err
}

// connect is dialScript for scripts whose beginning goes well.
func connect(t testing.TB, text string, change func(*imap.Options)) *imap.Session {
	t.Helper()
	session, s, err := dialScript(t, text, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.conn.Close()
		_ = session.Close()
		<-s.done
	})
	return session
}

// bodies reads messages into a map.
func bodies(ctx context.Context, s *imap.Session, uids migration.UIDSet) (map[migration.UID]string, error) {
	got := map[migration.UID]string{}
	err := s.Bodies(ctx, uids, func(b migration.Body) error {
		content, err := io.ReadAll(b.Reader)
		got[b.UID] = string(content)
		return err
	})
	return got, err
}

// wantFault checks class and code of an error.
func wantFault(t testing.TB, err error, class migration.Class, code string) {
	t.Helper()
	if migration.ClassOf(err) != class || migration.CodeOf(err) != code || err == nil {
		t.Errorf("got class %s, code %s (%v), want %s, %s", migration.ClassOf(err), migration.CodeOf(err), err, class, code)
	}
}
