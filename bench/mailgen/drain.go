package mailgen

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Drain fetches every message of the folders and throws it away: one FETCH a
// folder, all of a connection's in one flight. 0 connections means 4.
func Drain(ctx context.Context, t Target, folders []string, connections int) error {
	if connections == 0 {
		connections = 4
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := range connections {
		g.Go(func() error {
			w, err := dialTarget(ctx, t)
			if err != nil {
				return err
			}
			defer w.close()
			var last string
			for n := i; n < len(folders); n += connections {
				last = w.tag()
				if _, err := fmt.Fprintf(w.w, "e EXAMINE %s\r\n%s UID FETCH 1:* (BODY.PEEK[])\r\n", quote(t.raw(folders[n])), last); err != nil {
					return err
				}
			}
			if err := w.w.Flush(); err != nil || last == "" {
				return err
			}
			return w.discard(last)
		})
	}
	return g.Wait()
}

// discard reads answers with literals up to the tagged one.
func (w *wire) discard(tag string) error {
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if strings.HasPrefix(line, tag+" ") {
			return nil
		}
		open := strings.LastIndexByte(line, '{')
		if open < 0 || !strings.HasSuffix(line, "}\r\n") {
			continue
		}
		size, err := strconv.ParseInt(line[open+1:len(line)-3], 10, 64)
		if err != nil {
			return fmt.Errorf("literal in %.60q: %w", line, err)
		}
		if _, err := io.CopyN(io.Discard, w.r, size); err != nil {
			return fmt.Errorf("read a message: %w", err)
		}
	}
}
