package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed handover.html.tmpl
var handoverTemplate string

// html is the hand-over as a page that mail programs show, too.
func (v *handoverView) html(w io.Writer) error {
	t, err := template.New("handover").Parse(handoverTemplate)
	if err != nil {
		return fmt.Errorf("reading the page of the hand-over: %w", err)
	}
	return t.Execute(w, v)
}
