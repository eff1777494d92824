package consoletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/rigs/effort"
)

// pictures are shown in docs/console.md. The test keeps those of its own that are missing
// there, and all with MAILHAUL_PICTURES=1.
const pictures = "../../docs/screenshots"

// TestEveryPageIsForEverybody: light and dark, with selected rows and open dialogs and
// menus, nothing serious or critical that axe finds, nothing that the
// Content-Security-Policy forbids, no scrolling sideways where the screen is 360 px wide,
// and a first load within its limit.
func TestEveryPageIsForEverybody(t *testing.T) {
	effort.LeaveToLong(t)
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			everyPage(t, scheme)
		})
	}
}

func everyPage(t *testing.T, scheme string) {
	c := newCompany(t, nil)
	c.busy()
	shown, err := filepath.Abs(pictures)
	if err != nil {
		t.Fatal(err)
	}
	people := staff("north", 4)
	for _, user := range people {
		c.must(load(t, c.source, user, office(false)))
	}
	file := migrationFile(people, "")
	play(t, "pages.mjs", map[string]any{
		"scheme": scheme, "server": c.server.Address, "admin": administrator, "pictures": shown, "renew": os.Getenv("MAILHAUL_PICTURES") == "1", "batch": "headquarters", "mailbox": staff("hq", 2)[1], "running": "branch-offices",
		"endpoint": "old-server", "target": "new-server", "file": file,
		"badFile": strings.Replace(strings.Replace(file, people[0], strings.TrimSuffix(people[0], ".example.org")[:5], 1), people[2], people[1], 1),
	}, answers{})
}
