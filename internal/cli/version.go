package cli

import (
	"cmp"
	"fmt"
	"regexp"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build is what was built.
type build struct {
	// Version is that of the release, or "development".
	Version string `json:"version"`
	// Revision is the commit and Time when it was made; Modified says that the
	// files were not those of the commit. All empty where it was not built from
	// a clone.
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
}

func newVersionCommand(streams Streams) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			if asJSON {
				return writeJSON(streams.Out, buildOf(info))
			}
			_, err := fmt.Fprintln(streams.Out, "mailhaul", buildOf(info))
			return err
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print it as JSON")
	return command
}

// unreleased are the versions Go makes up where there is no tag.
var unreleased = regexp.MustCompile(`^$|^\(devel\)$|[-.]\d{14}-[0-9a-f]{12}(\+|$)`)

// buildOf reads what Go wrote into the program; info may be nil.
func buildOf(info *debug.BuildInfo) build {
	b := build{Version: "development"}
	if info == nil {
		return b
	}
	if !unreleased.MatchString(info.Main.Version) {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.Revision = setting.Value
		case "vcs.time":
			b.Time = setting.Value
		case "vcs.modified":
			b.Modified = setting.Value == "true"
		}
	}
	return b
}

// version is that of this program.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info).String()
}

// String is the version, and without a release the commit.
func (b build) String() string {
	if b.Version != "development" || b.Revision == "" {
		return b.Version
	}
	text := fmt.Sprintf("%s, revision %s of %s", b.Version, b.Revision, cmp.Or(b.Time, "an unknown time"))
	if b.Modified {
		text += ", with changes"
	}
	return text
}
