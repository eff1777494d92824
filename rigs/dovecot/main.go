// Command dovecot starts, shows and stops a throw-away Dovecot server from the
// shell:
//
//	go run ./rigs/dovecot start DIR [-format maildir] [-separator .] [-prefix INBOX.] [-hide MULTIAPPEND,...]
//	go run ./rigs/dovecot status DIR
//	go run ./rigs/dovecot stop DIR
//
// It prints key=value lines. stop removes DIR.
package main

import (
	"context"
	"flag"
	"strings"

	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
	"github.com/mailhaul/mailhaul/rigs/rig"
)

func main() { command().Main() }

func command() rig.Command {
	o, hide := dovecotrig.Options{}, ""
	return rig.Command{
		Name:  "dovecot",
		Flags: func(flags *flag.FlagSet) { startFlags(flags, &o, &hide) },
		Start: func(ctx context.Context, dir string) (rig.State, error) {
			if o.Dir = dir; hide != "" {
				o.Hide = strings.Split(hide, ",")
			}
			return dovecotrig.StartDetached(ctx, o)
		},
		Show: func(rig.State) []string {
			return []string{"master_user=" + dovecotrig.MasterUser, "master_password=" + dovecotrig.MasterPassword}
		},
	}
}

// startFlags are the flags of start.
func startFlags(flags *flag.FlagSet, o *dovecotrig.Options, hide *string) {
	flags.StringVar(&o.Format, "format", "mdbox", "mail storage: maildir, mdbox or sdbox")
	flags.StringVar(&o.Separator, "separator", "/", "hierarchy separator, / or .")
	flags.StringVar(&o.Prefix, "prefix", "", "namespace prefix, such as INBOX.")
	flags.StringVar(&o.SpecialUse, "special-use", "no", "special folders: no, create or subscribe")
	flags.Int64Var(&o.QuotaBytes, "quota", 0, "bytes each mailbox may hold, 0 for no limit")
	flags.IntVar(&o.MaxUserIPConnections, "connections", 0, "connections per user and address, 0 for 1000")
	flags.BoolVar(&o.Durable, "durable", false, "sync mail to disk")
	flags.StringVar(hide, "hide", "", "capabilities not to announce, with commas")
}
