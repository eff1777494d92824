package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"testing"
)

func TestAskingForHelpStartsNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"--help"}, {"help"}, {"start", "--help"}, {"start", "-h"}, {"start", "there", "-help"}, {"stop", "--help"}} {
		if err := command().Run(t.Context(), args, io.Discard); !errors.Is(err, flag.ErrHelp) {
			t.Errorf("%v: %v", args, err)
		}
	}
	if err := command().Run(t.Context(), []string{"start", "-durable"}, io.Discard); err == nil {
		t.Error("a flag was taken for a directory")
	}
	if made, _ := os.ReadDir("."); len(made) > 0 {
		t.Errorf("%s was made", made[0].Name())
	}
}
