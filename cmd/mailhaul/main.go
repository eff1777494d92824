// Command mailhaul moves mailboxes from one IMAP server to another.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/mailhaul/mailhaul/internal/cli"
)

func main() {
	collectRarely()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a clean stop; a second one ends at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Run(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
