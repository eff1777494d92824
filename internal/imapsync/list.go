package imapsync

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// MaxListBytes bounds a list, and MaxListLine one line of it.
const (
	MaxListBytes = 16 << 20
	MaxListLine  = 64 << 10
)

// ListOptions say how a list is read.
type ListOptions struct {
	// SourceHost and TargetHost are the servers of a list that names none.
	SourceHost, TargetHost string
	// Domain makes the EmailAddress of users that are no address. May be empty.
	Domain string
}

// Entry is one mailbox of a list.
type Entry struct {
	// Line is where it stands, from 1 on.
	Line                           int
	Address                        string
	SourceUser, TargetUser         string
	SourcePassword, TargetPassword secret.Text
	source, target                 string
}

// Trouble is something wrong or odd in a list.
type Trouble struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	// Refused lines are not taken.
	Refused bool `json:"refused"`
}

// Pair is the mailboxes that go from one server to another.
type Pair struct {
	SourceHost, TargetHost string
	Entries                []Entry
}

// List is what a list holds, by pairs of servers in the order of their first line.
type List struct {
	Pairs    []Pair
	Troubles []Trouble
	// Refused counts the lines that were not taken.
	Refused int
}

// ReadList reads the lists that imapsync's documentation has loops for: a mailbox on each
// line, as host1;user1;password1;host2;user2;password2; or, with the servers in the
// options, as user1;password1;user2;password2. No field can hold a semicolon. Blank lines
// and those that begin with # are none. Everything that is wrong is told at once. The error is that of the reader or of a
// list that is too large.
func ReadList(r io.Reader, options ListOptions) (List, error) {
	var list List
	at := map[[2]string]int{}
	lines := bufio.NewScanner(io.LimitReader(r, MaxListBytes+1))
	lines.Buffer(nil, MaxListLine)
	number, size := 0, 0
	for lines.Scan() {
		number++
		size += len(lines.Bytes()) + 1
		text := strings.TrimSuffix(strings.TrimPrefix(lines.Text(), "\ufeff"), "\r")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		entry, trouble := readEntry(text, options)
		if trouble != "" {
			list.trouble(number, trouble, entry == nil)
		}
		if entry == nil {
			continue
		}
		entry.Line = number
		key := [2]string{strings.ToLower(entry.source), strings.ToLower(entry.target)}
		if _, known := at[key]; !known {
			at[key] = len(list.Pairs)
			list.Pairs = append(list.Pairs, Pair{SourceHost: entry.source, TargetHost: entry.target})
		}
		pair := &list.Pairs[at[key]]
		pair.Entries = append(pair.Entries, *entry)
	}
	if err := lines.Err(); err != nil {
		return List{}, fmt.Errorf("line %d: %w", number+1, err)
	}
	if size > MaxListBytes {
		return List{}, fmt.Errorf("it is larger than %d MiB: divide it", MaxListBytes>>20)
	}
	return list, nil
}

func (l *List) trouble(line int, text string, refused bool) {
	l.Troubles = append(l.Troubles, Trouble{line, text, refused})
	if refused {
		l.Refused++
	}
}

// readEntry reads a line. Without an entry the trouble says what is wrong; with one, what
// is odd. Neither repeats anything of the line, which may be a password.
func readEntry(text string, options ListOptions) (*Entry, string) {
	fields, trouble := options.fields(text)
	if trouble != "" {
		return nil, trouble
	}
	e := &Entry{source: fields[0], SourceUser: fields[1], SourcePassword: secret.New(fields[2]),
		target: fields[3], TargetUser: fields[4], TargetPassword: secret.New(fields[5])}
	for _, field := range []struct{ name, value string }{{"host1", e.source}, {"user1", e.SourceUser}, {"host2", e.target}, {"user2", e.TargetUser}} {
		if strings.TrimSpace(field.value) == "" {
			return nil, field.name + " is empty"
		}
	}
	for _, host := range []string{e.source, e.target} {
		if _, _, err := migration.ParseURL("imaps://" + host); err != nil || strings.Contains(host, "@") {
			return nil, "a host is no host name"
		}
	}
	if e.Address = addressOf(e.TargetUser, e.SourceUser, options.Domain); e.Address == "" {
		return nil, "neither user is an e-mail address; say the domain of all with --domain"
	}
	if strings.Contains(text, `\`) {
		return e, `has a backslash, which was taken as it is; a loop with "read" instead of "read -r" drops it`
	}
	return e, ""
}

// The fields of a line, where it names the servers and where the options do.
const (
	sixFields  = "host1;user1;password1;host2;user2;password2"
	fourFields = "user1;password1;user2;password2"
)

// fields are the six fields of a line, with the servers of the options where it names
// none. A line with more is refused as a whole: a password with a semicolon in it would
// move the others, and a part of it would be taken for a user or a host.
func (o ListOptions) fields(text string) (fields []string, trouble string) {
	form, named := sixFields, o.SourceHost == "" || o.TargetHost == ""
	if !named {
		form = fourFields
	}
	fields = strings.Split(text, ";")
	want := strings.Count(form, ";") + 1
	if len(fields) == want+1 && strings.TrimSpace(fields[want]) == "" {
		fields = fields[:want] // behind a semicolon at the end
	}
	switch {
	case len(fields) > want:
		return nil, "has more than the fields " + form + `: a password may hold a ";", or options follow. Nothing of the line is used; write this mailbox into a migration file by hand`
	case len(fields) < want && named:
		return nil, fmt.Sprintf("has %d fields; want %s, or %s and the servers with --host1 and --host2", len(fields), sixFields, fourFields)
	case len(fields) < want:
		return nil, fmt.Sprintf("has %d fields; want %s, for --host1 and --host2 name the servers", len(fields), fourFields)
	case named:
		return fields, ""
	}
	return []string{o.SourceHost, fields[0], fields[1], o.TargetHost, fields[2], fields[3]}, ""
}

// MigrationFile is the pair's migration file. It holds passwords.
func (p Pair) MigrationFile() []byte {
	var b strings.Builder
	b.WriteString("EmailAddress,UserName,Password,TargetUserName,TargetPassword\n")
	for _, e := range p.Entries {
		b.WriteString(csvLine([]string{e.Address, e.SourceUser, e.SourcePassword.Reveal(), e.TargetUser, e.TargetPassword.Reveal()}))
	}
	return []byte(b.String())
}
