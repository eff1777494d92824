package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
)

// watchedDomain is a server on which a domain is watched, and that takes note of what is
// asked. meanwhile happens before it takes an edit.
type watchedDomain struct {
	watch     string // as JSON, of a version
	version   int
	meanwhile func(*watchedDomain)
	specs     []control.CutoverSpec
	ended     int
}

func (d *watchedDomain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.Method {
	case http.MethodDelete:
		d.ended++
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodPut:
		if d.meanwhile != nil {
			d.meanwhile(d)
		}
		if r.Header.Get("If-Match") != fmt.Sprintf("%q", fmt.Sprint(d.version)) {
			w.WriteHeader(http.StatusPreconditionFailed)
			fmt.Fprint(w, `{"status":412,"code":"changed","detail":"Somebody has changed it meanwhile."}`)
			return
		}
		var spec control.CutoverSpec
		_ = json.NewDecoder(r.Body).Decode(&spec)
		d.specs = append(d.specs, spec)
	}
	fmt.Fprintf(w, d.watch, d.version)
}

// serve has the commands of the test ask it.
func (d *watchedDomain) serve(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	t.Setenv("MAILHAUL_TOKEN", "mh_test")
	t.Setenv("MAILHAUL_SERVER", server.URL)
}

// What another operator sets meanwhile stays, unless a flag names it.
func TestAnEditKeepsWhatSomebodyElseSetsMeanwhile(t *testing.T) {
	const before = `{"domain":"example.org","watched":true,"version":%d,"target":{"kind":"office365"},"batches":["pilot"]}`
	d := &watchedDomain{watch: before, version: 7, meanwhile: func(d *watchedDomain) {
		d.watch, d.version, d.meanwhile = `{"domain":"example.org","watched":true,"version":%d,"target":{"kind":"office365"},"batches":["pilot","rest"],"statedAt":"2026-01-02T03:04:05Z"}`, 8, nil
	}}
	d.serve(t)
	execute(t, "cutover", "watch", "example.org", "--notify", "boss@example.org").want(t, exitDone)
	if len(d.specs) != 1 || !slices.Equal(d.specs[0].Batches, []string{"pilot", "rest"}) || d.specs[0].SwitchedAt == nil || !slices.Equal(d.specs[0].Notify, []string{"boss@example.org"}) {
		t.Errorf("%+v", d.specs)
	}
	d.meanwhile = func(d *watchedDomain) { d.version++ } // at every edit
	execute(t, "cutover", "watch", "example.org", "--notify", "boss@example.org").want(t, exitUsage, "Somebody has changed it meanwhile.")
}

// A watch that batches wait for is ended only where that is said.
func TestAWatchThatHoldsBatchesIsNotEndedWithoutAWord(t *testing.T) {
	d := &watchedDomain{watch: `{"domain":"example.org","watched":true,"version":%d,"heldBatches":["pilot","rest"]}`, version: 7}
	d.serve(t)
	execute(t, "cutover", "delete", "example.org", "--yes").want(t, exitUsage, "batch pilot waits to complete", "batch rest waits to complete", "nothing was done", "--yes --despite-cutover example.org")
	execute(t, "cutover", "delete", "example.org", "--yes", "--despite-cutover", "pilot").want(t, exitUsage, "nothing was done")
	execute(t, "cutover", "delete", "example.org", "--despite-cutover", "example.org").want(t, exitUsage, "say --yes")
	if d.ended != 0 {
		t.Errorf("it was ended %d times", d.ended)
	}
	execute(t, "cutover", "delete", "example.org", "--yes", "--despite-cutover", "example.org").want(t, exitDone, "batch rest does not complete by itself any more", "mailhaul batch complete rest")
	d.watch = `{"domain":"example.org","watched":true,"version":%d}`
	execute(t, "cutover", "delete", "example.org", "--yes").want(t, exitDone)
	if d.ended != 2 {
		t.Errorf("it was ended %d times", d.ended)
	}
}
