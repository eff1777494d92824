package imapfake

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// criterion decides on one message of a search.
type criterion func(*candidate) bool

// candidate is a message under search.
type candidate struct {
	item
	flags  []string
	modSeq uint64
	recent bool
}

// doSearch is SEARCH and UID SEARCH (RFC 3501 section 6.4.4), with RETURN of
// RFC 4731. Text is compared without case and without decoding.
func (s *session) doSearch(p *parser) (string, error) {
	if s.rev2 && s.p.Quirks.BrokenRev2 {
		return "", bad("Error in IMAP command %s: not supported", s.command)
	}
	if err := p.space(); err != nil {
		return "", err
	}
	options, extended, err := s.searchReturn(p)
	if err != nil {
		return "", err
	}
	if len(p.rest()) > 8 && strings.EqualFold(string(p.rest()[:8]), "CHARSET ") {
		p.at += 8
		if _, err := p.astring(); err != nil {
			return "", err
		}
		if err := p.space(); err != nil {
			return "", err
		}
	}
	q := &searchReader{p: p, s: s}
	all, err := q.keys(0)
	if err != nil {
		return "", err
	}
	if err := p.end(); err != nil {
		return "", err
	}
	var found []uint32
	highest := uint64(0)
	for _, c := range s.candidates() {
		if !all(&c) {
			continue
		}
		number := uint32(c.sequence)
		if s.byUIDs() {
			number = uint32(c.message.uid)
		}
		found, highest = append(found, number), max(highest, c.modSeq)
	}
	if !q.modSeq {
		highest = 0
	}
	if extended {
		s.tellESearch(options, found, highest)
	} else {
		s.tellSearch(found, highest)
	}
	return "SEARCH completed.", nil
}

func (s *session) candidates() []candidate {
	s.sel.owner.mu.Lock()
	defer s.sel.owner.mu.Unlock()
	var list []candidate
	for i, m := range s.sel.view {
		if !m.dead {
			list = append(list, candidate{item{i + 1, m}, m.flags, m.modSeq, s.sel.recent.Contains(m.uid)})
		}
	}
	return list
}

func (s *session) searchReturn(p *parser) (options []string, extended bool, err error) {
	rest := string(p.rest())
	if !s.p.has("ESEARCH") || len(rest) < 8 || !strings.EqualFold(rest[:7], "RETURN ") {
		return nil, false, nil
	}
	p.at += 7
	if options, err = p.words(); err != nil {
		return nil, false, err
	}
	for _, option := range options {
		if !hasFold([]string{"ALL", "COUNT", "MIN", "MAX"}, option) {
			return nil, false, bad("Unknown SEARCH return option")
		}
	}
	if len(options) == 0 {
		options = []string{"ALL"}
	}
	return options, true, p.space()
}

func (s *session) tellSearch(found []uint32, highest uint64) {
	s.write("* SEARCH")
	for _, n := range found {
		s.write(" ", strconv.FormatUint(uint64(n), 10))
	}
	if highest > 0 {
		s.write(fmt.Sprintf(" (MODSEQ %d)", highest))
	}
	s.write("\r\n")
}

func (s *session) tellESearch(options []string, found []uint32, highest uint64) {
	s.write("* ESEARCH (TAG ", quote(s.tag), ")")
	if s.byUIDs() {
		s.write(" UID")
	}
	if hasFold(options, "COUNT") {
		s.write(" COUNT ", strconv.Itoa(len(found)))
	}
	if len(found) > 0 {
		if hasFold(options, "MIN") {
			s.write(" MIN ", strconv.FormatUint(uint64(found[0]), 10))
		}
		if hasFold(options, "MAX") {
			s.write(" MAX ", strconv.FormatUint(uint64(found[len(found)-1]), 10))
		}
		if hasFold(options, "ALL") {
			var set migration.UIDSet
			for _, n := range found {
				set.Add(migration.UID(n))
			}
			s.write(" ALL ", set.String())
		}
		if highest > 0 {
			s.write(fmt.Sprintf(" MODSEQ %d", highest))
		}
	}
	s.write("\r\n")
}

// contains looks for text without case in the header values of a name, or in
// the whole message, its header or its body.
func (c *candidate) fieldContains(name, text string) bool {
	for _, value := range fieldValues(c.message.content.header(), name) {
		if strings.Contains(strings.ToLower(value), strings.ToLower(text)) {
			return true
		}
	}
	return false
}

func (c *candidate) textContains(text string, bodyOnly bool) bool {
	raw, err := io.ReadAll(c.message.content.open())
	if err != nil {
		return false
	}
	if bodyOnly {
		raw = raw[headerEnd(raw):]
	}
	return bytes.Contains(bytes.ToLower(raw), bytes.ToLower([]byte(text)))
}

// sentDate is the day of the Date field.
func (c *candidate) sentDate() time.Time {
	for _, value := range fieldValues(c.message.content.header(), "Date") {
		for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 -0700", "_2 Jan 2006 15:04:05 -0700", time.RFC1123, time.RFC1123Z} {
			if date, err := time.Parse(layout, value); err == nil {
				return day(date)
			}
		}
	}
	return time.Time{}
}

// day is the date as it is written, without its zone (RFC 3501 section 6.4.4).
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
