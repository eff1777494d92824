package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

// settle fills in the flags that the command line leaves out: from the
// environment (MAILHAUL_DATA_DIR for --data-dir), else from a file of lines
// "data-dir = /var/lib/mailhaul". Names that are no flag are refused, so that a
// misspelt one is seen. All mistakes are told at once.
func settle(flags *pflag.FlagSet, file string) error {
	values, err := readSettings(file)
	if err != nil {
		return err
	}
	var wrong []error
	for name, s := range values {
		if flag := flags.Lookup(name); flag == nil || notSettable[name] {
			wrong = append(wrong, fmt.Errorf("%s, line %d: there is no setting %q", file, s.line, name))
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || notSettable[f.Name] {
			return
		}
		value, from := os.Getenv(settingVariable(f.Name)), settingVariable(f.Name)
		if s, found := values[f.Name]; value == "" && found {
			value, from = s.value, fmt.Sprintf("%s, line %d", file, s.line)
		}
		if value == "" {
			return
		}
		if word, known := map[string]string{"yes": "true", "no": "false", "on": "true", "off": "false"}[strings.ToLower(value)]; known && f.Value.Type() == "bool" {
			value = word
		}
		// The value is not repeated: it may be a secret.
		if err := flags.Set(f.Name, value); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %s wants %s", from, f.Name, cmp.Or(wanted[f.Value.Type()], "another value")))
		}
	})
	if err := errors.Join(wrong...); err != nil {
		return usageError("%w", err)
	}
	return nil
}

// wanted says what values of a type look like.
var wanted = map[string]string{"bool": "yes or no", "duration": "a time such as 30s, 15m or 24h", "int": "a whole number"}

// notSettable are flags of the command line only.
var notSettable = map[string]bool{"help": true, "config": true, "check-config": true}

func settingVariable(flag string) string {
	return "MAILHAUL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

type setting struct {
	value string
	line  int
}

// readSettings reads the file; without a name there is none. A setting that is
// given twice is refused.
func readSettings(file string) (map[string]setting, error) {
	values := map[string]setting{}
	if file == "" {
		return values, nil
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, usageError("--config: %w", err)
	}
	defer in.Close()
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found {
			return nil, usageError("%s, line %d: want name = value", file, n)
		}
		if before, twice := values[name]; twice {
			return nil, usageError("%s, line %d: %s is set on line %d already", file, n, name, before.line)
		}
		values[name] = setting{value, n}
	}
	if err := lines.Err(); err != nil {
		return nil, usageError("--config: %w", err)
	}
	return values, nil
}
