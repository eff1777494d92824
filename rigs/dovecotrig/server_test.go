package dovecotrig

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// talk sends lines to an open connection and returns everything up to the tagged
// answer of the last one.
func talk(t *testing.T, c net.Conn, lines ...string) string {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	var all strings.Builder
	for i, line := range append([]string{"NOOP"}, lines...) {
		tag := fmt.Sprintf("t%d", i)
		if _, err := fmt.Fprintf(c, "%s %s\r\n", tag, line); err != nil {
			t.Fatal(err)
		}
		for {
			answer, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v, got %s", line, err, all.String())
			}
			all.WriteString(answer)
			if strings.HasPrefix(answer, tag+" ") {
				break
			}
		}
	}
	return all.String()
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func want(t *testing.T, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("no %q in\n%s", part, got)
	}
}

func TestDefaultServer(t *testing.T) {
	s := StartT(t, Options{})
	t.Run("lets any user in and has every extension", func(t *testing.T) {
		out := talk(t, dial(t, s.Addr()), "LOGIN a@example.org "+s.Password, "CAPABILITY", `LIST "" ""`)
		for _, name := range strings.Fields(capabilities) {
			want(t, out, name)
		}
		want(t, out, `(\Noselect) "/"`)
	})
	t.Run("lets the master user in as anybody", func(t *testing.T) {
		out := talk(t, dial(t, s.Addr()), "LOGIN b*"+MasterUser+" "+MasterPassword)
		want(t, out, "t1 OK")
	})
	t.Run("refuses a wrong password", func(t *testing.T) {
		out := talk(t, dial(t, s.Addr()), "LOGIN a wrong")
		want(t, out, "AUTHENTICATIONFAILED")
	})
	t.Run("speaks TLS with a certificate of its authority and the pinned key", func(t *testing.T) {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(s.CAPEM)
		c, err := tls.Dial("tcp", s.TLSAddr(), &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
		if pin := base64.StdEncoding.EncodeToString(sum[:]); pin != s.SPKIPin {
			t.Errorf("the key's pin is %s, announced is %s", pin, s.SPKIPin)
		}
	})
	t.Run("offers STARTTLS", func(t *testing.T) {
		want(t, talk(t, dial(t, s.Addr()), "CAPABILITY"), "STARTTLS")
	})
	t.Run("answers doveadm", func(t *testing.T) {
		out, err := s.Doveadm(t.Context(), "mailbox", "status", "-u", "c", "messages", "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		want(t, out, "messages=0")
	})
}

func TestOptions(t *testing.T) {
	s := StartT(t, Options{
		Format: Maildir, Separator: ".", Prefix: "INBOX.", SpecialUse: "create",
		Hide: []string{"multiappend", "LIST-STATUS"}, QuotaBytes: 1 << 20, MaxUserIPConnections: 2,
	})
	c := dial(t, s.Addr())
	out := talk(t, c, "LOGIN a "+s.Password, "CAPABILITY", "NAMESPACE",
		`LIST "" * RETURN (SPECIAL-USE)`, "GETQUOTAROOT INBOX")
	want(t, out, `(("INBOX." "."))`)
	want(t, out, `\Sent) "." INBOX.Sent`)
	want(t, out, "(STORAGE 0 1024)")
	for _, name := range []string{"MULTIAPPEND", "LIST-STATUS"} {
		if strings.Contains(out, name) {
			t.Errorf("%s is announced in\n%s", name, out)
		}
	}
	talk(t, dial(t, s.Addr()), "LOGIN a "+s.Password)
	want(t, talk(t, dial(t, s.Addr()), "LOGIN a "+s.Password), "t1 NO [LIMIT]")
}

func TestStopEndsEverything(t *testing.T) {
	s := StartT(t, Options{})
	talk(t, dial(t, s.Addr()), "LOGIN a "+s.Password)
	if n := len(s.members()); n < 3 {
		t.Errorf("only %d processes are seen", n)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	if left := s.members(); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("a second stop: %v", err)
	}
}

func TestServerEndsWithTheProcessThatStartedIt(t *testing.T) {
	s := StartT(t, Options{})
	if err := s.guard.pipe.Close(); err != nil { // As the kernel does for the dead.
		t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		t.Fatal("the server is still there")
	}
	_ = s.guard.cmd.Wait()
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestDetachedServerIsFoundAndStopped(t *testing.T) {
	if m := Missing(); m != "" {
		t.Skip(m)
	}
	dir := filepath.Join(t.TempDir(), "rig")
	started, err := StartDetached(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = StopDetached(context.Background(), dir) })
	st, err := Status(dir)
	if err != nil || !st.Running || st.Port != started.Port {
		t.Fatalf("status is %+v, %v", st, err)
	}
	if err := StopDetached(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Status(dir); err == nil {
		t.Error("the stopped server still has a status")
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Format: "mbox"}, {Separator: "|"}, {Prefix: "INBOX"}, {Password: "with space"},
	} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}
