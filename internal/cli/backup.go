package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

func newBackupCommand(streams Streams) *cobra.Command {
	r := &remote{streams: streams}
	command := &cobra.Command{Use: "backup FILE", Short: "Download a copy of the server's database", Args: oneArg("file to write"),
		Long: `Writes a copy of the server's database on SQLite, as it is at one moment, while the
server goes on. The passwords in it are sealed with the server's key, which is not in
it: back that up too, elsewhere. To restore, stop the server and put the file where
the database was.

A database on PostgreSQL is backed up with pg_dump.
` + remoteHelp,
		RunE: func(c *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				return usageError("%s is there already; name another file", args[0])
			}
			body, err := client.Backup(c.Context())
			if err != nil {
				return err
			}
			return r.save(c.Context(), body, args[0])
		}}
	r.register(command)
	return command
}

func newKeysCommand(streams Streams) *cobra.Command {
	return newNoun(streams, "keys", "Work with the server's keys", newKeysRotateCommand)
}

func newKeysRotateCommand(r *remote) *cobra.Command {
	return &cobra.Command{Use: "rotate", Short: "Wrap every data key with the newest server key", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		rotated, err := client.RotateKeys(c.Context())
		if err != nil {
			return err
		}
		return r.print(rotated, func() { r.say("%d keys are wrapped anew", rotated.Keys) })
	}}
}
