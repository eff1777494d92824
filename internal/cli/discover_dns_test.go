package cli

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
)

// zone are the records of a name server of our own: by type and name, as
// "A imap.example.test", the data of each record.
type zone map[string][][]byte

var recordTypes = map[uint16]string{1: "A", 5: "CNAME", 15: "MX", 33: "SRV"}

func (z zone) add(kind, name string, data ...byte) {
	z[kind+" "+name] = append(z[kind+" "+name], data)
}

func (z zone) host(name string) { z.add("A", name, 127, 0, 0, 1) }

func (z zone) mx(name, host string) { z.add("MX", name, append([]byte{0, 10}, dnsName(host)...)...) }

func (z zone) srv(name, host string, port int) {
	head := binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0}, uint16(port))
	z.add("SRV", name, append(head, dnsName(host)...)...)
}

// dnsName writes a name as labels (RFC 1035 section 3.1).
func dnsName(name string) (out []byte) {
	for label := range strings.SplitSeq(strings.Trim(name, "."), ".") {
		if label != "" {
			out = append(append(out, byte(len(label))), label...)
		}
	}
	return append(out, 0)
}

// serve answers on a port of 127.0.0.1 until the test ends.
func (z zone) serve(t *testing.T) string { return z.serveAt(t, "127.0.0.1:0") }

func (z zone) serveAt(t *testing.T, address string) string {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := z.answer(buffer[:n]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().String()
}

// answer answers a query with one question (RFC 1035 section 4.1).
func (z zone) answer(query []byte) []byte {
	const header = 12
	at, labels := header, []string{}
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if end >= len(query) {
			return nil
		}
		labels, at = append(labels, string(query[at+1:end])), end
	}
	if at+5 > len(query) {
		return nil
	}
	question := query[header : at+5]
	name := strings.ToLower(strings.Join(labels, "."))
	kind := binary.BigEndian.Uint16(query[at+1:])
	records := z[recordTypes[kind]+" "+name]
	known := false
	for key := range z {
		known = known || strings.HasSuffix(key, " "+name)
	}
	code := byte(0)
	if !known {
		code = 3 // there is no such name
	}
	out := append([]byte{query[0], query[1], 0x84, 0x80 | code, 0, 1, 0, byte(len(records)), 0, 0, 0, 0}, question...)
	for _, data := range records {
		out = append(out, 0xc0, header)                        // the question's name
		out = append(out, question[len(question)-4:]...)       // type and class
		out = append(out, 0, 0, 0, 60)                         // how long it is good for
		out = append(out, byte(len(data)>>8), byte(len(data))) //nolint:gosec // records here are short
		out = append(out, data...)
	}
	return out
}
