package demo

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/mailhaul/mailhaul/internal/imapfake"
)

// Demo is two running servers. Close it at the end.
type Demo struct {
	// SourceAddress and TargetAddress are host:port, with TLS from the first
	// byte.
	SourceAddress, TargetAddress string
	// CA is the certificate both are to be checked with, as PEM.
	CA []byte
	// Mailboxes at the source, in the order of the migration file.
	Mailboxes []Mailbox

	source, target *imapfake.Server
}

// Mailbox is one person's mail.
type Mailbox struct {
	// Address names the mailbox, and the user at the target.
	Address string
	// User is the user at the source.
	User string
	// Folders, Messages and Bytes are what the source holds at the start.
	// Only folders that can hold messages count.
	Folders, Messages int
	Bytes             int64

	sourcePassword, targetPassword string
}

// Start makes both servers and fills the source.
func Start() (*Demo, error) {
	ca, err := imapfake.NewCA()
	if err != nil {
		return nil, err
	}
	d := &Demo{
		CA:     ca.PEM(),
		source: imapfake.New(imapfake.Options{Personality: oldServer(), Hook: unhurried}),
		target: imapfake.New(imapfake.Options{Personality: newServer(), Hook: unhurried}),
	}
	for _, p := range office() {
		d.Mailboxes = append(d.Mailboxes, d.settle(p))
	}
	if err := d.listen(ca); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// settle gives a person a full mailbox at the source and an empty one at the
// target.
func (d *Demo) settle(p person) Mailbox {
	m := Mailbox{Address: p.address(), User: p.user, sourcePassword: rand.Text(), targetPassword: rand.Text()}
	m.fill(d.source.AddUser(m.User, m.sourcePassword), p)
	d.target.AddUser(m.Address, m.targetPassword)
	return m
}

func (d *Demo) listen(ca *imapfake.CA) error {
	certificate, err := ca.Issue("127.0.0.1", "localhost")
	if err != nil {
		return err
	}
	if d.SourceAddress, err = d.source.ListenTLS(certificate); err != nil {
		return fmt.Errorf("starting the source: %w", err)
	}
	if d.TargetAddress, err = d.target.ListenTLS(certificate); err != nil {
		return fmt.Errorf("starting the target: %w", err)
	}
	return nil
}

// Close ends both servers and every connection to them.
func (d *Demo) Close() {
	d.source.Close()
	d.target.Close()
}

// Messages is how many the source holds at the start.
func (d *Demo) Messages() (count int) {
	for _, m := range d.Mailboxes {
		count += m.Messages
	}
	return count
}

// Bytes is the size of the messages at the source at the start.
func (d *Demo) Bytes() (sum int64) {
	for _, m := range d.Mailboxes {
		sum += m.Bytes
	}
	return sum
}

// How long a server of the demo takes: what a line within a country and a disk
// would. Without that there would be nothing to watch.
const (
	lineTakes = 6 * time.Millisecond
	diskTakes = 3 * time.Millisecond
)

func unhurried(e imapfake.Event) {
	switch e.Point {
	case imapfake.Connected, imapfake.CommandRead:
		time.Sleep(lineTakes)
	case imapfake.BeforeCommit:
		time.Sleep(diskTakes)
	}
}

// oldServer is Courier under a name of its own.
func oldServer() imapfake.Personality {
	p := imapfake.Courier()
	p.Name, p.Greeting = "old demo server", "OK $CAPABILITY the old server of the demo is ready."
	return p
}

// newServer has Dovecot's abilities and rules, with "/" and marked folders.
func newServer() imapfake.Personality {
	p := imapfake.Dovecot()
	p.Name, p.Greeting = "new demo server", "OK $CAPABILITY the new server of the demo is ready."
	p.Names.Delimiter, p.Names.Namespaces, p.Names.Forbidden = "/", `(("" "/")) NIL NIL`, ""
	p.Names.ParentsNoSelect = false
	p.Names.Folders = []imapfake.FolderDefault{
		{Name: "Archive", Use: `\Archive`}, {Name: "Drafts", Use: `\Drafts`}, {Name: "Junk", Use: `\Junk`},
		{Name: "Sent", Use: `\Sent`}, {Name: "Trash", Use: `\Trash`},
	}
	return p
}
