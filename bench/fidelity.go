package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/oracle"
)

// oracleLimit is the time limit for reading one mailbox.
const oracleLimit = 3 * time.Minute

// snapshot reads a mailbox with the oracle.
func snapshot(ctx context.Context, s *dovecotrig.Server, user string) (oracle.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, oracleLimit)
	defer cancel()
	return oracle.Take(ctx, s.Host, s.Port, user, s.Password)
}

// compare says how many messages of the source have no equal in the copy: "0", or
// how many differ in their bytes or dates and how many only in flags or keywords.
func (b *bench) compare(ctx context.Context, a attempt, user string) (string, error) {
	source, err := snapshot(ctx, b.source, a.source)
	if err != nil {
		return "", err
	}
	target, err := snapshot(ctx, a.target, user)
	if err != nil {
		return "", err
	}
	o := oracle.DiffOptions{IgnoreSubscriptions: true}
	all := missing(oracle.Diff(source, target, o))
	o.IgnoreFlags = true
	bytes := missing(oracle.Diff(source, target, o))
	if all == 0 {
		return "0", nil
	}
	return fmt.Sprintf("%d bytes or date, %d flags", bytes, all-bytes), nil
}

// missing counts the messages that a comparison misses in the copy.
func missing(lines []string) int {
	total := 0
	for _, line := range lines {
		var n int
		if strings.HasPrefix(line, "missing ") {
			if _, err := fmt.Sscanf(line, "missing %dx:", &n); err == nil {
				total += n
			}
		}
	}
	return total
}
