package imapfake

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Counts are what a server has seen.
type Counts struct {
	// Connections were made; Open are there now; MaxOpen was the most at
	// one time.
	Connections, Open, MaxOpen int
	// Commands by upper-case name, "UID FETCH" for instance.
	Commands map[string]int
	// MostErrors is the largest number of mistakes on one connection: BAD
	// answers, and lines that are no commands.
	MostErrors int
	// MostRefusals is the largest number of commands refused on one connection, by NO,
	// BAD or BYE.
	MostRefusals int
	// In and Out are bytes on the wire; LiteralsIn and LiteralsOut those in
	// literals, partly sent ones included.
	In, Out, LiteralsIn, LiteralsOut int64
}

type counts struct {
	in, out, literalsIn, literalsOut atomic.Int64
	// appends counts those that could have told of their UIDs.
	appends atomic.Int64

	mu                      sync.Mutex
	connections, open, most int
	commands                map[string]int
	mistakes, refusals      int
}

// Counts tells what the server has seen so far.
func (s *Server) Counts() Counts {
	c := &s.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	return Counts{
		Connections: c.connections, Open: c.open, MaxOpen: c.most, Commands: maps.Clone(c.commands),
		MostErrors: c.mistakes, MostRefusals: c.refusals,
		In: c.in.Load(), Out: c.out.Load(), LiteralsIn: c.literalsIn.Load(), LiteralsOut: c.literalsOut.Load(),
	}
}

func (c *counts) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connections++
	c.open++
	c.most = max(c.most, c.open)
}

func (c *counts) disconnected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
}

func (c *counts) command(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.commands == nil {
		c.commands = map[string]int{}
	}
	c.commands[name]++
}

// refusal notes how many commands a connection has had refused by now.
func (c *counts) refusal(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals = max(c.refusals, n)
}

// mistake notes how many mistakes a connection has made by now.
func (c *counts) mistake(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mistakes = max(c.mistakes, n)
}
