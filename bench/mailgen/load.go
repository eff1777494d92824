package mailgen

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Limits of a group of messages in one command and of the bytes under way on one
// connection.
const (
	groupMessages = 50
	groupBytes    = 4 << 20
	windowBytes   = 16 << 20
)

// LoadOptions says how mail is written. The zero value is the fastest way.
type LoadOptions struct {
	// Connections is the number of connections; 0 means 4.
	Connections int
	// Single sends one APPEND for each message instead of MULTIAPPEND.
	Single bool
	// NoFolders leaves the folders as they are instead of creating and
	// subscribing them.
	NoFolders bool
}

// group is messages of one folder for one command.
type group struct {
	folder   string
	messages []Message
	bytes    int
}

// Load appends a corpus to a mailbox. Messages of a folder keep their order
// within a group of 50; with one connection they keep it altogether.
func Load(ctx context.Context, t Target, c Corpus, o LoadOptions) error {
	if o.Connections == 0 {
		o.Connections = 4
	}
	if !o.NoFolders {
		if err := createFolders(ctx, t, c.Folders); err != nil {
			return err
		}
	}
	work := make(chan group)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		for _, gr := range groups(c, o.Single) {
			select {
			case work <- gr:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range o.Connections {
		g.Go(func() error { return appendAll(ctx, t, work) })
	}
	return g.Wait()
}

// createFolders makes and subscribes every folder but INBOX, all in one flight.
func createFolders(ctx context.Context, t Target, folders []string) error {
	w, err := dialTarget(ctx, t)
	if err != nil {
		return err
	}
	defer w.close()
	var tags []string
	for _, f := range folders {
		if f == "INBOX" {
			continue
		}
		for _, verb := range []string{"CREATE", "SUBSCRIBE"} {
			tags = append(tags, w.tag())
			if _, err := fmt.Fprintf(w.w, "%s %s %s\r\n", tags[len(tags)-1], verb, quote(t.raw(f))); err != nil {
				return err
			}
		}
	}
	if err := w.w.Flush(); err != nil {
		return fmt.Errorf("create folders: %w", err)
	}
	for i, tag := range tags {
		if err := w.await(tag); err != nil && !strings.Contains(err.Error(), "ALREADYEXISTS") {
			return fmt.Errorf("create folders, answer %d: %w", i, err)
		}
	}
	return nil
}

// groups cuts a corpus into groups, taking turns among the folders so that
// connections seldom meet in one.
func groups(c Corpus, single bool) []group {
	most := groupMessages
	if single {
		most = 1
	}
	byFolder := make(map[string][]group)
	var order []string
	for _, m := range c.Messages {
		list, known := byFolder[m.Folder]
		if !known {
			order = append(order, m.Folder)
		}
		if n := len(list) - 1; n < 0 || len(list[n].messages) == most || list[n].bytes+len(m.Body) > groupBytes {
			list = append(list, group{folder: m.Folder})
		}
		last := &list[len(list)-1]
		last.messages = append(last.messages, m)
		last.bytes += len(m.Body)
		byFolder[m.Folder] = list
	}
	var all []group
	for round, more := 0, true; more; round++ {
		more = false
		for _, f := range order {
			if round < len(byFolder[f]) {
				all, more = append(all, byFolder[f][round]), true
			}
		}
	}
	return all
}

// appendAll writes groups on one connection without waiting for the answers
// until too many bytes are under way.
func appendAll(ctx context.Context, t Target, work <-chan group) error {
	w, err := dialTarget(ctx, t)
	if err != nil {
		return err
	}
	defer w.close()
	flight := newFlight(windowBytes)
	answers := make(chan error, 1)
	go func() {
		err := flight.land(w)
		flight.close(err)
		answers <- err
	}()
	err = func() error {
		for gr := range work {
			tag := w.tag()
			if err := flight.start(tag, gr.bytes); err != nil {
				return err
			}
			if err := w.appendGroup(tag, t.raw(gr.folder), gr); err != nil {
				return fmt.Errorf("append to %q: %w", gr.folder, err)
			}
		}
		return nil
	}()
	flight.finish()
	if err != nil {
		w.conn.Close()
	}
	// What the server said last tells more than that it hung up.
	return errors.Join(<-answers, err)
}

// appendGroup sends one APPEND with one message or more (RFC 3502).
func (w *wire) appendGroup(tag, raw string, gr group) error {
	if _, err := fmt.Fprintf(w.w, "%s APPEND %s", tag, quote(raw)); err != nil {
		return err
	}
	for _, m := range gr.messages {
		literal := ""
		if m.NUL {
			literal = "~" // literal8, RFC 3516
		}
		_, err := fmt.Fprintf(w.w, " (%s) \"%s\" %s{%d+}\r\n", strings.Join(m.Flags, " "),
			m.Date.Format("_2-Jan-2006 15:04:05 -0700"), literal, len(m.Body))
		if err != nil {
			return err
		}
		if _, err := w.w.Write(m.Body); err != nil {
			return err
		}
	}
	if _, err := w.w.WriteString("\r\n"); err != nil {
		return err
	}
	return w.w.Flush()
}

// flight is the commands under way on one connection.
type flight struct {
	mu       sync.Mutex
	changed  *sync.Cond
	limit    int
	bytes    int
	tags     []string
	sizes    []int
	finished bool
	err      error
}

func newFlight(limit int) *flight {
	f := &flight{limit: limit}
	f.changed = sync.NewCond(&f.mu)
	return f
}

// start adds a command, waiting while too many bytes are under way.
func (f *flight) start(tag string, size int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.err == nil && f.bytes > 0 && f.bytes+size > f.limit {
		f.changed.Wait()
	}
	f.tags, f.sizes, f.bytes = append(f.tags, tag), append(f.sizes, size), f.bytes+size
	f.changed.Broadcast()
	return f.err
}

// finish says that no further command comes.
func (f *flight) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finished = true
	f.changed.Broadcast()
}

// close wakes start with an error.
func (f *flight) close(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	f.changed.Broadcast()
}

// land reads the answers in order until all commands are answered.
func (f *flight) land(w *wire) error {
	for {
		f.mu.Lock()
		for len(f.tags) == 0 && !f.finished {
			f.changed.Wait()
		}
		if len(f.tags) == 0 {
			f.mu.Unlock()
			return nil
		}
		tag, size := f.tags[0], f.sizes[0]
		f.mu.Unlock()
		if err := w.await(tag); err != nil {
			return err
		}
		f.mu.Lock()
		f.tags, f.sizes, f.bytes = f.tags[1:], f.sizes[1:], f.bytes-size
		f.changed.Broadcast()
		f.mu.Unlock()
	}
}
