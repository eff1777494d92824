package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// defaultServer is where mailhaul serve listens unless told otherwise.
const defaultServer = "http://127.0.0.1:8765"

// remote is how a command reaches the server, and where it writes.
type remote struct {
	streams   Streams
	server    string
	tokenFile string
	caFile    string
	pin       string
	json      bool
	// clients are those that the command has made.
	clients []*api.Client
}

const remoteHelp = `
The server is that of --server, else of MAILHAUL_SERVER, else
` + defaultServer + `. The API token is in the file of --token-file, else of
MAILHAUL_TOKEN_FILE, else in mailhaul/token in the directory for configuration;
"mailhaul login" puts it there. MAILHAUL_TOKEN may hold it instead.
`

// newNoun makes a command whose commands are clients of the server.
func newNoun(streams Streams, use, short string, children ...func(*remote) *cobra.Command) *cobra.Command {
	r := &remote{streams: streams}
	command := &cobra.Command{
		Use: use, Short: short, Long: short + ".\n" + remoteHelp, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	for _, child := range children {
		c := child(r)
		r.register(c)
		command.AddCommand(c)
	}
	return command
}

func (r *remote) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&r.server, "server", "", "`URL` of the mailhaul server")
	flags.StringVar(&r.tokenFile, "token-file", "", "`FILE` with the API token, which only you may read")
	flags.StringVar(&r.caFile, "server-ca", "", "PEM `FILE` with the authorities of the server's certificate, instead of the system's")
	flags.StringVar(&r.pin, "server-pin", "", "base64 SHA-256 of the server's public key, trusted whoever signed it")
	flags.BoolVar(&r.json, "json", false, "print JSON as the API gives it")
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			defer r.hangUp()
			return run(c, args)
		}
	}
}

// hangUp ends the connections of the command: a server that stops waits for them.
func (r *remote) hangUp() {
	for _, client := range r.clients {
		client.Close()
	}
	r.clients = nil
}

// client reaches the server as whoever the token is of.
func (r *remote) client() (*api.Client, error) {
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	return r.clientWith(token)
}

func (r *remote) clientWith(token secret.Text) (*api.Client, error) {
	options := api.ClientOptions{Server: cmp.Or(r.server, os.Getenv("MAILHAUL_SERVER"), defaultServer), Token: token, Pin: r.pin}
	if r.caFile != "" {
		var err error
		if options.CA, err = os.ReadFile(r.caFile); err != nil {
			return nil, usageError("--server-ca: %w", err)
		}
	}
	client, err := api.NewClient(options)
	if err != nil {
		return nil, usageError("--server: %w", err)
	}
	r.clients = append(r.clients, client)
	return client, nil
}

func (r *remote) token() (secret.Text, error) {
	if r.tokenFile == "" && os.Getenv("MAILHAUL_TOKEN_FILE") == "" {
		if value := os.Getenv("MAILHAUL_TOKEN"); value != "" {
			return secret.New(value), nil
		}
	}
	path, err := r.tokenPath()
	if err != nil {
		return secret.Text{}, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return secret.Text{}, &exitError{exitLogin, fmt.Errorf("there is no API token in %s\n  what to do: run mailhaul login, or on a new server mailhaul operator setup", path)}
	}
	if err != nil {
		return secret.Text{}, usageError("--token-file: %w", err)
	}
	// On Windows the mode says nothing of others; the folder of the account does.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return secret.Text{}, usageError("--token-file: others may read %s; run: chmod 600 %s", path, quoted(path))
	}
	return readPasswordFile("--token-file", path)
}

// tokenPath is the file the token is in.
func (r *remote) tokenPath() (string, error) {
	if path := cmp.Or(r.tokenFile, os.Getenv("MAILHAUL_TOKEN_FILE")); path != "" {
		return path, nil
	}
	directory, err := os.UserConfigDir()
	if err != nil {
		return "", usageError("where the API token is cannot be told: %w; name it with --token-file", err)
	}
	return filepath.Join(directory, "mailhaul", "token"), nil
}

// keepToken writes the token for the commands to come.
func (r *remote) keepToken(token string) (string, error) {
	path, err := r.tokenPath()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("keeping the API token: %w", err)
	}
	if err := writePrivate(path, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("keeping the API token: %w", err)
	}
	return path, nil
}

// writePrivate makes a file that only its owner reads, whole or not at all.
func writePrivate(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".mailhaul-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone when it was renamed
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// print shows an answer: as JSON on request, else as a person reads it.
func (r *remote) print(answer any, human func()) error {
	if r.json {
		return writeJSON(r.streams.Out, answer)
	}
	human()
	return nil
}

// say prints a line of talk.
func (r *remote) say(format string, args ...any) {
	fmt.Fprintf(r.streams.Out, format+"\n", args...)
}

// grid prints rows below a heading, aligned. Texts come from strangers.
func (r *remote) grid(heading []string, rows [][]string) {
	w := tabwriter.NewWriter(r.streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heading, "\t"))
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = migration.SafeText(cell)
		}
		fmt.Fprintln(w, strings.Join(safe, "\t"))
	}
	_ = w.Flush()
}

// facts prints names with their values, and leaves out what has none.
func (r *remote) facts(pairs ...string) {
	w := tabwriter.NewWriter(r.streams.Out, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], migration.SafeText(pairs[i+1]))
		}
	}
	_ = w.Flush()
}

// moment is a time for people, in their own zone; empty when it has not come.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// length is a duration in seconds for people.
func length(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
}

// confirm asks for the name of what is to be deleted, or of what else cannot be
// undone.
func (r *remote) confirm(yes bool, verb, name string) error {
	if yes {
		return nil
	}
	if !isTerminal(r.streams.In) {
		return usageError("to %s %s without being asked, say --yes", verb, name)
	}
	fmt.Fprintf(r.streams.Err, "To %s it, type its name, %s: ", verb, migration.SafeText(name))
	typed, err := bufio.NewReader(r.streams.In).ReadString('\n')
	if err != nil || strings.TrimSpace(typed) != name {
		return usageError("that is not its name; nothing was done")
	}
	return nil
}
