// Command courier starts, shows and stops a throw-away Courier IMAP server from the
// shell:
//
//	go run ./rigs/courier start DIR [-connections 40]
//	go run ./rigs/courier status DIR
//	go run ./rigs/courier stop DIR
//
// It prints key=value lines. stop removes DIR.
package main

import (
	"context"
	"flag"

	"github.com/mailhaul/mailhaul/rigs/courierrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

func main() {
	o := courierrig.Options{}
	rig.Command{
		Name: "courier",
		Flags: func(flags *flag.FlagSet) {
			flags.IntVar(&o.Connections, "connections", 0, "connections of one address, 0 for 500")
		},
		Start: func(ctx context.Context, dir string) (rig.State, error) {
			o.Dir = dir
			return courierrig.StartDetached(ctx, o)
		},
		Show: func(rig.State) []string {
			return []string{"admin=" + rig.Admin, "admin_password=" + rig.AdminPassword, "users_of_admin=#shared.USER"}
		},
	}.Main()
}
