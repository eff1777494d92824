package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// KeySource says where the server's key is. The first that is given counts: the
// command, systemd's credential, the file, the environment.
type KeySource struct {
	// Command prints the key file, for a key management service. It is split
	// at spaces and run without a shell.
	Command string
	// Credentials is systemd's $CREDENTIALS_DIRECTORY; mailhaul.key in it is the
	// key file, if it is there.
	Credentials string
	// File is the key file. It must be nobody else's to read, and outside Data:
	// a backup of the data must not hold its key.
	File string
	// Create makes the file when it is missing.
	Create bool
	// Data is the data directory.
	Data string
	// Environment is the text of a key file, from an environment variable.
	Environment string
}

const (
	credentialName = "mailhaul.key"
	maxKeyFile     = 64 << 10
	commandTime    = 30 * time.Second
)

// Load reads the keyring. The warning, if there is one, is a sentence for the
// operator.
func (s KeySource) Load(ctx context.Context) (keys *Keyring, warning string, err error) {
	text, warning, err := s.read(ctx)
	if err != nil {
		return nil, "", err
	}
	defer clear(text)
	keys, err = ParseKeyring(text)
	return keys, warning, err
}

func (s KeySource) read(ctx context.Context) (text []byte, warning string, err error) {
	credential := filepath.Join(s.Credentials, credentialName)
	switch {
	case s.Command != "":
		text, err = runKeyCommand(ctx, s.Command)
	case s.Credentials != "" && exists(credential):
		text, err = readBounded(credential)
	case s.File != "":
		text, err = s.readFile()
	case s.Environment != "":
		return []byte(s.Environment), "The server key comes from the environment, where other programs of this account can read it; a key file or systemd's LoadCredential= is safer.", nil
	default:
		err = errors.New("there is no server key: name a key file outside the data directory")
	}
	return text, "", err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func runKeyCommand(ctx context.Context, command string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	words := strings.Fields(command)
	if len(words) == 0 {
		return nil, errors.New("the key command is empty")
	}
	run := exec.CommandContext(ctx, words[0], words[1:]...) //nolint:gosec // the command is the administrator's setting
	run.WaitDelay = time.Second
	var out bytes.Buffer
	run.Stdout = &limited{&out, maxKeyFile}
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("the key command %s: %w", words[0], err)
	}
	return out.Bytes(), nil
}

// limited refuses to be written more than so much.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, errors.New("it prints too much")
	}
	return l.to.Write(b)
}

// readFile reads the key file, having made it when it is missing and that is
// asked for.
func (s KeySource) readFile() ([]byte, error) {
	if s.Create {
		if err := createKeyFile(s.File, s.Data); err != nil {
			return nil, fmt.Errorf("making the key file: %w", err)
		}
	}
	info, err := os.Stat(s.File)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the key file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the key file %s is no regular file", s.File)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the key file %s can be read by others (mode %04o): chmod 0600 it, and make a new key if somebody may have", s.File, info.Mode().Perm())
	}
	if err := outside(s.File, s.Data); err != nil {
		return nil, err
	}
	return readBounded(s.File)
}

// createKeyFile makes the file whole or not at all, and leaves one that is there.
func createKeyFile(path, data string) error {
	if exists(path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := outside(path, data); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(draft.Name()) }() // gone already when it was renamed
	_, err = draft.WriteString(GenerateKey())
	err = errors.Join(err, draft.Chmod(0o600), draft.Sync(), draft.Close())
	if err != nil {
		return err
	}
	// A link, and no renaming: two that start at once must not each have a key.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// outside refuses a key file in the data directory, by whatever links.
func outside(path, data string) error {
	if data == "" {
		return nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return err
	}
	if file, err := filepath.EvalSymlinks(path); err == nil {
		folder = filepath.Dir(file)
	}
	if data, err = filepath.Abs(data); err != nil {
		return err
	}
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return err
	}
	if inside, err := filepath.Rel(data, folder); err == nil && filepath.IsLocal(inside) {
		return fmt.Errorf("the key file %s is in the data directory: a backup would hold the passwords and their key; put it elsewhere", path)
	}
	return nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the server key: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = errors.New("it is no key file: too long")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return text, nil
}
