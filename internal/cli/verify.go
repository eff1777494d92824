package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func newVerifyCommand(streams Streams) *cobra.Command {
	flags := &moveFlags{}
	var sampleText string
	command := &cobra.Command{
		Use:   "verify --source URL --target URL",
		Short: "Prove that the target holds what the source holds",
		Long: `Compares source and target by count, by the ledger's map, by date and flags, and
by the bytes of a sample. It writes nothing to either side.

Each line begins with a symbol:
  =  a folder is the same on both sides
  +  at the source, but not at the target
  -  at the target twice
  *  on both sides, but not the same
  !  could not be compared
Mail that only the target has, such as what was delivered there, is no difference.
` + folderHelp + addressHelp,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			sample, err := mailsync.ParseSample(sampleText)
			if err != nil {
				return usageError("--sample: %w", err)
			}
			return runVerify(c.Context(), flags, sample, streams)
		},
	}
	flags.register(command.Flags())
	command.Flags().StringVar(&sampleText, "sample", "all", "messages whose bytes are compared: all, none, 5% at random, 2/7 (the second of seven parts) or 500M a folder")
	return command
}

// verified is one mailbox in JSON.
type verified struct {
	Mailbox     string   `json:"mailbox"`
	Complete    bool     `json:"complete"`
	Folders     int      `json:"folders"`
	Equal       int      `json:"equal"`
	Read        int      `json:"read"`
	Differences int      `json:"differences"`
	Others      int      `json:"others"`
	Lines       []string `json:"lines"`
	Error       string   `json:"error,omitempty"`
}

func runVerify(ctx context.Context, flags *moveFlags, sample mailsync.Sample, streams Streams) error {
	m, err := newMover(ctx, flags, streams)
	if err != nil {
		return err
	}
	defer m.trace.close()
	ledgers, err := m.openStore(ctx)
	if err != nil {
		return err
	}
	defer ledgers.Close()
	results := make([]verified, len(m.tasks))
	errs := make([]error, len(m.tasks))
	for i, t := range m.tasks {
		results[i] = verified{Mailbox: t.address, Lines: []string{}}
	}
	var printing sync.Mutex
	m.each(ctx, func(i int, t task) {
		result := &results[i]
		job, err := m.job(ctx, ledgers, t)
		if err != nil {
			errs[i] = err
			return
		}
		found, err := mailsync.Verify(ctx, job, sample, func(d mailsync.Difference) {
			printing.Lock()
			defer printing.Unlock()
			result.Lines = append(result.Lines, d.String())
			if !flags.json {
				m.printLine(t, d)
			}
		})
		errs[i] = err
		result.Complete = err == nil
		result.Folders, result.Equal, result.Read, result.Differences, result.Others = found.Folders, found.Equal, found.Read, found.Differences, found.Others
	})
	return m.concludeVerify(ctx, results, errs)
}

// printLine prints one line of the comparison, with the mailbox when there are
// several.
func (m *mover) printLine(t task, d mailsync.Difference) {
	if len(m.tasks) > 1 {
		d.Folder = t.address + " " + d.Folder
	}
	fmt.Fprintln(m.streams.Out, d)
}

func (m *mover) concludeVerify(ctx context.Context, results []verified, errs []error) error {
	differences, status := 0, exitDone
	for i, err := range errs {
		differences += results[i].Differences
		if err == nil {
			continue
		}
		results[i].Error = err.Error()
		status = worse(status, statusOf(err))
		if len(errs) > 1 {
			fmt.Fprintf(m.streams.Err, "%s: %s\n", m.tasks[i].address, explain(err))
		}
	}
	if m.flags.json {
		if err := writeJSON(m.streams.Out, map[string]any{"mailboxes": results, "differences": differences}); err != nil {
			return err
		}
	} else {
		for _, r := range results {
			if !r.Complete {
				fmt.Fprintf(m.streams.Out, "%s: not verified to the end\n", r.Mailbox)
				continue
			}
			fmt.Fprintf(m.streams.Out, "%s: %s, %s equal (%d read byte by byte), %s, %s at the target\n", r.Mailbox, counted(r.Folders, "folder", "folders"),
				counted(r.Equal, "message", "messages"), r.Read, counted(r.Differences, "difference", "differences"), counted(r.Others, "other", "others"))
		}
	}
	switch {
	case len(errs) == 1 && errs[0] != nil:
		return errs[0]
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, &migration.Fault{Class: migration.Stop, Code: migration.CodeInterrupted,
			Doing: "verifying was interrupted", Remedy: "Run the same command again; it begins anew."}}
	}
	if differences > 0 {
		status = worse(status, exitDifferences)
	}
	if status != exitDone {
		return &exitError{status: status}
	}
	return nil
}
