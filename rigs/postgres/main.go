// Command postgres starts, shows and stops a throw-away PostgreSQL cluster from
// the shell:
//
//	go run ./rigs/postgres start DIR [-durable]
//	go run ./rigs/postgres status DIR
//	go run ./rigs/postgres stop DIR
//
// It prints key=value lines. stop removes DIR.
package main

import (
	"context"
	"flag"

	"github.com/mailhaul/mailhaul/rigs/postgresrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

func main() {
	o := postgresrig.Options{}
	rig.Command{
		Name:  "postgres",
		Flags: func(flags *flag.FlagSet) { flags.BoolVar(&o.Durable, "durable", false, "sync to disk") },
		Start: func(ctx context.Context, dir string) (rig.State, error) {
			o.Dir = dir
			return postgresrig.StartDetached(ctx, o)
		},
		Show: func(st rig.State) []string { return []string{"url=" + postgresrig.URL(st, "postgres")} },
	}.Main()
}
