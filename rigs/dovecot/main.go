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
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/mailhaul/mailhaul/rigs/dovecotrig"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "dovecot rig:", err)
		os.Exit(1)
	}
}

// run obeys one command line.
func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: dovecot start|status|stop DIR [flags of start]")
	}
	verb, dir := args[0], args[1]
	switch verb {
	case "start":
		return runStart(ctx, dir, args[2:])
	case "status":
		return show(dovecotrig.Status(dir))
	case "stop":
		return dovecotrig.StopDetached(ctx, dir)
	}
	return fmt.Errorf("unknown command %q", verb)
}

// runStart starts a server in dir and shows it.
func runStart(ctx context.Context, dir string, args []string) error {
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	o := dovecotrig.Options{Dir: dir}
	flags.StringVar(&o.Format, "format", "mdbox", "mail storage: maildir, mdbox or sdbox")
	flags.StringVar(&o.Separator, "separator", "/", "hierarchy separator, / or .")
	flags.StringVar(&o.Prefix, "prefix", "", "namespace prefix, such as INBOX.")
	flags.StringVar(&o.SpecialUse, "special-use", "no", "special folders: no, create or subscribe")
	flags.Int64Var(&o.QuotaBytes, "quota", 0, "bytes each mailbox may hold, 0 for no limit")
	flags.IntVar(&o.MaxUserIPConnections, "connections", 0, "connections per user and address, 0 for 1000")
	flags.BoolVar(&o.Durable, "durable", false, "sync mail to disk")
	hide := flags.String("hide", "", "capabilities not to announce, with commas")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *hide != "" {
		o.Hide = strings.Split(*hide, ",")
	}
	return show(dovecotrig.StartDetached(ctx, o))
}

// show prints a server's state.
func show(st dovecotrig.State, err error) error {
	if err != nil {
		return err
	}
	fmt.Printf("dir=%s\nhost=%s\nport=%d\ntls_port=%d\npassword=%s\n", st.Dir, st.Host, st.Port, st.TLSPort, st.Password)
	fmt.Printf("master_user=%s\nmaster_password=%s\n", dovecotrig.MasterUser, dovecotrig.MasterPassword)
	fmt.Printf("ca_file=%s\nspki_pin=%s\npid=%d\nrunning=%t\n", st.CAFile, st.SPKIPin, st.PID, st.Running)
	return nil
}
