package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server accepts connections and hands them out.
func server(t *testing.T) (string, <-chan *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns, done := make(chan *net.TCPConn, 16), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c.(*net.TCPConn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), conns
}

// pair returns both ends of a relayed connection and the relay.
func pair(t *testing.T, o Options) (client, srv *net.TCPConn, r *Relay) {
	t.Helper()
	addr, conns := server(t)
	r, err := Listen(addr, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	client = dial(t, r)
	srv = arrival(t, conns)
	return client, srv, r
}

func dial(t *testing.T, r *Relay) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	limit(t, c)
	return c.(*net.TCPConn)
}

func arrival(t *testing.T, conns <-chan *net.TCPConn) *net.TCPConn {
	t.Helper()
	select {
	case c := <-conns:
		t.Cleanup(func() { c.Close() })
		limit(t, c)
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("the server sees no connection")
		return nil
	}
}

func limit(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
}

func send(t *testing.T, c net.Conn, data string) {
	t.Helper()
	if _, err := io.WriteString(c, data); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if n, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Fatalf("received %q, %v, want %q", buf[:n], err, want)
	}
}

func TestRelayIsTransparent(t *testing.T) {
	client, srv, r := pair(t, Options{})
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = client.Write(payload)
		_ = client.CloseWrite()
	}()
	got, err := io.ReadAll(srv)
	if err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("%d bytes arrived, %v", len(got), err)
	}
	send(t, srv, "answer after the client's end")
	srv.Close()
	if got, err := io.ReadAll(client); err != nil || string(got) != "answer after the client's end" {
		t.Fatalf("the answer is %q, %v", got, err)
	}
	if s := r.Stats(); s.Connections != 1 || s.Up != int64(len(payload)) || s.Down != 29 {
		t.Errorf("the counts are %+v", s)
	}
}

func TestTurnsAreWritesAfterAnswers(t *testing.T) {
	client, srv, r := pair(t, Options{})
	send(t, srv, "greeting")
	receive(t, client, "greeting")
	for range 3 {
		send(t, client, "ask")
		receive(t, srv, "ask")
		send(t, client, "more")
		receive(t, srv, "more")
		send(t, srv, "answer")
		receive(t, client, "answer")
	}
	if got := r.Stats().Turns; got != 3 {
		t.Errorf("%d turns are counted, want 3", got)
	}
}

func TestLatencyDelaysButDoesNotLimit(t *testing.T) {
	const latency = 30 * time.Millisecond
	addr, conns := server(t)
	r, err := Listen(addr, Options{Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	begun := time.Now()
	client := dial(t, r)
	srv := arrival(t, conns)
	if d := time.Since(begun); d < 3*latency {
		t.Errorf("the server saw the client after %v, before the handshake's 3 ways", d)
	}
	begun = time.Now()
	send(t, client, "x")
	receive(t, srv, "x")
	if d := time.Since(begun); d < latency {
		t.Errorf("a byte took %v, less than the latency", d)
	}
	// 100 chunks in a row would take 3 s if each waited for the last one.
	begun = time.Now()
	for range 100 {
		send(t, client, string(make([]byte, 1<<16)))
	}
	if _, err := io.CopyN(io.Discard, srv, 100<<16); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begun); d > 80*latency {
		t.Errorf("100 chunks took %v: latency limits the throughput", d)
	}
}

func TestBandwidthLimits(t *testing.T) {
	client, srv, _ := pair(t, Options{Bandwidth: 1 << 20})
	begun := time.Now()
	send(t, client, string(make([]byte, 100<<10)))
	if _, err := io.CopyN(io.Discard, srv, 100<<10); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begun); d < 90*time.Millisecond {
		t.Errorf("100 KiB at 1 MiB/s took %v", d)
	}
}

func TestCutDeliversExactlyTheBytesBefore(t *testing.T) {
	for _, after := range []int64{0, 1, 5, 6} {
		for _, d := range []Direction{Up, Down} {
			client, srv, r := pair(t, Options{Faults: []Fault{{Direction: d, After: after, Action: CutFIN}}})
			from, to := client, srv
			if d == Down {
				from, to = srv, client
			}
			_, _ = io.WriteString(from, "secret")
			got, err := io.ReadAll(to)
			if err != nil || string(got) != "secret"[:after] {
				t.Errorf("%s after %d: %q arrived, %v", d, after, got, err)
			}
			if _, err := io.ReadAll(from); err != nil {
				t.Errorf("%s after %d: the sender sees %v, not the end", d, after, err)
			}
			if r.Stats().Faults != 1 {
				t.Errorf("the fault is not counted")
			}
		}
	}
}

func TestCutByResetResetsBothSides(t *testing.T) {
	client, srv, _ := pair(t, Options{Faults: []Fault{{Direction: Up, After: 3, Action: CutRST}}})
	send(t, client, "secret")
	for _, c := range []net.Conn{client, srv} {
		if _, err := io.ReadAll(c); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a side sees %v, want a reset", err)
		}
	}
}

func TestPeersResetIsPassedOn(t *testing.T) {
	client, srv, _ := pair(t, Options{})
	abort(srv)
	if _, err := io.ReadAll(client); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client sees %v, want a reset", err)
	}
}

func TestFaultHitsOnlyItsConnection(t *testing.T) {
	addr, conns := server(t)
	r, err := Listen(addr, Options{Faults: []Fault{{Connection: 2, Direction: Up, Action: CutFIN}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	for n := 1; n <= 3; n++ {
		client := dial(t, r)
		srv := arrival(t, conns)
		_, _ = io.WriteString(client, "hi")
		_ = client.CloseWrite()
		got, _ := io.ReadAll(srv)
		if want := map[bool]string{true: "", false: "hi"}[n == 2]; string(got) != want {
			t.Errorf("connection %d brought %q, want %q", n, got, want)
		}
	}
}

func TestStallDeliversNothingMore(t *testing.T) {
	client, srv, _ := pair(t, Options{Faults: []Fault{{Direction: Up, After: 2, Action: Stall}}})
	send(t, client, "abcdef")
	receive(t, srv, "ab")
	send(t, srv, "other way")
	receive(t, client, "other way")
	if err := srv.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := srv.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the stalled way delivered a byte")
	}
}

func TestSplitLosesNothing(t *testing.T) {
	client, srv, _ := pair(t, Options{Faults: []Fault{{Direction: Up, After: 1, Action: Split}}})
	send(t, client, "one byte at a time")
	receive(t, srv, "one byte at a time")
}

func TestHeldBytesArriveAfterTheClientHasGone(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"fin": func(c *net.TCPConn) { c.Close() },
		"rst": abort,
	} {
		t.Run(name, func(t *testing.T) {
			client, srv, r := pair(t, Options{Faults: []Fault{{Direction: Up, After: 2, Action: Hold}}})
			send(t, client, "abzombie")
			receive(t, srv, "ab")
			// An answer tells that the relay has read what the client sent: an
			// RST would throw unread bytes away.
			send(t, srv, "ok")
			receive(t, client, "ok")
			if err := r.AwaitFaults(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			leave(client)
			send(t, srv, "a server's answer to nobody")
			r.Release()
			receive(t, srv, "zombie")
		})
	}
}

func TestHoldEndsByItself(t *testing.T) {
	begun := time.Now() // at the first byte the hold begins with the connection
	client, srv, _ := pair(t, Options{Faults: []Fault{{Direction: Up, Action: Hold, Hold: 30 * time.Millisecond}}})
	send(t, client, "late")
	receive(t, srv, "late")
	if d := time.Since(begun); d < 20*time.Millisecond {
		t.Errorf("the held bytes came after %v", d)
	}
}

func TestDroppedAnswersAreLost(t *testing.T) {
	client, srv, _ := pair(t, Options{Faults: []Fault{{Direction: Down, After: 3, Action: Drop}}})
	send(t, srv, "answer")
	receive(t, client, "ans")
	send(t, client, "still heard")
	receive(t, srv, "still heard")
	srv.Close()
	if got, err := io.ReadAll(client); err != nil || len(got) > 0 {
		t.Errorf("after the drop came %q, %v", got, err)
	}
}

func TestCloseEndsOpenConnections(t *testing.T) {
	client, srv, r := pair(t, Options{})
	send(t, client, "hello")
	receive(t, srv, "hello")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(srv); err == nil {
		t.Error("the server sees an orderly end")
	}
}

func TestCloseDoesNotWaitForTheLatency(t *testing.T) {
	addr, _ := server(t)
	r, err := Listen(addr, Options{Latency: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	dial(t, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestUnreachableTargetResetsTheClient(t *testing.T) {
	r, err := Listen("127.0.0.1:1", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		return // The reset came before the connection was there.
	}
	defer c.Close()
	if _, err := io.ReadAll(c); err == nil {
		t.Error("the client sees an orderly end")
	}
}

func TestASeveredRelayLetsNobodyThroughUntilItIsMended(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _, _ = io.Copy(conn, conn); _ = conn.Close() })
		}
	})
	r, err := Listen(server.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	answers := func(conn net.Conn) bool {
		_, writing := conn.Write([]byte("x"))
		_, reading := io.ReadFull(conn, make([]byte, 1))
		return writing == nil && reading == nil
	}
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	before := dial()
	defer before.Close()
	if !answers(before) {
		t.Fatal("a whole relay does not answer")
	}
	r.Sever()
	if answers(before) {
		t.Error("a severed relay answers")
	}
	if during, err := net.Dial("tcp", r.Addr()); err == nil { // or it is refused at once
		defer during.Close()
		if answers(during) {
			t.Error("a severed relay lets somebody in")
		}
	}
	r.Mend()
	after := dial()
	defer after.Close()
	if !answers(after) {
		t.Error("a mended relay does not answer")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_ = server.Close()
	serving.Wait()
}
