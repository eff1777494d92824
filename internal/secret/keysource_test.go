package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheKeyFileIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	folder := t.TempDir()
	source := KeySource{File: filepath.Join(folder, "keys", "server.key"), Data: filepath.Join(folder, "data"), Create: true}
	first, _, err := source.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := source.Load(t.Context())
	if err != nil || first.ID() != second.ID() {
		t.Errorf("the second start has another key: %v", err)
	}
	info, err := os.Stat(source.File)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "keys", ".key-*")); len(left) > 0 {
		t.Errorf("drafts are left: %v", left)
	}
}

func TestAKeyFileThatOthersReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.key")
	if err := os.WriteFile(path, []byte(GenerateKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := (KeySource{File: path}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 0600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		_ = os.Chmod(path, mode)
		if _, _, err := (KeySource{File: path}).Load(t.Context()); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestAKeyFileBesideTheDataIsRefused(t *testing.T) {
	folder := t.TempDir()
	data := filepath.Join(folder, "data")
	if err := os.MkdirAll(filepath.Join(data, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(folder, "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(data, "real.key")
	if err := os.WriteFile(kept, []byte(GenerateKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	outsideLink := filepath.Join(folder, "server.key")
	if err := os.Symlink(kept, outsideLink); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(data, "server.key"), filepath.Join(data, "below", "server.key"), filepath.Join(link, "server.key"), outsideLink} {
		if _, _, err := (KeySource{File: path, Data: data, Create: true}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "data directory") {
			t.Errorf("%s: %v", path, err)
		}
	}
	beside := filepath.Join(folder, "data-keys", "server.key")
	if _, _, err := (KeySource{File: beside, Data: data, Create: true}).Load(t.Context()); err != nil {
		t.Errorf("a folder whose name begins alike: %v", err)
	}
}

func TestTheFirstSourceOfTheKeyCounts(t *testing.T) {
	folder := t.TempDir()
	write := func(name string) (path, id string) {
		text := GenerateKey()
		path = filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, _ := ParseKeyring([]byte(text))
		return path, k.ID()
	}
	commanded, commandID := write("command")
	_, credentialID := write(credentialName)
	file, fileID := write("file")
	text := GenerateKey()
	environment, _ := ParseKeyring([]byte(text))

	source := KeySource{Command: "cat " + commanded, Credentials: folder, File: file, Environment: text}
	expect := func(id string, warned bool) {
		t.Helper()
		k, warning, err := source.Load(t.Context())
		if err != nil || k.ID() != id || (warning != "") != warned {
			t.Errorf("key %v, warning %q, error %v", k, warning, err)
		}
	}
	expect(commandID, false)
	source.Command = ""
	expect(credentialID, false)
	source.Credentials = t.TempDir()
	expect(fileID, false)
	source.File = ""
	expect(environment.ID(), true)
	source.Environment = ""
	if _, _, err := source.Load(t.Context()); err == nil {
		t.Error("starts without a key")
	}
}

func TestAKeyCommandThatFailsSaysSoAndTellsNothing(t *testing.T) {
	for _, command := range []string{"false", "/nowhere/at/all", "yes key", " "} {
		if _, _, err := (KeySource{Command: command}).Load(t.Context()); err == nil || strings.Contains(err.Error(), "key\nkey") {
			t.Errorf("%q: %v", command, err)
		}
	}
}
