package mailsync

import (
	"bufio"
	"bytes"
	"fmt"
	"mime"
	"net/textproto"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The patience with a message that is refused or breaks the line.
const (
	lossesBeforeAlone = 2
	triesPerPass      = 2
	attemptsInAll     = 3
	passesToGiveUp    = 2
)

// isolate sends the folder's singles one by one, so that each failure has one
// message to blame.
func (p *pass) isolate(l *line, f *folder) error {
	if err := p.examineAgain(l, f); err != nil {
		return err
	}
	giveBack, err := aloneOn(p.work, l.target)
	if err != nil {
		return err
	}
	defer giveBack()
	for {
		p.mu.Lock()
		if len(f.singles) == 0 || p.stopped() {
			p.mu.Unlock()
			return nil
		}
		s := f.singles[0]
		f.singles = f.singles[1:]
		p.mu.Unlock()
		w := p.newWindow(f, []migration.Message{s.message})
		w.single, w.plain = true, s.plain
		w.byUID[s.message.UID].mend = s.mend
		if err := p.sendSingle(l, f, w, s); err != nil {
			return err
		}
	}
}

// sendSingle sends one message and judges the outcome.
func (p *pass) sendSingle(l *line, f *folder, w *window, s single) error {
	err := p.send(l, f, w)
	if migration.CodeOf(err) == migration.CodeWorn {
		p.mu.Lock()
		f.singles = append([]single{s}, f.singles...)
		p.mu.Unlock()
		return err
	}
	parcel := w.byUID[s.message.UID]
	refused := parcel.result != nil && parcel.result.Err != nil && !parcel.result.Doubt &&
		migration.ClassOf(parcel.result.Err) == migration.OneMessage
	if !refused {
		return err
	}
	s.tries++
	keywords := len(systemOnly(s.message.Flags)) < len(s.message.Flags)
	if s.tries < triesPerPass && keywords && migration.CodeOf(parcel.result.Err) != migration.CodeTooLarge {
		// Some servers refuse a message for a keyword.
		s.plain = true
		p.mu.Lock()
		f.singles = append(f.singles, s)
		p.mu.Unlock()
		return err
	}
	cause := parcel.result.Err
	if migration.CodeOf(cause) == migration.CodeRejected && parcel.size <= mendMost {
		again := err != nil // of something else; this message waits
		if !again {
			var failure error
			if again, failure = p.climb(l, f, &s, cause); failure != nil {
				return failure
			}
		}
		if again {
			p.mu.Lock()
			f.singles = append(f.singles, s)
			p.mu.Unlock()
			return err
		}
	}
	if s.mend != nil {
		cause = s.mend.refusal // to the message as it is
	}
	if failure := p.leaveOut(l, f, s.message, cause); failure != nil {
		return failure
	}
	return err
}

// hungUp reports whether the source's line was lost.
func hungUp(err error) bool {
	var side *sideFault
	return asSide(err, &side) && !side.target && migration.ClassOf(err) == migration.Again && migration.CodeOf(err) != migration.CodeInterrupted
}

// suspect holds the source's hanging up against the message that was next: it
// goes alone when that happens twice, and not at all when it happens even then.
func (p *pass) suspect(f *folder, w *window, back []migration.Message, alone []single) ([]migration.Message, []single) {
	if len(back) == 0 {
		return back, alone
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := back[0]
	f.losses[next.UID]++
	switch n := f.losses[next.UID]; {
	case n >= lossesBeforeAlone+triesPerPass:
		w.hopeless = &next
		return back[1:], alone
	case n >= lossesBeforeAlone:
		return back[1:], append(alone, single{message: next})
	}
	return back, alone
}

// hangsUp is the fault of a message at which the source ends the connection.
func hangsUp() error {
	return &migration.Fault{Class: migration.OneMessage, Code: migration.CodeUnreadable,
		Doing:  "reading the message: the source ends the connection each time it is asked for, even alone",
		Remedy: "Open the message in the old mailbox; if it cannot be read there either, it is damaged on the old server."}
}

// lookForMissing finds out why the source did not deliver what it was asked for:
// the message is gone, or it cannot be read.
func (p *pass) lookForMissing(l *line, f *folder, w *window) error {
	var missing migration.UIDSet
	for _, m := range w.messages {
		if !w.byUID[m.UID].sent {
			missing.Add(m.UID)
		}
	}
	if missing.Empty() {
		return nil
	}
	var there migration.UIDSet
	err := l.source.Messages(p.work, migration.Query{UIDs: missing, Flags: true, Each: func(m migration.Message) error {
		there.Add(m.UID)
		return nil
	}})
	if err != nil {
		p.requeue(f, w, missing)
		return onSource(err)
	}
	if silent := missing.Minus(there); !silent.Empty() {
		// Not described, yet perhaps still listed: that is not gone.
		listed, err := l.source.UIDs(p.work)
		if err != nil {
			p.requeue(f, w, missing)
			return onSource(err)
		}
		there = there.Union(silent.Intersect(listed))
	}
	p.mu.Lock()
	f.counts.Gone += missing.Minus(there).Len()
	p.mu.Unlock()
	if there.Empty() {
		return nil
	}
	if !w.single {
		p.requeue(f, w, there)
		return nil
	}
	unreadable := &migration.Fault{Class: migration.OneMessage, Code: migration.CodeUnreadable,
		Doing:  "reading the message: the source lists it but does not deliver it",
		Remedy: "Open the message in the old mailbox; if it cannot be read there either, it is damaged on the old server."}
	return p.leaveOut(l, f, w.messages[0], unreadable)
}

// requeue puts messages among the singles.
func (p *pass) requeue(f *folder, w *window, uids migration.UIDSet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range w.messages {
		if uids.Contains(m.UID) {
			f.singles = append(f.singles, single{message: m})
		}
	}
	p.changed.Broadcast()
}

// leaveOut gives a message up for this pass, with a finding. After enough tries
// in enough passes it is given up for good.
func (p *pass) leaveOut(l *line, f *folder, m migration.Message, cause error) error {
	mark, known := f.markOf(p, m.UID)
	if !known {
		mark = Mark{Source: m.UID}
	}
	mark.State, mark.Attempts, mark.Passes = Retry, mark.Attempts+1, mark.Passes+1
	mark.Finding = p.describe(l, f, m, cause)
	if mark.Passes >= passesToGiveUp && mark.Attempts >= attemptsInAll {
		mark.State = Skipped
	}
	outcome := Outcome{Marks: []Mark{mark}}
	if err := p.Ledger.Settle(p.work, f.record.ID, outcome); err != nil {
		return ledgerFault("writing the ledger", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.marks[m.UID] = mark
	f.counts.Skipped++
	f.findings = append(f.findings, mark.Finding)
	return nil
}

// describe makes the finding for a message that was left out, with its subject
// if the source still tells it.
func (p *pass) describe(l *line, f *folder, m migration.Message, cause error) migration.Finding {
	finding := migration.Finding{Code: migration.CodeOf(cause), Folder: f.pair.Source.Name, UID: m.UID, Date: m.Date, Size: m.Size, Reason: cause.Error()}
	if fault := migration.FaultOf(cause); fault != nil {
		finding.Remedy = fault.Remedy
	}
	if l.source == nil {
		return finding
	}
	_ = l.source.Messages(p.work, migration.Query{UIDs: migration.NewUIDSet(m.UID), Header: []string{"SUBJECT"}, Each: func(m migration.Message) error {
		finding.Subject = subjectOf(m.Header)
		return nil
	}})
	return finding
}

// subjectOf reads a Subject field, decoding encoded words (RFC 2047).
func subjectOf(header []byte) string {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(header, "\r\n"...))))
	fields, _ := reader.ReadMIMEHeader()
	subject := fields.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = decoded
	}
	const most = 200
	if runes := []rune(strings.ToValidUTF8(subject, "�")); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return strings.ToValidUTF8(subject, "�")
}

// keywordFinding is the one finding a folder has for keywords left behind.
func (f *folder) keywordFinding() (migration.Finding, bool) {
	if len(f.lostKeywords) == 0 {
		return migration.Finding{}, false
	}
	var names []string
	count := 0
	for name, n := range f.lostKeywords {
		names = append(names, name)
		count = max(count, n)
	}
	return migration.Finding{Code: migration.CodeKeywordDropped, Folder: f.pair.Source.Name, Count: count,
		Reason: fmt.Sprintf("the target does not keep %s", strings.Join(sorted(names), ", ")),
		Remedy: "Nothing to do: the messages are there, without these marks."}, true
}
