package cli

import (
	"encoding/json"
	"io"
)

func writeJSON(w io.Writer, value any) error { return jsonTo(w, value, "  ") }

// writeJSONLine writes a value on one line, for streams of them.
func writeJSONLine(w io.Writer, value any) error { return jsonTo(w, value, "") }

func jsonTo(w io.Writer, value any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(value)
}
