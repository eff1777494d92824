package imap_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

// dialRig signs in to a Dovecot rig as the user, in cleartext.
func dialRig(t testing.TB, server *dovecotrig.Server, user string, change func(*imap.Options)) *imap.Session {
	t.Helper()
	options := imap.Options{
		Endpoint:   migration.Endpoint{Host: server.Host, Port: server.Port, Security: migration.Cleartext, AllowCleartext: true},
		Credential: imap.Credential{User: user, Password: secret.New(server.Password)},
	}
	if os.Getenv("MAILHAUL_TRACE") != "" {
		options.Trace = func(line string) { t.Log(line) }
	}
	if change != nil {
		change(&options)
	}
	s, err := imap.Dial(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// message makes a message of about the given size.
func message(n, size int) []byte {
	head := fmt.Sprintf("From: a@example.org\r\nSubject: message %d\r\nMessage-ID: <%d@example.org>\r\n\r\n", n, n)
	line := []byte("The quick brown fox jumps over the lazy dog, and so on and on.\r\n")
	return append([]byte(head), bytes.Repeat(line, size/len(line)+1)...)
}

// fill appends messages and gives the results by key.
func fill(t testing.TB, s *imap.Session, folder string, count, size int, options migration.AppendOptions) map[migration.UID]migration.AppendResult {
	t.Helper()
	var mu sync.Mutex
	results := map[migration.UID]migration.AppendResult{}
	a := s.Appender(folder, options, func(r migration.AppendResult) {
		mu.Lock()
		defer mu.Unlock()
		if _, twice := results[r.Key]; twice {
			t.Errorf("message %d has two results", r.Key)
		}
		results[r.Key] = r
	})
	for i := 1; i <= count; i++ {
		body := message(i, size)
		m := migration.AppendMessage{Key: migration.UID(i), Size: int64(len(body)), Date: time.Unix(1_700_000_000+int64(i), 0), Flags: migration.Flags{migration.FlagSeen, "$Forwarded"}}
		if err := a.Append(t.Context(), m, bytes.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return results
}

func TestDovecotKeepsWhatWasAppended(t *testing.T) {
	server := dovecotrig.StartT(t, dovecotrig.Options{})
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprint("compress ", compress), func(t *testing.T) {
			s := dialRig(t, server, fmt.Sprint("anna-", compress), func(o *imap.Options) { o.Compress = compress })
			folder := s.RawName("Größe & Co")
			if _, err := s.Open(t.Context(), migration.Open{Folder: folder, Create: true, Subscribe: true}); err != nil {
				t.Fatal(err)
			}
			results := fill(t, s, folder, 120, 5000, migration.AppendOptions{})
			for key, r := range results {
				if r.Err != nil || r.UID != key || r.Doubt {
					t.Fatalf("message %d: %+v", key, r)
				}
			}
			list, err := s.Folders(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%+v %+v", list, s.Profile())
			var got []migration.Message
			status, err := s.Open(t.Context(), migration.Open{Folder: folder, ReadOnly: true, Query: &migration.Query{From: 1, Flags: true, Date: true, Size: true, Header: []string{"SUBJECT"},
				Each: func(m migration.Message) error { got = append(got, m); return nil }}})
			if err != nil || len(got) != 120 || status.Messages != 120 || status.UIDNext != 121 {
				t.Fatalf("%v: %d messages, %+v", err, len(got), status)
			}
			t.Logf("%+v %s", got[7], got[7].Header)
			uids, err := s.UIDs(t.Context())
			if err != nil || uids.String() != "1:120" {
				t.Fatal(uids, err)
			}
			var seen migration.UIDSet
			err = s.Bodies(t.Context(), uids, func(b migration.Body) error {
				content, err := io.ReadAll(b.Reader)
				if err != nil {
					return err
				}
				if !bytes.Equal(content, message(int(b.UID), 5000)) {
					t.Errorf("message %d differs", b.UID)
				}
				seen.Add(b.UID)
				return nil
			})
			if err != nil || !seen.Equal(uids) {
				t.Fatal(err, seen)
			}
			t.Logf("%+v", s.Traffic())
		})
	}
}

// delayed is a connection whose bytes take half a round trip each way.
func delayed(ctx context.Context, network, address string, half time.Duration) (net.Conn, error) {
	far, err := net.Dial(network, address)
	if err != nil || half == 0 {
		return far, err
	}
	near, client := net.Pipe()
	type packet struct {
		at   time.Time
		data []byte
	}
	pump := func(to, from net.Conn) {
		packets := make(chan packet, 10000)
		go func() {
			for p := range packets {
				time.Sleep(time.Until(p.at))
				_, _ = to.Write(p.data)
			}
			_ = to.Close()
		}()
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				packets <- packet{time.Now().Add(half), bytes.Clone(buffer[:n])}
			}
			if err != nil {
				close(packets)
				return
			}
		}
	}
	go pump(far, near)
	go pump(near, far)
	return client, nil
}

// TestPace shows rates; it runs with MAILHAUL_PACE=<messages> only,
// and with MAILHAUL_HALF_TRIP=20ms over a slow line.
func TestPace(t *testing.T) {
	count, _ := strconv.Atoi(os.Getenv("MAILHAUL_PACE"))
	if count == 0 {
		t.Skip("set MAILHAUL_PACE to a number of messages")
	}
	half, _ := time.ParseDuration(os.Getenv("MAILHAUL_HALF_TRIP"))
	slow := func(o *imap.Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return delayed(ctx, network, address, half)
		}
	}
	server := dovecotrig.StartT(t, dovecotrig.Options{})
	for _, size := range []int{2000, 50000} {
		user := fmt.Sprint("pace-", size)
		s := dialRig(t, server, user, slow)
		start := time.Now()
		fill(t, s, "INBOX", count, size, migration.AppendOptions{})
		t.Logf("%d bytes: append %.0f msg/s, %+v", size, float64(count)/time.Since(start).Seconds(), s.Traffic())
		_ = s.Close()

		source, target := dialRig(t, server, user, slow), dialRig(t, server, user+"-copy", slow)
		if _, err := source.Open(t.Context(), migration.Open{Folder: "INBOX", ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		n := 0
		if err := source.Messages(t.Context(), migration.Query{Flags: true, Date: true, Size: true, Each: func(migration.Message) error { n++; return nil }}); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes: list %.0f msg/s", size, float64(n)/time.Since(start).Seconds())
		start = time.Now()
		a := target.Appender("INBOX", migration.AppendOptions{}, func(r migration.AppendResult) {
			if r.Err != nil {
				t.Error(r.Err)
			}
		})
		for first := 1; first <= count; first += 500 {
			err := source.Bodies(t.Context(), migration.UIDsFrom(migration.UID(first), migration.UID(min(first+499, count))), func(b migration.Body) error {
				return a.Append(context.Background(), migration.AppendMessage{Key: b.UID, Size: b.Size, Date: time.Now()}, b.Reader)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d bytes: copy %.0f msg/s, %+v", size, float64(count)/time.Since(start).Seconds(), target.Traffic())
	}
}
