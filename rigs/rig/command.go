package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Command is the command line of a rig:
//
//	NAME start DIR [flags of start]
//	NAME status DIR
//	NAME stop DIR
type Command struct {
	// Name is what it is called.
	Name string
	// Flags are those of start; nil means none.
	Flags func(*flag.FlagSet)
	// Start starts a detached server in dir.
	Start func(ctx context.Context, dir string) (State, error)
	// Show gives more lines to print about a server, such as admin=who; nil
	// means none.
	Show func(State) []string
}

// Main obeys the command line of this process, and ends it.
func (c Command) Main() {
	err := c.Run(context.Background(), os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) { // help was printed
		fmt.Fprintf(os.Stderr, "%s rig: %v\n", c.Name, err)
		os.Exit(1)
	}
}

// Run obeys a command line. Asked for help it prints it and returns flag.ErrHelp.
func (c Command) Run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "usage: %s start|status|stop DIR [flags of start]\n", c.Name)
		flags.PrintDefaults()
	}
	if c.Flags != nil {
		c.Flags(flags)
	}
	if slices.ContainsFunc(args, func(arg string) bool { return arg == "help" || arg == "-h" || strings.TrimLeft(arg, "-") == "help" }) {
		flags.SetOutput(out)
		flags.Usage()
		return flag.ErrHelp
	}
	if len(args) < 2 || strings.HasPrefix(args[1], "-") {
		return fmt.Errorf("usage: %[1]s start|status|stop DIR [flags of start]; see %[1]s --help", c.Name)
	}
	verb, dir := args[0], args[1]
	switch verb {
	case "start":
		if err := flags.Parse(args[2:]); err != nil {
			return err
		}
		return c.show(out)(c.Start(ctx, dir))
	case "status":
		return c.show(out)(Status(dir))
	case "stop":
		return StopDetached(ctx, dir)
	}
	return fmt.Errorf("unknown command %q", verb)
}

// show prints a server's state as key=value lines.
func (c Command) show(out io.Writer) func(State, error) error {
	return func(st State, err error) error {
		if err != nil {
			return err
		}
		lines := []string{"dir=" + st.Dir, "host=" + st.Host, fmt.Sprintf("port=%d", st.Port)}
		if st.TLSPort != 0 {
			lines = append(lines, fmt.Sprintf("tls_port=%d", st.TLSPort), "ca_file="+st.CAFile, "spki_pin="+st.SPKIPin)
		}
		lines = append(lines, "password="+st.Password)
		if c.Show != nil {
			lines = append(lines, c.Show(st)...)
		}
		lines = append(lines, fmt.Sprintf("pid=%d", st.PID), fmt.Sprintf("running=%t", st.Running))
		_, err = fmt.Fprintln(out, strings.Join(lines, "\n"))
		return err
	}
}
