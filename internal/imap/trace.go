package imap

import (
	"fmt"
	"strings"
)

// traceMost is how much of a line a trace shows, in bytes.
const traceMost = 2000

// trace shows a line, if anybody looks.
func (c *conn) trace(line string) {
	if c.options.Trace == nil {
		return
	}
	line = c.scrub.Scrub(line) // before it is cut: half a secret is not known again
	if len(line) > traceMost {
		line = line[:traceMost] + fmt.Sprintf("... {%d bytes}", len(line))
	}
	c.tracing.Lock()
	defer c.tracing.Unlock()
	c.options.Trace(strings.TrimRight(line, "\r\n"))
}

// traceCommand shows a command without its literals, or with what stands for
// it when it holds a credential.
func (c *conn) traceCommand(cmd *command, text []byte) {
	if c.options.Trace == nil {
		return
	}
	shown := cmd.shown
	if shown == "" {
		line, rest, _ := strings.Cut(string(text), "\r\n")
		shown = line
		if rest != "" {
			shown += fmt.Sprintf(" {%d bytes}", len(rest))
		}
	}
	c.trace("C: " + cmd.tag + " " + shown)
}
