package hostiletest

import (
	"bufio"
	"compress/flate"
	"io"
	"net"
	"strings"
	"time"
)

// attacker is the evil server's side of one connection. What it says fails in
// silence once the client has gone.
type attacker struct {
	address  string
	listener net.Listener
	full     bool
	ended    chan struct{}

	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
	tag  string
	err  error
}

func (a *attacker) begin(conn net.Conn) {
	a.conn, a.in, a.out = conn, bufio.NewReader(conn), bufio.NewWriterSize(conn, 1<<20)
}

func (a *attacker) close() {
	_ = a.listener.Close()
	<-a.ended
}

// n is a count at full size, or its small version.
func (a *attacker) n(full, quick int) int {
	if a.full {
		return full
	}
	return quick
}

// say sends text, in which $T is the tag of the last command.
func (a *attacker) say(text string) {
	a.write(strings.ReplaceAll(text, "$T", a.tag))
	a.flush()
}

func (a *attacker) write(text string) {
	if a.err == nil {
		_, a.err = a.out.WriteString(text)
	}
}

func (a *attacker) flush() {
	if a.err == nil {
		a.err = a.out.Flush()
	}
}

// hear reads a command.
func (a *attacker) hear() string {
	line, err := a.in.ReadString('\n')
	if err != nil && a.err == nil {
		a.err = err
	}
	tag, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
	a.tag = tag
	return rest
}

// repeat sends the text n times, as long as somebody takes it.
func (a *attacker) repeat(text string, n int) {
	for range n {
		if a.err != nil {
			return
		}
		a.write(text)
	}
}

// bytes sends about n bytes of the text's repetitions.
func (a *attacker) bytes(text string, n int) {
	block := strings.Repeat(text, max(1, (64<<10)/len(text)))
	a.repeat(block, max(1, n/len(block)))
}

// drip sends a byte at a time, as slowly as the ticks come.
func (a *attacker) drip(text string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; a.err == nil; i++ {
		<-ticker.C
		a.write(text[i%len(text) : i%len(text)+1])
		a.flush()
	}
}

// compress answers sign-in and COMPRESS (RFC 4978), and goes over to DEFLATE.
func (a *attacker) compress() {
	a.say("$T OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n")
	a.hear()
	a.say("$T OK squeezed\r\n")
	a.in = bufio.NewReader(flate.NewReader(a.in))
	deflate, _ := flate.NewWriter(a.conn, flate.BestCompression)
	a.out = bufio.NewWriterSize(flushed{deflate}, 1<<20)
	a.hear()
}

// flushed flushes behind every write.
type flushed struct{ *flate.Writer }

func (f flushed) Write(p []byte) (int, error) {
	n, err := f.Writer.Write(p)
	if err == nil {
		err = f.Writer.Flush()
	}
	return n, err
}

// end says that the last command is done, and answers what else comes until the
// client leaves.
func (a *attacker) end() {
	a.say("$T OK done\r\n")
	for a.err == nil {
		if strings.HasSuffix(a.hear(), "}") {
			a.say("+ go on\r\n")
			continue
		}
		a.say("$T OK done\r\n")
	}
	_, _ = io.Copy(io.Discard, a.in)
}

// cut ends the connection.
func (a *attacker) cut() {
	a.err = net.ErrClosed
	_ = a.conn.Close()
}
