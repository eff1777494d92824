package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// settled settles two flags from a file and gives them.
func settled(t *testing.T, file string, args ...string) (listen *string, atOnce *int, err error) {
	t.Helper()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	listen, atOnce = flags.String("listen", "default", ""), flags.Int("at-once", 1, "")
	flags.String("config", "", "")
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mailhaul.conf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return listen, atOnce, settle(flags, path)
}

func TestSettingsComeFromTheLineThenTheEnvironmentThenTheFile(t *testing.T) {
	const file = "# a comment\n\nlisten = from the file = really\nat-once=7\n"
	for _, c := range []struct {
		env  string
		args []string
		want string
	}{
		{"", nil, "from the file = really"},
		{"from the environment", nil, "from the environment"},
		{"from the environment", []string{"--listen", "from the line"}, "from the line"},
	} {
		t.Setenv("MAILHAUL_LISTEN", c.env)
		listen, atOnce, err := settled(t, file, c.args...)
		if err != nil || *listen != c.want || *atOnce != 7 {
			t.Errorf("%+v: %q, %d, %v", c, *listen, *atOnce, err)
		}
	}
}

func TestSettingsThatMeanNothingAreAllTold(t *testing.T) {
	for file, want := range map[string][]string{
		"lisen = x\nworkers = 3\n":    {`no setting "lisen"`, `no setting "workers"`, "line 1", "line 2"},
		"config = x\n":                {`no setting "config"`},
		"listen\n":                    {"line 1: want name = value"},
		"listen = a\nlisten = b\n":    {"line 2: listen is set on line 1 already"},
		"at-once = canary-password\n": {"line 1: at-once wants a whole number"},
	} {
		_, _, err := settled(t, file)
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v, want %q", file, err, text)
			}
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("the value is repeated: %v", err)
		}
	}
}
