package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

var settledEvent = CutoverEvent{
	Domain: "example.org", At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Former: "switching", State: "settled", Version: 7, Created: time.Unix(1, 0),
	Sentences: []Advised{{"The wait is over.", "Complete the batches."}, {"Harm\u202e\nin a text.", ""}},
}

func TestAMoveIsToldToEachOnce(t *testing.T) {
	to := []string{"anna@example.org", "ANNA@example.org", "no address", "ben@example.org"}
	first := Composer{Mail: true, Webhook: true}.ComposeCutover(settledEvent, to)
	again := Composer{Mail: true}.ComposeCutover(settledEvent, to)
	if len(first) != 3 || len(again) != 2 || first[0].Mark != again[0].Mark || first[0].Mark == first[1].Mark {
		t.Fatalf("%+v", first)
	}
	later := settledEvent
	later.Version++
	if (Composer{Mail: true}).ComposeCutover(later, to)[0].Mark == first[0].Mark {
		t.Error("the same state at another time has the same mark")
	}
	if n := first[2]; n.Recipients[0] != Webhook || n.Batch != 0 || n.Kind != Cutover {
		t.Errorf("%+v", n)
	}
	if len((Composer{}).ComposeCutover(settledEvent, to)) != 0 {
		t.Error("told without a way to tell")
	}
}

func TestTheLetterOfAMoveSaysWhatIsSoAndWhatToDo(t *testing.T) {
	n := Composer{Mail: true}.ComposeCutover(settledEvent, []string{"anna@example.org"})[0]
	text, err := cutoverLetter(n)
	if err != nil || n.Subject != "Mail of example.org: the wait is over" {
		t.Fatalf("%s, %v", n.Subject, err)
	}
	for _, want := range []string{"it was switching, and is settled", "The wait is over.\nWhat to do: Complete the batches.", "Harm in a text.", "mailhaul cutover check example.org"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	moving := settledEvent
	moving.State, moving.SafeAt = "switching", moving.At
	if text, err = cutoverLetter(Composer{Mail: true}.ComposeCutover(moving, []string{"anna@example.org"})[0]); err != nil || !strings.Contains(text, "until 4 March 2026 at 05:06 UTC") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAWebhookOfAMoveHasNoCounts(t *testing.T) {
	hook, calls := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s, err := New(Options{Reports: oneReport{}, Webhook: hook})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.deliver(t.Context(), Composer{Webhook: true}.ComposeCutover(settledEvent, nil)[0]); err != nil {
		t.Fatal(err)
	}
	if body := string((*calls)[0].body); !strings.Contains(body, `"status":"settled"`) || strings.Contains(body, `"counts"`) {
		t.Errorf("sent was %s", body)
	}
}

func TestAMailOfAMoveHasNoReport(t *testing.T) {
	server := startSMTP(t, smtpdOptions{Mode: "starttls"})
	s, err := New(Options{Reports: oneReport{}, Mail: always(server.server(migration.StartTLS))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.deliver(t.Context(), Composer{Mail: true}.ComposeCutover(settledEvent, []string{"anna@example.org"})[0]); err != nil {
		t.Fatal(err)
	}
	if m := server.taken(t)[0]; len(m.parts) != 1 || !strings.Contains(m.parts["text/plain"], "For the mail of example.org") || strings.Contains(m.parts["text/plain"], "batch has been deleted") {
		t.Errorf("got %v", m.parts)
	}
}
