package imapfake

import (
	"compress/flate"
	"io"
	"net"
)

// deflatedConn is a client's side of COMPRESS DEFLATE.
type deflatedConn struct {
	net.Conn
	in  io.Reader
	out *flate.Writer
}

func deflated(conn net.Conn) net.Conn {
	out, _ := flate.NewWriter(conn, flate.DefaultCompression)
	return &deflatedConn{conn, flate.NewReader(conn), out}
}

func (d *deflatedConn) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *deflatedConn) Write(p []byte) (int, error) {
	n, err := d.out.Write(p)
	if err != nil {
		return n, err
	}
	return n, d.out.Flush()
}
