package imapfake

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// discardUntil reads away all answers up to a tagged OK.
func discardUntil(b *testing.B, c *client, tag string) {
	b.Helper()
	tail := make([]byte, 0, 128<<10)
	end := []byte("\n" + tag + " OK")
	for {
		tail = tail[:copy(tail, tail[max(0, len(tail)-64):])]
		n, err := c.conn.Read(tail[len(tail):cap(tail)])
		tail = tail[:len(tail)+n]
		if bytes.Contains(tail[max(0, len(tail)-n-64):], end) {
			return
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFetch(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10, 10 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			_, m, c := connect(b, Options{})
			raw := []byte("Subject: x\r\n\r\n" + strings.Repeat("x", size-14))
			count := min(20000, 500<<20/size)
			for range count {
				m.Deliver("INBOX", raw, epoch, `\Seen`)
			}
			c.ok("EXAMINE INBOX")
			b.SetBytes(int64(size) * int64(count))
			for b.Loop() {
				c.send("x UID FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])\r\n")
				discardUntil(b, c, "x")
			}
			b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func BenchmarkFetchFlags(b *testing.B) {
	_, m, c := connect(b, Options{})
	const count = 100000
	for range count {
		m.Deliver("INBOX", []byte("x"), epoch, `\Seen`)
	}
	for b.Loop() {
		c.ok("EXAMINE INBOX")
		c.send("x UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)\r\n")
		discardUntil(b, c, "x")
	}
	b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{2 << 10, 100 << 10, 10 << 20} {
		for _, discard := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/discard=%v", size>>10, discard), func(b *testing.B) {
				_, m, c := connect(b, Options{DiscardBodies: discard})
				command := []byte(fmt.Sprintf("x APPEND INBOX (\\Seen) {%d+}\r\n%s\r\n", size, strings.Repeat("x", size)))
				b.SetBytes(int64(size))
				out := bufio.NewWriterSize(c.conn, 128<<10)
				answered := make(chan error, 1)
				total := 0
				go func() { _, err := io.Copy(io.Discard, c.in); answered <- err }()
				for b.Loop() {
					_, _ = out.Write(command)
					if total++; total%1000 == 0 {
						_ = m.Delete("INBOX")
						m.Create("INBOX")
					}
				}
				_, _ = out.WriteString("x LOGOUT\r\n")
				_ = out.Flush()
				_ = c.conn.(*net.TCPConn).CloseWrite()
				<-answered
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			})
		}
	}
}

// BenchmarkExpungeOneByOne is the slow way to empty a folder of 100,000.
func BenchmarkExpungeOneByOne(b *testing.B) {
	for b.Loop() {
		_, m, c := connect(b, Options{})
		const count = 100000
		for range count {
			m.Deliver("INBOX", []byte("x"), epoch, `\Deleted`)
		}
		c.ok("SELECT INBOX")
		go func() {
			w := bufio.NewWriter(c.conn)
			for uid := 1; uid <= count; uid++ {
				fmt.Fprintf(w, "a UID MOVE %d INBOX\r\n", uid)
			}
			fmt.Fprint(w, "x NOOP\r\n")
			_ = w.Flush()
		}()
		discardUntil(b, c, "x")
	}
}
