// Command cyrus starts, shows and stops a throw-away Cyrus IMAP server from the
// shell:
//
//	go run ./rigs/cyrus start DIR [-separator .] [-below-inbox]
//	go run ./rigs/cyrus status DIR
//	go run ./rigs/cyrus stop DIR
//
// It prints key=value lines. stop removes DIR.
package main

import (
	"context"
	"flag"

	"github.com/mailhaul/mailhaul/rigs/cyrusrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

func main() {
	o := cyrusrig.Options{}
	rig.Command{
		Name: "cyrus",
		Flags: func(flags *flag.FlagSet) {
			flags.StringVar(&o.Separator, "separator", "/", "hierarchy separator, / or .")
			flags.BoolVar(&o.BelowINBOX, "below-inbox", false, "every folder is below INBOX")
		},
		Start: func(ctx context.Context, dir string) (rig.State, error) {
			o.Dir = dir
			return cyrusrig.StartDetached(ctx, o)
		},
		Show: func(rig.State) []string {
			return []string{"admin=" + rig.Admin, "admin_password=" + rig.AdminPassword}
		},
	}.Main()
}
