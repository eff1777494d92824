package consoletest

import (
	"path/filepath"
	"strings"
	"testing"
)

// pictures are shown in docs/console.md. Those that are missing are made; to have all
// anew, remove them and run the test.
const pictures = "../../docs/screenshots"

// TestEveryPageIsForEverybody: light and dark, nothing serious or critical that axe
// finds, nothing that the Content-Security-Policy forbids, and no scrolling sideways
// where the screen is 360 px wide.
func TestEveryPageIsForEverybody(t *testing.T) {
	c := newCompany(t, nil)
	c.busy()
	shown, err := filepath.Abs(pictures)
	if err != nil {
		t.Fatal(err)
	}
	people := staff("north", 4)
	file := migrationFile(people, "")
	play(t, "pages.mjs", map[string]any{
		"server": c.server.Address, "admin": administrator, "pictures": shown, "batch": "headquarters", "mailbox": staff("hq", 2)[1], "running": "branch-offices",
		"endpoint": "old-server", "target": "new-server", "file": file,
		"badFile": strings.Replace(strings.Replace(file, people[0], strings.TrimSuffix(people[0], ".example.org")[:5], 1), people[2], people[1], 1),
	}, answers{})
}
