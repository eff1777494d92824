package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Upload is a request with a migration file, which is read as it comes: it holds
// passwords, and is kept nowhere.
type Upload struct {
	request *http.Request
	// name is what the file is called, when the client says it.
	name string
}

// Resolve takes hold of the request.
func (u *Upload) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	line := http.NewResponseController(w)
	_ = line.SetReadDeadline(deadline(uploadWithin))
	_ = line.SetWriteDeadline(deadline(uploadWithin + bodyWithin))
	// The file has a bound of its own; what is around it is small.
	r.Body = http.MaxBytesReader(w, r.Body, migration.MaxCSVBytes+maxBody)
	u.request = r
	return nil
}

// csv gives the file. What stands before it in a form is JSON for spec.
func (u *Upload) csv(spec any) (io.Reader, error) {
	kind, parameters, err := mime.ParseMediaType(u.request.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == "text/csv" && spec == nil:
		return u.request.Body, nil
	case err == nil && kind == "multipart/form-data" && parameters["boundary"] != "":
		return u.form(multipart.NewReader(u.request.Body, parameters["boundary"]), spec)
	}
	want := "multipart/form-data with the migration file as \"file\""
	if spec == nil {
		want += ", or text/csv"
	}
	return nil, problem(http.StatusUnsupportedMediaType, CodeContentType, "The request must be "+want+".", "")
}

// form reads the parts up to the file.
func (u *Upload) form(parts *multipart.Reader, spec any) (io.Reader, error) {
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, problem(http.StatusBadRequest, CodeInvalid, `The form has no part "file" with the migration file.`, "")
		}
		if err != nil {
			return nil, problem(http.StatusBadRequest, CodeInvalid, "The form ends too early or is malformed.", "")
		}
		switch {
		case part.FormName() == "file":
			u.name = part.FileName()
			return part, nil
		case part.FormName() == "batch" && spec != nil:
			if err := strictJSON(io.LimitReader(part, maxBody), spec); err != nil {
				return nil, err
			}
		default:
			return nil, problem(http.StatusBadRequest, CodeInvalid, `The form has a part that is not known; "batch", in JSON, comes first and then "file".`, "")
		}
	}
}

// strictJSON refuses what it does not know.
func strictJSON(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return problem(http.StatusBadRequest, CodeInvalid, `The part "batch" is not what it should be: `+jsonTrouble(err)+".", "See /api/v1/openapi.yaml.")
	}
	return nil
}

// jsonTrouble says what is wrong without the value, which may be a secret.
func jsonTrouble(err error) string {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		return "the field " + kind.Field + " has the wrong type"
	case errors.As(err, &syntax):
		return "it is not JSON"
	}
	return "it has a field that is not known, or a value that is not valid"
}

// uploadBody describes the form in OpenAPI.
func uploadBody(spec *huma.Schema) *huma.RequestBody {
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "The migration file, at most 10 MB."}
	form := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": file}, Required: []string{"file"}}
	body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: form}}}
	if spec == nil {
		body.Content["text/csv"] = &huma.MediaType{Schema: file}
		return body
	}
	form.Properties["batch"], form.Required = spec, []string{"batch", "file"}
	return body
}
