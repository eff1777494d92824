package crashtest

import (
	"bytes"
	"context"
	"net"
	"sync"

	"github.com/mailhaul/mailhaul/internal/imap"
)

// tap keeps what a client sends and receives on its first connection.
type tap struct {
	mu             sync.Mutex
	dialled        bool
	sent, received bytes.Buffer
}

// on makes the options of a client pass the tap.
func (t *tap) on(options imap.Options) imap.Options {
	options.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		t.mu.Lock()
		defer t.mu.Unlock()
		if err != nil || t.dialled {
			return conn, err
		}
		t.dialled = true
		return &tappedConn{conn, t}, nil
	}
	return options
}

type tappedConn struct {
	net.Conn
	tap *tap
}

func (c *tappedConn) Write(data []byte) (int, error) {
	n, err := c.Conn.Write(data)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.sent.Write(data[:n])
	return n, err
}

func (c *tappedConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	c.tap.received.Write(data[:n])
	return n, err
}
