// Package deps holds the module graph together while the first packages are written.
package deps
import (
 _ "modernc.org/sqlite"
 _ "github.com/pressly/goose/v3"
 _ "github.com/spf13/cobra"
 _ "github.com/vbauerster/mpb/v8"
 _ "pgregory.net/rapid"
 _ "go.uber.org/goleak"
 _ "golang.org/x/text/unicode/norm"
 _ "golang.org/x/term"
 _ "golang.org/x/sys/unix"
 _ "golang.org/x/sync/errgroup"
 _ "github.com/rogpeppe/go-internal/testscript"
)
