package hostiletest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// tap is a connection that records every byte that is read from it.
type tap struct {
	net.Conn
	mu    sync.Mutex
	heard bytes.Buffer
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard.Write(p[:n])
	return n, err
}

func (t *tap) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.heard.Bytes())
}

// evil is a server that follows a script and records what it hears. The verbs
// of its lines are:
//
//	S text   sends a line; P text sends it without a line end
//	C        reads a command, whose tag is $T from then on
//	TLS      starts TLS
//	READ     reads whatever comes, once
//	FIN RST  end the connection
//
// Behind its script it tempts: it offers every way to sign in, and answers OK
// to whatever is said.
type evil struct {
	config *tls.Config
	wire   *tap // what crossed the line
	plain  *tap // the same within TLS, nil without
	done   chan struct{}
}

func (e *evil) play(t *testing.T, network net.Conn, script string) {
	defer close(e.done)
	e.wire = &tap{Conn: network}
	_ = network.SetDeadline(time.Now().Add(20 * time.Second))
	defer network.Close()
	line := net.Conn(e.wire)
	in, tag := bufio.NewReader(line), ""
	for step := range strings.SplitSeq(script, "\n") {
		verb, text, _ := strings.Cut(strings.TrimSpace(step), " ")
		text = strings.NewReplacer("$T", tag, `\r`, "\r", `\n`, "\n", `\x00`, "\x00", `\e`, "\x1b").Replace(text)
		switch verb {
		case "":
		case "S":
			_, _ = io.WriteString(line, text+"\r\n")
		case "P":
			_, _ = io.WriteString(line, text)
		case "C":
			command, _ := in.ReadString('\n')
			tag, _, _ = strings.Cut(command, " ")
		case "READ":
			_, _ = in.Read(make([]byte, 1))
		case "FIN":
			return
		case "RST":
			_ = network.(*net.TCPConn).SetLinger(0)
			return
		case "TLS":
			protected := tls.Server(line, e.config)
			if protected.Handshake() != nil {
				return
			}
			e.plain = &tap{Conn: protected}
			line, in = e.plain, bufio.NewReader(e.plain)
		default:
			t.Errorf("no verb %q", verb)
		}
	}
	tempt(line, in)
}

// tempt answers whatever is said with what leads on.
func tempt(line io.Writer, in *bufio.Reader) {
	for {
		command, err := in.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(strings.TrimRight(command, "\r\n"), " ")
		answer := tag + " OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR] go on\r\n"
		switch words := strings.Fields(strings.ToUpper(rest)); {
		case len(words) == 0:
			answer = "x OK\r\n"
		case words[0] == "CAPABILITY":
			answer = "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR\r\n" + answer
		case words[0] == "AUTHENTICATE" && len(words) == 2:
			answer = "+ \r\n"
		case words[0] == "LOGOUT":
			answer = "* BYE\r\n" + answer
		}
		if _, err := io.WriteString(line, answer); err != nil {
			return
		}
	}
}

// loopback gives both ends of a TCP connection.
func loopback(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err == nil {
		server, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}
