package cli

import (
	"testing"

	"github.com/mailhaul/mailhaul/internal/api"
	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestAnErrorShowsItsCode(t *testing.T) {
	for want, err := range map[string]error{
		"The name is in use. [name-taken]\n  name: is taken\n  what to do: Choose another.": &api.Problem{Detail: "The name is in use.", Code: "name-taken", Remedy: "Choose another.", Fields: []api.ProblemField{{Name: "name", Detail: "is taken"}}},
		"looking [timeout]\n  what to do: Wait.":                                            &migration.Fault{Code: migration.CodeTimeout, Doing: "looking", Remedy: "Wait."},
		"no such flag":                                                                      usageError("no such flag"),
	} {
		if got := explain(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
