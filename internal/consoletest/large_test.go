package consoletest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// TestTheLargestBatchIsQuickInABrowser: 50,000 mailboxes, of which the first are seen
// within a second, that scroll at 50 frames a second and are filtered within 300 ms.
func TestTheLargestBatchIsQuickInABrowser(t *testing.T) {
	effort.LeaveToLong(t)
	w := newWorld(t)
	client := w.setUp()
	const mailboxes = 50_000
	for _, name := range []string{"old-server", "new-server"} {
		_, err := client.CreateEndpoint(t.Context(), control.EndpointSpec{Name: name, Host: name + ".example.org"}, true)
		w.must(err)
	}
	var file strings.Builder
	file.WriteString("EmailAddress,UserName,Password,TargetPassword\n")
	for n := range mailboxes {
		fmt.Fprintf(&file, "user%05[1]d@example.org,user%05[1]d,source-password,target-password\n", n+1)
	}
	spec := control.BatchSpec{Name: "everybody", Source: "old-server", Target: "new-server"}
	spec.FileName = "everybody.csv"
	_, err := client.CreateBatch(t.Context(), spec, strings.NewReader(file.String()), "")
	w.must(err)
	play(t, "large.mjs", map[string]any{"server": w.server.Address, "admin": administrator, "batch": "everybody", "mailboxes": mailboxes}, answers{})
}
