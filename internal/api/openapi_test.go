package api_test

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/openapi.yaml anew")

const committed = "../../docs/openapi.yaml"

func TestOpenAPIOfTheDocsIsThatOfTheCode(t *testing.T) {
	s := newServer(t)
	want, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(committed, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(committed)
	if err != nil || string(got) != string(want) {
		t.Errorf("docs/openapi.yaml is another (%v); run: go test ./internal/api -run OpenAPI -update", err)
	}
	if served := s.ask("GET", "/openapi.yaml", "", nil); served.status != 200 || served.body != string(want) {
		t.Errorf("what is served is another: %d", served.status)
	}
}
