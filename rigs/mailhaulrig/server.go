package mailhaulrig

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/cli"
)

// startLimit bounds a start, which makes a database.
const startLimit = 90 * time.Second

// Server is a running server.
type Server struct {
	// Address is where it serves, such as http://127.0.0.1:40123.
	Address string
	// Out is what it prints for people, Log its log.
	Out, Log *Output
	// Stop ends it and gives its exit status. Further calls give the same.
	Stop func() int
}

// StartT starts a server that keeps everything in dir, with more flags of mailhaul
// serve, and ends it at the test's end, with its log when the test failed.
func StartT(t testing.TB, dir string, flags ...string) *Server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{Out: newOutput(), Log: newOutput()}
	ended := make(chan int, 1)
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir + "/data", "--key-file", dir + "/server.key", "--allow-loopback"}, flags...)
	go func() {
		ended <- cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: s.Out, Err: s.Log})
		cancel()
	}()
	s.Stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() {
		if status := s.Stop(); status != 0 {
			t.Errorf("the server ended with %d", status)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", tail(s.Log.String()))
		}
	})
	waiting, done := context.WithTimeout(ctx, startLimit)
	defer done()
	var err error
	if s.Address, err = s.Out.Find(waiting, `serves at (\S+)`); err != nil {
		t.Fatalf("%v\n%s", err, s.Log)
	}
	return s
}

// SetupToken is what makes the first operator; it waits until it is printed.
func (s *Server) SetupToken(t testing.TB) string {
	t.Helper()
	token, err := s.Out.Find(t.Context(), `works once:\s+(\S+)`)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func tail(text string) string {
	const most = 20_000
	return text[max(0, len(text)-most):]
}
