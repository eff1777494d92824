package imapfake

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// line is one connection with its layers, from below: the net.Conn, a tap that
// counts, records and cuts, TLS, DEFLATE, and buffers. What is buffered for
// the client leaves when the server is about to wait for more input, so that
// answers to pipelined commands share packets.
//
// A write that fails is forgotten: a server whose client is gone still carries
// out what it has received.
type line struct {
	server *Server
	number int
	tap    *tap
	conn   net.Conn // tap, or TLS on it
	in     *bufio.Reader
	out    *bufio.Writer
	// deflate is below out after COMPRESS.
	deflate *flate.Writer
	// unflushed: something was written to deflate. A flush without output is
	// five bytes that mean nothing, and some clients stumble over them.
	unflushed bool
	tls       bool
	// writing is held while the out side is used; only IDLE has two users.
	writing sync.Mutex
	broken  bool
	// answerLeft is how many bytes may still be sent before the line is
	// cut, -1 for any number.
	answerLeft int64
	answerCut  bool
}

var errCut = errors.New("imapfake: the line was cut")

func newLine(s *Server, conn net.Conn, number int) *line {
	l := &line{server: s, number: number, answerLeft: -1}
	l.tap = &tap{Conn: conn, counts: &s.counts, record: s.record.conn(number)}
	l.tap.cutIn, l.tap.cutOut, l.tap.cutReset = s.faults.cuts(number)
	l.conn = l.tap
	l.in = bufio.NewReaderSize(plainReader{l, netReader{l}}, 32<<10)
	l.out = bufio.NewWriterSize(plainWriter{l}, 64<<10)
	return l
}

// startTLS is the server's side of a handshake. What the client sent behind
// STARTTLS in the clear is dropped (RFC 9051 section 11.3).
func (l *line) startTLS(config *tls.Config) error {
	conn := tls.Server(l.tap, config)
	if err := conn.HandshakeContext(context.Background()); err != nil {
		return err
	}
	l.conn, l.tls = conn, true
	l.in.Reset(plainReader{l, netReader{l}})
	return nil
}

// startDeflate compresses both directions from here on (RFC 4978).
func (l *line) startDeflate() error {
	deflate, err := flate.NewWriter(netWriter{l}, flate.BestSpeed)
	if err != nil {
		return err
	}
	below := bufio.NewReaderSize(netReader{l}, 32<<10)
	if n := l.in.Buffered(); n > 0 {
		early, _ := l.in.Peek(n)
		below = bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(early)), netReader{l}))
	}
	l.deflate = deflate
	l.in.Reset(plainReader{l, newInflater(below)})
	return nil
}

func (l *line) flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flushLocked()
}

func (l *line) flushLocked() {
	_ = l.out.Flush()
	if l.unflushed {
		_ = l.deflate.Flush()
		l.unflushed = false
	}
}

// abort cuts the connection from any goroutine.
func (l *line) abort(reset bool) { l.tap.cut(reset) }

// close ends the connection. With TCP a FIN goes first, after a close_notify
// when there is TLS, and the rest of the input is read away until the client
// has closed too: closing a socket with unread input makes the kernel send RST,
// which may take the last answer from the client.
func (l *line) close() {
	if conn, ok := l.conn.(*tls.Conn); ok && !l.tap.down.Load() {
		_ = conn.CloseWrite()
	}
	l.tap.cut(false)
	if !l.tap.reset.Load() {
		_, _ = io.Copy(io.Discard, l.tap.Conn)
	}
	_ = l.tap.Conn.Close()
}

// plainReader is the top of the reading side: it records plain text.
type plainReader struct {
	l    *line
	from io.Reader
}

func (r plainReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.l.tap.record.plain(received, p[:n])
	return n, err
}

// netReader flushes before it waits.
type netReader struct{ l *line }

func (r netReader) Read(p []byte) (int, error) {
	r.l.flush()
	return r.l.conn.Read(p)
}

// plainWriter is below the write buffer: it records plain text and cuts an
// answer short.
type plainWriter struct{ l *line }

func (w plainWriter) Write(p []byte) (int, error) {
	l, all := w.l, len(p)
	if l.answerLeft >= 0 && int64(len(p)) >= l.answerLeft {
		p = p[:l.answerLeft]
		l.answerCut = true
	}
	if l.answerLeft >= 0 {
		l.answerLeft -= int64(len(p))
	}
	l.tap.record.plain(sent, p)
	if l.deflate != nil {
		_, _ = l.deflate.Write(p)
		l.unflushed = true
	} else {
		_, _ = netWriter{l}.Write(p)
	}
	if l.answerCut {
		l.broken = true
	}
	return all, nil
}

type netWriter struct{ l *line }

func (w netWriter) Write(p []byte) (int, error) {
	if !w.l.broken && len(p) > 0 {
		if _, err := w.l.conn.Write(p); err != nil {
			w.l.broken = true
		}
	}
	return len(p), nil
}

// tap is the lowest layer: the bytes as they are on the wire.
type tap struct {
	net.Conn
	counts *counts
	record *recording
	// cutIn and cutOut are bytes until the line is cut, -1 for never.
	cutIn, cutOut int64
	cutReset      bool
	// down is set when the line is cut, reset when there is nothing to wait
	// for after that.
	down, reset atomic.Bool
	// in and out are the bytes of this line.
	in, out atomic.Int64
}

func (t *tap) Read(p []byte) (int, error) {
	if t.down.Load() {
		return 0, errCut
	}
	if t.cutIn > 0 && int64(len(p)) > t.cutIn {
		p = p[:t.cutIn]
	}
	n, err := t.Conn.Read(p)
	if t.down.Load() {
		return 0, errCut
	}
	t.counts.in.Add(int64(n))
	t.in.Add(int64(n))
	t.record.wire(received, p[:n])
	if t.cutIn > 0 {
		t.cutIn -= int64(n)
		if t.cutIn == 0 {
			t.cut(t.cutReset)
		}
	}
	return n, err
}

func (t *tap) Write(p []byte) (int, error) {
	if t.down.Load() {
		return 0, errCut
	}
	cut := t.cutOut >= 0 && int64(len(p)) >= t.cutOut
	if cut {
		p = p[:t.cutOut]
	}
	n, err := t.Conn.Write(p)
	t.counts.out.Add(int64(n))
	t.out.Add(int64(n))
	t.record.wire(sent, p[:n])
	if cut {
		t.cut(t.cutReset)
		return n, errCut
	}
	if t.cutOut > 0 {
		t.cutOut -= int64(n)
	}
	return n, err
}

// cut ends the connection for the client at once, from any goroutine. What was
// received already can still be worked on.
func (t *tap) cut(reset bool) {
	if t.down.Swap(true) {
		return
	}
	conn, ok := t.Conn.(*net.TCPConn)
	switch {
	case ok && !reset:
		_ = conn.CloseWrite()
		return
	case ok:
		_ = conn.SetLinger(0)
	}
	t.reset.Store(true)
	_ = t.Conn.Close()
}
