package relay

import (
	"cmp"
	"slices"
	"time"
)

// Direction is the way bytes go.
type Direction string

// The two directions.
const (
	Up   Direction = "up"   // client to server
	Down Direction = "down" // server to client
)

// Action is what a fault does once its byte is reached.
type Action string

// The actions. Each happens after exactly Fault.After bytes were delivered.
const (
	// CutFIN closes both sides in the orderly way. What the receiver has been
	// sent it can still read.
	CutFIN Action = "cut-fin"
	// CutRST resets both sides.
	CutRST Action = "cut-rst"
	// Stall delivers nothing more in this direction and says nothing, as a
	// firewall that lost its state does.
	Stall Action = "stall"
	// Split delivers from here on in writes of one byte.
	Split Action = "split"
	// Hold keeps the bytes from here on and delivers them when Fault.Hold has
	// passed or Release is called, even when the sender has closed long since:
	// the zombie append.
	Hold Action = "hold"
	// Drop swallows the bytes from here on: the lost answer.
	Drop Action = "drop"
)

// Fault is one thing that goes wrong.
type Fault struct {
	// Connection is the number of the connection it hits, from 1; 0 means each.
	Connection int
	// Direction is the way of the bytes that are counted and hit.
	Direction Direction
	// After is the number of bytes delivered untouched before.
	After int64
	// Action is what happens then.
	Action Action
	// Hold is how long bytes are held; 0 means until Release.
	Hold time.Duration
}

// faultsFor returns the faults of one connection and direction in their order.
func faultsFor(all []Fault, connection int, d Direction) []Fault {
	var mine []Fault
	for _, f := range all {
		if f.Direction == d && (f.Connection == 0 || f.Connection == connection) {
			mine = append(mine, f)
		}
	}
	slices.SortStableFunc(mine, func(a, b Fault) int { return cmp.Compare(a.After, b.After) })
	return mine
}
