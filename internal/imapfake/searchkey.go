package imapfake

import (
	"strconv"
	"strings"
	"time"
)

// searchReader reads search keys.
type searchReader struct {
	p      *parser
	s      *session
	modSeq bool
}

const maxSearchDepth = 50

// keys reads keys up to the end of the line or a parenthesis; all must hold.
func (q *searchReader) keys(depth int) (criterion, error) {
	var list []criterion
	for {
		one, err := q.key(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
		if !q.p.take(' ') {
			break
		}
	}
	return func(c *candidate) bool {
		for _, one := range list {
			if !one(c) {
				return false
			}
		}
		return true
	}, nil
}

func (q *searchReader) key(depth int) (criterion, error) {
	if depth > maxSearchDepth {
		return nil, bad("Search is nested too deeply")
	}
	p := q.p
	if p.take('(') {
		inner, err := q.keys(depth + 1)
		if err != nil {
			return nil, err
		}
		return inner, p.want(')')
	}
	name := strings.ToUpper(p.word())
	if flag, want, ok := flagKey(name); ok {
		return func(c *candidate) bool { return hasFold(c.flags, flag) == want }, nil
	}
	switch name {
	case "ALL":
		return func(*candidate) bool { return true }, nil
	case "RECENT":
		return func(c *candidate) bool { return c.recent }, nil
	case "OLD":
		return func(c *candidate) bool { return !c.recent }, nil
	case "NEW":
		return func(c *candidate) bool { return c.recent && !hasFold(c.flags, `\Seen`) }, nil
	case "NOT":
		if err := p.space(); err != nil {
			return nil, err
		}
		one, err := q.key(depth + 1)
		return func(c *candidate) bool { return !one(c) }, err
	case "OR":
		return q.or(depth)
	}
	if c := name + "x"; name != "" && (c[0] == '*' || c[0] >= '0' && c[0] <= '9') {
		return q.set(name, false)
	}
	if err := p.space(); err != nil {
		return nil, err
	}
	return q.withArgument(name)
}

// flagKey are the keys that ask for one flag.
func flagKey(name string) (flag string, want, ok bool) {
	bare, isNot := strings.CutPrefix(name, "UN")
	switch bare {
	case "SEEN":
		flag = `\Seen`
	case "ANSWERED":
		flag = `\Answered`
	case "DELETED":
		flag = `\Deleted`
	case "DRAFT":
		flag = `\Draft`
	case "FLAGGED":
		flag = `\Flagged`
	}
	return flag, !isNot, flag != ""
}

func (q *searchReader) or(depth int) (criterion, error) {
	var pair [2]criterion
	for i := range pair {
		if err := q.p.space(); err != nil {
			return nil, err
		}
		one, err := q.key(depth + 1)
		if err != nil {
			return nil, err
		}
		pair[i] = one
	}
	return func(c *candidate) bool { return pair[0](c) || pair[1](c) }, nil
}

func (q *searchReader) set(text string, uid bool) (criterion, error) {
	set, ok := parseNumberSet(text)
	if !ok {
		return nil, bad("Error in IMAP command %s: Invalid messageset", q.s.command)
	}
	q.s.sel.owner.mu.Lock()
	set = set.normal(q.s.sel.max(uid))
	q.s.sel.owner.mu.Unlock()
	return func(c *candidate) bool {
		if uid {
			return set.contains(uint32(c.message.uid))
		}
		return set.contains(uint32(c.sequence))
	}, nil
}

func (q *searchReader) withArgument(name string) (criterion, error) {
	text, err := q.p.astring()
	if err != nil {
		return nil, err
	}
	switch name {
	case "UID":
		return q.set(text, true)
	case "KEYWORD", "UNKEYWORD":
		return func(c *candidate) bool { return hasFold(c.flags, text) == (name == "KEYWORD") }, nil
	case "HEADER":
		if err := q.p.space(); err != nil {
			return nil, err
		}
		value, err := q.p.astring()
		return func(c *candidate) bool { return c.fieldContains(text, value) }, err
	case "SUBJECT", "FROM", "TO", "CC", "BCC":
		return func(c *candidate) bool { return c.fieldContains(name, text) }, nil
	case "TEXT", "BODY":
		return func(c *candidate) bool { return c.textContains(text, name == "BODY") }, nil
	case "X-GM-MSGID", "X-GM-THRID", "X-GM-LABELS":
		if q.s.p.has(labelExtension) {
			return func(c *candidate) bool { return c.message.original.fits(name, text) }, nil
		}
	case "LARGER", "SMALLER", "OLDER", "YOUNGER", "MODSEQ":
		return q.number(name, text)
	}
	date, err := time.Parse("_2-Jan-2006", text)
	if err != nil {
		return nil, bad("Error in IMAP command %s: Unknown search key %.40s", q.s.command, name)
	}
	of := func(c *candidate) time.Time { return day(c.message.date) }
	name, sent := strings.CutPrefix(name, "SENT")
	if sent {
		of = (*candidate).sentDate
	}
	switch name {
	case "SINCE":
		return func(c *candidate) bool { return !of(c).Before(date) }, nil
	case "BEFORE":
		return func(c *candidate) bool { return of(c).Before(date) }, nil
	case "ON":
		return func(c *candidate) bool { return of(c).Equal(date) }, nil
	}
	return nil, bad("Error in IMAP command %s: Unknown search key", q.s.command)
}

func (q *searchReader) number(name, text string) (criterion, error) {
	if name == "MODSEQ" && !q.s.p.has("CONDSTORE") {
		return nil, bad("Error in IMAP command %s: Unknown search key", q.s.command)
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return nil, bad("Error in IMAP command %s: Invalid number", q.s.command)
	}
	switch name {
	case "LARGER":
		return func(c *candidate) bool { return c.message.content.size > int64(n) }, nil
	case "SMALLER":
		return func(c *candidate) bool { return c.message.content.size < int64(n) }, nil
	case "MODSEQ":
		q.modSeq, q.s.condstore = true, true
		return func(c *candidate) bool { return c.modSeq >= n }, nil
	}
	limit := time.Now().Add(-time.Duration(n) * time.Second)
	return func(c *candidate) bool { return c.message.date.Before(limit) == (name == "OLDER") }, nil
}
