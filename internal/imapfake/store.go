package imapfake

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// storing is a STORE command.
type storing struct {
	mode           byte // '+', '-' or '='
	silent         bool
	flags          []string
	unchangedSince uint64
	conditional    bool
	// labels: what is stored are labels.
	labels bool
}

// doStore is STORE and UID STORE (RFC 3501 section 6.4.6), with UNCHANGEDSINCE
// (RFC 7162 section 3.1.3).
func (s *session) doStore(p *parser) (string, error) {
	set, err := p.numbers()
	if err != nil {
		return "", err
	}
	st, err := s.readStore(p)
	if err != nil {
		return "", err
	}
	if s.sel.readOnly {
		return "", no("[READ-ONLY] Mailbox is read-only")
	}
	uid := s.byUIDs()
	s.sel.owner.mu.Lock()
	list, _, ok := s.sel.resolve(set, uid)
	var changed []item
	var modified migration.UIDSet
	for _, it := range list {
		if st.conditional && it.message.modSeq > st.unchangedSince {
			number := migration.UID(it.sequence)
			if uid {
				number = it.message.uid
			}
			modified.Add(number)
			continue
		}
		if st.labels {
			s.user.relabel(it.message.original, st.apply(it.message.original.labels))
		} else if flags := st.apply(it.message.flags); !migration.Flags(flags).Equal(it.message.flags) {
			s.user.mark(s.sel.folder, it.message, flags, s.sel)
		}
		it.message.onlyIMAP = slices.DeleteFunc(slices.Clone(it.message.onlyIMAP), func(flag string) bool { return hasFold(st.flags, flag) })
		changed = append(changed, it)
	}
	s.sel.owner.mu.Unlock()
	if !ok {
		return "", bad("Error in IMAP command %s: Invalid messageset", s.command)
	}
	items := fetchItems{uid: uid || s.qresync, flags: !st.silent && !st.labels, modSeq: s.condstore}
	if st.labels {
		items.list = []attribute{{kind: labelAttribute, label: "X-GM-LABELS"}}
	}
	if !st.silent || s.condstore {
		for _, it := range changed {
			flags, modSeq := s.state(it.message)
			if err := s.tellAttributes(it, &items, flags, modSeq); err != nil {
				return "", err
			}
		}
	}
	if !modified.Empty() {
		return "[MODIFIED " + modified.String() + "] Conditional STORE failed.", nil
	}
	return "STORE completed.", nil
}

func (s *session) readStore(p *parser) (*storing, error) {
	st := &storing{mode: '='}
	if err := p.space(); err != nil {
		return nil, err
	}
	fail := bad("Error in IMAP command %s: Invalid arguments", s.command)
	if p.peek() == '(' {
		parts, err := p.words()
		if err != nil || len(parts) != 2 || !strings.EqualFold(parts[0], "UNCHANGEDSINCE") || !s.p.has("CONDSTORE") || p.space() != nil {
			return nil, fail
		}
		if st.unchangedSince, err = strconv.ParseUint(parts[1], 10, 63); err != nil {
			return nil, fail
		}
		st.conditional, s.condstore = true, true
	}
	name := strings.ToUpper(p.word())
	if strings.HasPrefix(name, "+") || strings.HasPrefix(name, "-") {
		st.mode, name = name[0], name[1:]
	}
	name, st.silent = strings.CutSuffix(name, ".SILENT")
	st.labels = name == "X-GM-LABELS" && s.p.has(labelExtension)
	if name != "FLAGS" && !st.labels || p.space() != nil {
		return nil, fail
	}
	if st.labels {
		var err error
		if st.flags, err = p.labels(); err != nil {
			return nil, err
		}
		return st, p.end()
	}
	var flags []string
	var err error
	if p.peek() == '(' {
		flags, err = p.words()
	} else {
		flags = strings.Fields(string(p.rest()))
		p.at = len(p.text)
	}
	if err != nil {
		return nil, err
	}
	if st.flags, err = s.keepable(flags); err != nil {
		return nil, err
	}
	return st, p.end()
}

func (st *storing) apply(have []string) []string {
	switch st.mode {
	case '+':
		return cleanFlags(append(slices.Clone(have), st.flags...))
	case '-':
		return slices.DeleteFunc(slices.Clone(have), func(flag string) bool { return hasFold(st.flags, flag) })
	}
	return cleanFlags(st.flags)
}
