package migration

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/states.md")

const statesDoc = "../../docs/states.md"

// TestStatesAreDocumented holds docs/states.md to the tables and to what can
// happen. Write it anew with: go test ./internal/migration -run StatesAreDocumented -update
func TestStatesAreDocumented(t *testing.T) {
	want := statesText()
	if *update {
		if err := os.WriteFile(statesDoc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(statesDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what the tables say; write it anew with: go test ./internal/migration -run StatesAreDocumented -update", statesDoc)
	}
}

func statesText() string {
	var out strings.Builder
	fmt.Fprint(&out, `# States

Written by a test from the tables in the code; do not edit it here.

What is stored is what the operator wants and what has happened. States are derived
from both, by the first rule that fits (internal/migration/state.go). They have the
words of the modelled service.

`)
	batchMoves, _ := exploreBatch()
	section(&out, "batch", BatchStates(), BatchVerbs(), BatchState.Means, BatchState.Ask, batchMoves)
	mailboxMoves, _ := exploreMailbox()
	section(&out, "mailbox", MailboxStates(), MailboxVerbs(), MailboxState.Means, MailboxState.Ask, mailboxMoves)
	return strings.TrimRight(out.String(), "\n") + "\n"
}

func section[S ~string](out *strings.Builder, what string, states []S, verbs []Verb, means func(S) string, ask func(S, Verb) (Answer, string), moves map[move]bool) {
	fmt.Fprintf(out, "## The states of a %s\n\n| state | means | verbs that are allowed |\n|---|---|---|\n", what)
	for _, s := range states {
		fmt.Fprintf(out, "| %s | %s | %s |\n", s, means(s), strings.Join(verbsOf(s, verbs, ask, Allowed), ", "))
	}
	fmt.Fprintf(out, `
Elsewhere a verb is refused with the code "refused" and a sentence, or changes
nothing because it is so already:

| verb | is so already in | is refused in |
|---|---|---|
`)
	for _, v := range verbs {
		var already []string
		for _, s := range states {
			if answer, _ := ask(s, v); answer == Already {
				already = append(already, string(s))
			}
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", v, strings.Join(already, ", "), refusals(states, v, ask))
	}
	drawing(out, what, moves)
}

func verbsOf[S ~string](state S, verbs []Verb, ask func(S, Verb) (Answer, string), want Answer) (names []string) {
	for _, v := range verbs {
		if answer, _ := ask(state, v); answer == want {
			names = append(names, string(v))
		}
	}
	return names
}

// refusals are the sentences of a verb, each with its states.
func refusals[S ~string](states []S, verb Verb, ask func(S, Verb) (Answer, string)) string {
	var order []string
	at := map[string][]string{}
	for _, s := range states {
		answer, reason := ask(s, verb)
		if answer != Refused {
			continue
		}
		if at[reason] == nil {
			order = append(order, reason)
		}
		at[reason] = append(at[reason], string(s))
	}
	var parts []string
	for _, reason := range order {
		parts = append(parts, fmt.Sprintf("%s: %s", strings.Join(at[reason], ", "), reason))
	}
	return strings.Join(parts, "; ")
}

// everywhere happens in so many states that it would hide the others.
var everywhere = []string{"delete", "batch: delete", "credentials useless", "rotate", "preflight begins", "preflight ends"}

func drawing(out *strings.Builder, what string, moves map[move]bool) {
	fmt.Fprintf(out, `
What can happen to a %s, beside deleting, preflights, and credentials that become
useless and are replaced:

`+"```mermaid\nstateDiagram-v2\n", what)
	by := map[[2]string][]string{}
	for m := range moves {
		corrupted := m.from == string(BatchCorrupted) || m.to == string(BatchCorrupted)
		if !corrupted && !slices.Contains(everywhere, m.by) {
			by[[2]string{m.from, m.to}] = append(by[[2]string{m.from, m.to}], m.by)
		}
	}
	for _, ends := range slices.SortedFunc(maps.Keys(by), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		slices.Sort(by[ends])
		fmt.Fprintf(out, "    %s --> %s : %s\n", ends[0], ends[1], strings.ReplaceAll(strings.Join(by[ends], ", "), "batch: ", "batch "))
	}
	fmt.Fprint(out, "```\n\n")
}
