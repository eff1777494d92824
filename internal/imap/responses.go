package imap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// parsers read the untagged responses by name, line end included.
var parsers = map[string]func(*receiver) (any, error){
	"CAPABILITY": (*receiver).capability,
	"ENABLED":    (*receiver).enabled,
	"FLAGS":      (*receiver).flagList,
	"LIST":       (*receiver).list,
	"XLIST":      (*receiver).list,
	"LSUB":       (*receiver).lsub,
	"STATUS":     (*receiver).folderStatus,
	"NAMESPACE":  (*receiver).namespace,
	"ID":         (*receiver).id,
	"SEARCH":     (*receiver).search,
	"ESEARCH":    (*receiver).esearch,
	"VANISHED":   (*receiver).vanished,
	"QUOTA":      (*receiver).quota,
}

// words reads atoms to the line end, upper case.
func (r *receiver) words() ([]string, error) {
	r.in.Allow(r.in.Limits().ListLine)
	text, err := r.in.Text()
	return r.conn.words(text), err
}

func (r *receiver) capability() (any, error) {
	words, err := r.words()
	return capabilityResponse(words), err
}

func (r *receiver) enabled() (any, error) {
	words, err := r.words()
	return enabledResponse(words), err
}

// items calls each for every element of a parenthesised list, standing before
// the element, which it must take.
func (r *receiver) items(each func() error) error {
	if err := r.in.Expect('('); err != nil {
		return err
	}
	for {
		if err := r.in.Spaces(); err != nil {
			return err
		}
		if end, err := r.in.Try(')'); err != nil || end {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
}

// flagsMost is how many flag names are shared in memory, and flagMost how long
// they are at most, in bytes.
const (
	flagsMost = 1000
	flagMost  = 100
)

// flagNames reads a flag list.
func (r *receiver) flagNames() (migration.Flags, error) {
	flags := migration.Flags{}
	err := r.items(func() error {
		name, _, err := r.in.String()
		if err != nil {
			return err
		}
		shared, known := r.flags[string(name)]
		if !known {
			shared = string(name)
			if len(r.flags) < flagsMost && len(shared) <= flagMost {
				r.flags[shared] = shared
			}
		}
		flags = append(flags, shared)
		return nil
	})
	return flags, err
}

func (r *receiver) flagList() (any, error) {
	r.in.Allow(r.in.Limits().ListLine)
	flags, err := r.flagNames()
	if err != nil {
		return nil, err
	}
	return flagsResponse(flags), r.in.End()
}

func (r *receiver) list() (any, error) { return r.listing(false) }

func (r *receiver) lsub() (any, error) { return r.listing(true) }

// listing reads LIST and LSUB (RFC 3501 section 7.2.2).
func (r *receiver) listing(subscribed bool) (any, error) {
	answer := listResponse{subscribed: subscribed, folder: migration.Folder{Selectable: true, Subscribed: subscribed}}
	err := r.items(func() error {
		word, err := r.in.Atom()
		if err == nil {
			answer.attribute(string(word))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.in.Spaces(); err != nil {
		return nil, err
	}
	delimiter, null, err := r.in.String()
	if err != nil {
		return nil, err
	}
	if !null {
		answer.folder.Delimiter = delimiterOf(delimiter)
	}
	if err := r.in.Spaces(); err != nil {
		return nil, err
	}
	raw, err := r.folderName()
	if err != nil {
		return nil, err
	}
	answer.folder.Raw, answer.folder.Name = raw, DecodedName(raw)
	if raw == "" {
		answer.folder.Selectable = false
	}
	if answer.folder.IsInbox() {
		answer.folder.Name = "INBOX"
	}
	// What may follow are extended data items (RFC 5258), which nobody needs.
	return answer, r.in.SkipLine()
}

// delimiterOf takes a printable ASCII character, and anything else for none.
func delimiterOf(text []byte) rune {
	if len(text) != 1 || text[0] <= ' ' || text[0] >= 0x7f {
		return 0
	}
	return rune(text[0])
}

// folderName reads a name. One that is too long is cut and marked with a NUL, so
// that no command can carry it and it comes up as that folder's fault, instead
// of being left out in silence.
func (r *receiver) folderName() (string, error) {
	raw, err := r.rawName()
	if err != nil {
		return "", err
	}
	if most := r.in.Limits().FolderName; len(raw) > most {
		sum := sha256.Sum256(raw)
		return string(raw[:most/4]) + "...\x00" + hex.EncodeToString(sum[:8]), nil
	}
	return string(raw), nil
}

// rawName reads a string, or a bare name. Some servers forget the quotes around
// a name with spaces: such a name goes up to the list or line end that follows,
// or it would be taken for the folder of its first word.
func (r *receiver) rawName() ([]byte, error) {
	b, err := r.in.Peek()
	if err != nil {
		return nil, err
	}
	if b == '"' || b == '{' || b == '~' {
		raw, _, err := r.in.String()
		return raw, err
	}
	var name []byte
	for {
		word, err := r.in.Atom()
		if err != nil {
			return nil, err
		}
		name = append(name, word...)
		spaces := 0
		for found := true; found; spaces++ {
			if found, err = r.in.Try(' '); err != nil {
				return nil, err
			}
		}
		b, err := r.in.Peek()
		if err != nil || spaces == 1 || b == '(' || b == ')' || b == '"' || b == '\r' || b == '\n' {
			return name, err
		}
		name = append(name, bytes.Repeat([]byte(" "), spaces-1)...)
	}
}

// DecodedName is the name of a folder for people, by its raw one: raw, with U+FFFD for what is no text, when
// it is not valid modified UTF-7.
func DecodedName(raw string) string {
	if name, ok := wire.DecodeName(raw); ok && !strings.ContainsFunc(name, unicode.IsControl) {
		if name == raw {
			return raw // the same memory
		}
		return name
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(raw, string(unicode.ReplacementChar)))
}

// uses are the special uses by their attributes: RFC 6154, and the older XLIST.
var uses = map[string]string{
	`\SENT`: "Sent", `\DRAFTS`: "Drafts", `\JUNK`: "Junk", `\TRASH`: "Trash", `\ARCHIVE`: "Archive",
	`\ALL`: "All", `\FLAGGED`: "Flagged", `\IMPORTANT`: "Important",
	`\ALLMAIL`: "All", `\SPAM`: "Junk", `\STARRED`: "Flagged",
}

func (l *listResponse) attribute(word string) {
	upper := strings.ToUpper(word)
	switch upper {
	case `\NOSELECT`, `\NONEXISTENT`:
		l.folder.Selectable = false
	case `\NOINFERIORS`:
		l.folder.NoInferiors = true
	case `\SUBSCRIBED`:
		l.folder.Subscribed = true
	case `\INBOX`:
		l.inbox = true
	default:
		if use, known := uses[upper]; known && l.folder.Use == "" {
			l.folder.Use = use
		}
	}
}

// folderStatus reads STATUS (RFC 3501 section 7.2.4).
func (r *receiver) folderStatus() (any, error) {
	raw, err := r.folderName()
	if err != nil {
		return nil, err
	}
	answer := folderStatusResponse{raw: raw}
	if err := r.in.Spaces(); err != nil {
		return nil, err
	}
	err = r.items(func() error {
		word, err := r.in.Atom()
		if err != nil {
			return err
		}
		name := strings.ToUpper(string(word))
		if err := r.in.Spaces(); err != nil {
			return err
		}
		return r.statusItem(name, &answer)
	})
	if err != nil {
		return nil, err
	}
	return answer, r.in.End()
}

func (r *receiver) statusItem(name string, answer *folderStatusResponse) error {
	if name == "MAILBOXID" {
		return r.items(func() error {
			id, _, err := r.in.String()
			answer.status.ID = string(id)
			return err
		})
	}
	n, told, err := r.number()
	if !told {
		return err
	}
	switch name {
	case "MESSAGES":
		answer.status.Messages = uint32(min(n, 1<<32-1))
	case "UIDNEXT":
		answer.status.UIDNext = uidOf(n)
	case "UIDVALIDITY":
		answer.status.UIDValidity = uint32(uidOf(n))
	case "HIGHESTMODSEQ":
		answer.status.HighestModSeq = n
	case "SIZE":
		answer.status.Size = int64(min(n, 1<<62))
	}
	return nil
}

// uidOf gives zero for what does not fit a UID.
func uidOf(n uint64) migration.UID {
	if n > 1<<32-1 {
		return 0
	}
	return migration.UID(n)
}

// namespacesMost is how many namespaces are looked at.
const namespacesMost = 100

// namespace reads NAMESPACE (RFC 2342 section 5): three lists of prefix and
// delimiter, each of which may be NIL.
func (r *receiver) namespace() (any, error) {
	var answer namespaceResponse
	for _, space := range [3]migration.Space{migration.Personal, migration.OtherUsers, migration.Shared} {
		if err := r.in.Spaces(); err != nil {
			return nil, err
		}
		b, err := r.in.Peek()
		if err != nil {
			return nil, err
		}
		if b != '(' {
			if err := r.in.Skip(); err != nil {
				return nil, err
			}
			continue
		}
		err = r.items(func() error {
			entry, err := r.namespaceEntry(space)
			if len(answer) < namespacesMost {
				answer = append(answer, entry)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return answer, r.in.SkipLine()
}

func (r *receiver) namespaceEntry(space migration.Space) (migration.Namespace, error) {
	entry := migration.Namespace{Space: space}
	position := 0
	err := r.items(func() error {
		position++
		if position > 2 {
			return r.in.Skip() // a namespace extension
		}
		text, null, err := r.in.String()
		switch {
		case err != nil || null:
		case position == 1:
			entry.Prefix = string(text)
		default:
			entry.Delimiter = delimiterOf(text)
		}
		return err
	})
	return entry, err
}

// id reads ID (RFC 2971 section 3.2).
func (r *receiver) id() (any, error) {
	answer := idResponse{}
	if b, err := r.in.Peek(); err != nil || b != '(' {
		if err != nil {
			return nil, err
		}
		return answer, r.in.SkipLine()
	}
	key := ""
	err := r.items(func() error {
		text, null, err := r.in.String()
		if key == "" {
			key = strings.ToLower(string(text))
			return err
		}
		if null {
			text = nil
		}
		answer[key], key = string(text), ""
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, r.in.End()
}

// search reads SEARCH (RFC 3501 section 7.2.5) into ranges. A mod-sequence at
// its end (RFC 7162 section 3.1.5) is skipped.
func (r *receiver) search() (any, error) { return r.found((*receiver).searchUID) }

// esearch reads ESEARCH (RFC 4731 section 3.1) with its ALL item.
func (r *receiver) esearch() (any, error) { return r.found((*receiver).esearchItem) }

// found reads the elements of an answer to a search. A malformed one is told to
// who asked: a list with a hole would look like messages that are gone.
func (r *receiver) found(element func(*receiver, *wire.Ranges) error) (any, error) {
	r.in.Allow(r.in.Limits().SearchLine)
	uids := &wire.Ranges{}
	for {
		if err := r.in.Spaces(); err != nil {
			return nil, err
		}
		if end, err := r.in.AtEnd(); err != nil {
			return nil, err
		} else if end {
			return searchResponse{uids: uids}, r.in.End()
		}
		err := element(r, uids)
		var malformed *wire.SyntaxError
		if errors.As(err, &malformed) {
			return searchResponse{malformed: malformed}, r.in.SkipLine()
		}
		if err != nil {
			return nil, err
		}
	}
}

// searchUID reads one UID, or the mod-sequence at the end.
func (r *receiver) searchUID(uids *wire.Ranges) error {
	if b, err := r.in.Peek(); err != nil || b == '(' {
		return firstOf(err, r.in.Skip())
	}
	uid, err := r.in.UID()
	if err != nil {
		return err
	}
	return uids.Add(uid, uid)
}

// esearchItem reads the correlator (TAG "x"), the word UID, or a name and its
// value.
func (r *receiver) esearchItem(uids *wire.Ranges) error {
	if b, err := r.in.Peek(); err != nil || b == '(' {
		return firstOf(err, r.in.Skip())
	}
	word, err := r.in.Atom()
	if err != nil || bytes.EqualFold(word, []byte("UID")) {
		return err
	}
	all := bytes.EqualFold(word, []byte("ALL"))
	if err := r.in.Spaces(); err != nil {
		return err
	}
	if all {
		return r.in.Ranges(uids)
	}
	return r.in.Skip()
}

// vanished reads VANISHED (RFC 7162 section 3.2.10).
func (r *receiver) vanished() (any, error) {
	r.in.Allow(r.in.Limits().SearchLine)
	answer := vanishedResponse{}
	if b, err := r.in.Peek(); err != nil {
		return nil, err
	} else if b == '(' {
		if err := r.in.Skip(); err != nil {
			return nil, err
		}
		answer.earlier = true
		if err := r.in.Spaces(); err != nil {
			return nil, err
		}
	}
	uids := &wire.Ranges{}
	if err := r.in.Ranges(uids); err != nil {
		return nil, err
	}
	answer.uids = uids.Set()
	return answer, r.in.End()
}
