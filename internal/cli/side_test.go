package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPasswordFileOfAnyEditor(t *testing.T) {
	for name, content := range map[string]string{"Unix": "s3cret \n", "Windows": "\ufeffs3cret \r\nmore", "no line end": "s3cret "} {
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readPasswordFile("source", path); err != nil || got.Reveal() != "s3cret " {
			t.Errorf("%s: %q %v", name, got.Reveal(), err)
		}
	}
}
