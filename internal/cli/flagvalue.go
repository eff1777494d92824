package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// choice is a flag with some values and no others.
type choice struct {
	into  *string
	among []string
}

// String is the value.
func (c choice) String() string {
	if c.into == nil {
		return ""
	}
	return *c.into
}

// Type is the kind of value in the help.
func (c choice) Type() string { return "string" }

// Set takes a value; empty is the default.
func (c choice) Set(text string) error {
	if text != "" && !slices.Contains(c.among, text) {
		return fmt.Errorf("want one of %s", strings.Join(c.among, ", "))
	}
	*c.into = text
	return nil
}

// amount is a flag with a number of bytes, which may have a unit.
type amount struct{ into *int64 }

// String is the number.
func (a amount) String() string {
	if a.into == nil {
		return "0"
	}
	return strconv.FormatInt(*a.into, 10)
}

// Type is the kind of value in the help.
func (a amount) Type() string { return "bytes" }

// Set takes a value.
func (a amount) Set(text string) (err error) {
	if *a.into, err = parseAmount(text); err != nil {
		return errors.New("want a number of bytes such as 2500M, with k, M, G or T for thousands of them")
	}
	return nil
}

// wrongValue says what a flag wants that was given something else; other errors it
// leaves as they are.
func wrongValue(err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return err
	}
	flag, want := value.GetFlag(), ""
	switch kind := flag.Value.Type(); kind {
	case "duration":
		want = "want a duration such as 5s"
	case "int", "int64", "uint16", "uint32":
		want = "want a whole number"
	case "float64":
		want = "want a number such as 2.5"
	case "bool":
		want = "want true or false"
	default:
		want = value.Unwrap().Error()
	}
	return fmt.Errorf("--%s %q: %s", flag.Name, value.GetValue(), want)
}
