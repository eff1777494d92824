package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/control"
)

func newAuditCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "audit", "See what was done, by whom", newAuditListCommand, newAuditVerifyCommand)
}

func newAuditListCommand(r *remote) *cobra.Command {
	const some = 100
	most := some
	command := &cobra.Command{Use: "list", Short: "List what was done, newest first", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		records := []control.AuditRecord{}
		for record, err := range client.Audit(c.Context()) {
			if err != nil {
				return err
			}
			if records = append(records, record); len(records) == most {
				break
			}
		}
		return r.print(records, func() {
			rows := [][]string{}
			for _, a := range records {
				rows = append(rows, []string{a.ID, moment(a.At), a.Actor, a.Action, a.Object, a.Detail})
			}
			r.grid([]string{"number", "at", "who", "did", "to", "detail"}, rows)
		})
	}}
	command.Flags().IntVar(&most, "limit", some, "how many at most; 0 is all")
	return command
}

func newAuditVerifyCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Check that the log is whole and unchanged", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		verified, err := client.VerifyAudit(c.Context())
		if err != nil {
			return err
		}
		if err := r.print(verified, func() {
			r.say("%d records: %s", verified.Records, map[bool]string{true: "whole and unchanged", false: verified.Detail}[verified.OK])
		}); err != nil {
			return err
		}
		if !verified.OK {
			return &exitError{exitDifferences, fmt.Errorf("the audit log is not what was written")}
		}
		return nil
	}}
}
