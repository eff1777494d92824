package mailgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Refusal is what a server would not take.
type Refusal struct {
	// Folder is the decoded name; Message is nil when it was the folder itself
	// that was refused, with all in it.
	Folder  string
	Message *Message
	Err     error
}

// Fill appends a corpus to a mailbox as every server can be told to (RFC 3501):
// message by message, each with a literal that waits to be asked for. Unlike Load it
// goes on where the server refuses something, and tells what.
func Fill(ctx context.Context, t Target, c Corpus) ([]Refusal, error) {
	w, err := dialTarget(ctx, t)
	if err != nil {
		return nil, err
	}
	defer w.close()
	var refusals []Refusal
	lost := map[string]bool{}
	for _, folder := range c.Folders {
		if folder == "INBOX" {
			continue
		}
		err := w.do("CREATE " + quote(t.raw(folder)))
		if err == nil {
			err = w.do("SUBSCRIBE " + quote(t.raw(folder)))
		}
		switch {
		case errors.Is(err, errRefused):
			lost[folder] = true
			refusals = append(refusals, Refusal{Folder: folder, Err: err})
		case err != nil:
			return refusals, err
		}
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if lost[m.Folder] {
			continue
		}
		err := w.appendWaiting(t.raw(m.Folder), *m)
		switch {
		case errors.Is(err, errRefused):
			refusals = append(refusals, Refusal{m.Folder, m, err})
		case err != nil:
			return refusals, err
		}
	}
	return refusals, nil
}

// appendWaiting appends one message, whose literal it sends when it is asked for it.
func (w *wire) appendWaiting(raw string, m Message) error {
	tag, literal := w.tag(), ""
	if m.NUL {
		literal = "~" // literal8, RFC 3516
	}
	_, err := fmt.Fprintf(w.w, "%s APPEND %s (%s) \"%s\" %s{%d}\r\n", tag, quote(raw), strings.Join(m.Flags, " "),
		m.Date.Format("_2-Jan-2006 15:04:05 -0700"), literal, len(m.Body))
	if err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	if asked, err := w.awaitAsked(tag); err != nil || !asked {
		return err
	}
	if _, err := w.w.Write(append(m.Body[:len(m.Body):len(m.Body)], "\r\n"...)); err != nil {
		return err
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	return w.await(tag)
}
