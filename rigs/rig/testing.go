package rig

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Require ends a test that needs a rig where missing says that the machine cannot
// run it: the test is skipped, or fails when MAILHAUL_REQUIRE_RIGS is 1. With
// MAILHAUL_NO_RIGS as 1 it is skipped everywhere.
func Require(t testing.TB, missing func() string) {
	t.Helper()
	if os.Getenv("MAILHAUL_NO_RIGS") == "1" {
		t.Skip("MAILHAUL_NO_RIGS is set")
	}
	if m := missing(); m != "" {
		if os.Getenv("MAILHAUL_REQUIRE_RIGS") == "1" {
			t.Fatal(m)
		}
		t.Skip(m)
	}
}

// TempDir is like that of testing, but everybody may enter it.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := MakeDir("", "rig-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// server is what a test stops.
type server interface {
	Log() string
	Stop() error
}

// StartT starts a server for a test and stops it at the test's end, with its log when
// the test failed. Where it cannot run the test is skipped or fails, as Require says.
func StartT[S server, O any](t testing.TB, name string, missing func() string, start func(context.Context, O) (S, error), o O) S {
	t.Helper()
	Require(t, missing)
	s, err := start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s's log:\n%s", name, s.Log())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Talk sends lines to a server, each as a command when the one before is answered,
// and returns everything up to the answer of the last one, whose tags are t1, t2 and
// so on. STARTTLS begins TLS with the server's certificate.
func (m *Mail) Talk(t testing.TB, lines ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", m.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return m.talk(t, conn, lines)
}

// TalkTLS is Talk on the TLS port, whose certificate is checked.
func (m *Mail) TalkTLS(t testing.TB, lines ...string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", m.TLSAddr(), m.clientTLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	if pin := base64.StdEncoding.EncodeToString(sum[:]); pin != m.SPKIPin {
		t.Errorf("the key's pin is %s, announced is %s", pin, m.SPKIPin)
	}
	return m.talk(t, conn, lines)
}

func (m *Mail) talk(t testing.TB, conn net.Conn, lines []string) string {
	t.Helper()
	var all strings.Builder
	reader := bufio.NewReader(conn)
	read := func(tag string) {
		for {
			answer, err := reader.ReadString('\n')
			if err != nil {
				t.Fatalf("%v, got %s", err, all.String())
			}
			all.WriteString(answer)
			if strings.HasPrefix(answer, tag+" ") {
				return
			}
		}
	}
	read("*") // the greeting
	for i, line := range lines {
		tag := fmt.Sprintf("t%d", i+1)
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "%s %s\r\n", tag, line); err != nil {
			t.Fatal(err)
		}
		read(tag)
		if line == "STARTTLS" {
			conn = tls.Client(conn, m.clientTLS())
			reader = bufio.NewReader(conn)
		}
	}
	return all.String()
}

// Want fails a test unless a text holds the parts.
func Want(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
}
