package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/cutover"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Options are what an API is made of.
type Options struct {
	Service *control.Service
	// Version is that of mailhaul.
	Version string
	// Secure is true when browsers reach the server by https.
	Secure bool
	// Backup writes a copy of the database; nil when the database has its own
	// tools for that.
	Backup func(context.Context, io.Writer) error
	// Reports gives what reports are made of.
	Reports Reports
	// LiveEvery is how often live progress is looked up, 1 s when zero.
	LiveEvery time.Duration
	// Log takes what clients are not told; nil is none.
	Log *slog.Logger
}

// API is the handler of everything below /api/.
type API struct {
	service *control.Service
	options Options
	log     *slog.Logger
	huma    huma.API
	mux     *http.ServeMux
	origins *http.CrossOriginProtection
	tests   *limiter
	reports *limiter
	looks   *looks
	live    *places
	stirred stir
	ended   chan struct{}
	end     func()
	routes  []string
}

// The bounds of requests.
const (
	maxBody    = 256 << 10
	bodyWithin = 30 * time.Second
	// downloadWithin is for who reads much.
	downloadWithin = time.Hour
	// uploadWithin is for the migration file over a slow line.
	uploadWithin = 5 * time.Minute
	// maxLive bounds the live answers at a time, and maxLiveEach those of one operator.
	maxLive     = 200
	maxLiveEach = 50
	// Tests of endpoints of one operator.
	testsPerMinute = 10
	// Reports that one operator has mailed.
	reportsPerMinute = 10
)

// theFramework takes its form of problems from a variable of the package.
var theFramework sync.Once

// New makes the API. A route without an entry in the table of permissions is an
// error, and so is an entry without a route.
func New(o Options) (*API, error) {
	theFramework.Do(func() { huma.NewError = humaProblem })
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.LiveEvery == 0 {
		o.LiveEvery = time.Second
	}
	a := &API{service: o.Service, options: o, log: o.Log, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(),
		tests: newLimiter(testsPerMinute, time.Minute), reports: newLimiter(reportsPerMinute, time.Minute), looks: newLooks(o.LiveEvery), live: newPlaces(maxLive, maxLiveEach), ended: make(chan struct{})}
	a.end = sync.OnceFunc(func() { close(a.ended) })
	a.huma = humago.NewWithPrefix(a.mux, "/api/v1", a.config())
	a.mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		a.writeProblem(w, problem(http.StatusNotFound, CodeNoRoute, "There is nothing at this path, or not with this method.", "See /api/v1/openapi.yaml."))
	})
	a.peopleRoutes()
	a.endpointRoutes()
	a.batchRoutes()
	a.cutoverRoutes()
	a.mailboxRoutes()
	a.consoleRoutes()
	a.reportRoutes()
	a.handoverRoutes()
	a.liveRoutes()
	a.serverRoutes()
	a.settingRoutes()
	return a, a.checkPermissions()
}

func (a *API) config() huma.Config {
	config := huma.DefaultConfig("mailhaul", "1")
	config.Info.Description = "Move mailboxes between IMAP servers. Sizes are in bytes, durations in seconds, times as RFC 3339 writes them."
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.CreateHooks = nil // they add a link to a schema to every answer
	config.DocsPath, config.SchemasPath, config.OpenAPIPath = "", "", ""
	config.Formats = map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat}
	config.RejectUnknownQueryParameters = true
	config.Servers = []*huma.Server{{URL: "/api/v1"}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token."},
		"session": {Type: "apiKey", In: "cookie", Name: a.cookieName(), Description: "The session of a browser."},
	}
	return config
}

// schemaName tells types of one name apart: those of packages migration and cutover, of
// which there are few, have it before their name.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	switch t.PkgPath() {
	case reflect.TypeFor[migration.Problem]().PkgPath():
		return "Migration" + name
	case reflect.TypeFor[cutover.Finding]().PkgPath():
		return "Cutover" + name
	}
	return name
}

// ServeHTTP serves a request below /api/.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Paths gives every operation of the router by its path and method.
func (a *API) Paths() map[string]map[string]*huma.Operation {
	paths := map[string]map[string]*huma.Operation{}
	for path, item := range a.huma.OpenAPI().Paths {
		paths[path] = map[string]*huma.Operation{}
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete} {
			if op != nil {
				paths[path][method] = op
			}
		}
	}
	return paths
}

// EndLive ends the live answers, which would never end by themselves.
func (a *API) EndLive() { a.end() }

// OpenAPI is the description as YAML.
func (a *API) OpenAPI() ([]byte, error) { return a.huma.OpenAPI().YAML() }

// route adds an operation. What it asks of control stands in the table of
// permissions under its name.
func route[I, O any](a *API, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	// The framework would read a body that is described before; an upload reads it
	// itself.
	body := op.RequestBody
	op.RequestBody = nil
	if body != nil {
		defer func() { a.Paths()[op.Path][op.Method].RequestBody = body }()
	}
	huma.Register(a.huma, a.guarded(op), func(ctx context.Context, input *I) (*O, error) {
		output, err := handler(ctx, input)
		if err != nil {
			return nil, a.problemOf(err)
		}
		return output, nil
	})
}

// guarded gives an operation its permission and its bounds.
func (a *API) guarded(op huma.Operation) huma.Operation {
	a.routes = append(a.routes, op.OperationID)
	action := permissions[op.OperationID]
	if action != public {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	op.Description = strings.TrimSpace(op.Description + "\n\nFor " + words(action) + ".")
	op.MaxBodyBytes, op.BodyReadTimeout = cmp.Or(op.MaxBodyBytes, maxBody), bodyWithin
	op.Middlewares = append(huma.Middlewares{a.guard(action)}, op.Middlewares...)
	return op
}

// checkPermissions holds the routes and the table of permissions together.
func (a *API) checkPermissions() error {
	var wrong []error
	for _, name := range a.routes {
		if _, listed := permissions[name]; !listed {
			wrong = append(wrong, fmt.Errorf("the route %s has no entry in the table of permissions", name))
		}
	}
	for name, action := range permissions {
		if _, known := control.LeastRole(action); !known && action != public {
			wrong = append(wrong, fmt.Errorf("nobody may %s: control does not list %s", name, action))
		}
		if !slices.Contains(a.routes, name) {
			wrong = append(wrong, fmt.Errorf("the table of permissions names %s, which is no route", name))
		}
	}
	return errors.Join(wrong...)
}

func (a *API) writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// versioned is an answer with its version.
type versioned[T any] struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body T
}

// plainAnswer is an answer that is nothing else.
type plainAnswer[T any] struct{ Body T }

// nothing is the answer when there is none: 204.
type nothing struct{}

// pageOf is a part of a list.
type pageOf[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"The cursor for what follows; missing at the end."`
}

// Paging chooses a part of a list. Like others that inputs are made of, it is
// exported because the framework does not look into what is not.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"400" doc:"Where to go on: next of the answer before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many items at most."`
}

// Placing begins a part of a list at a place.
type Placing struct {
	Offset int `query:"offset" minimum:"0" maximum:"10000000" doc:"How many items to pass over, instead of a cursor. The answer then has the total."`
	given  bool
}

// Resolve notes whether there is an offset.
func (p *Placing) Resolve(ctx huma.Context) []error {
	p.given = ctx.Query("offset") != ""
	return nil
}

// place is the offset, nil without.
func (p *Placing) place() *int {
	if !p.given {
		return nil
	}
	return &p.Offset
}

// Matching is the version an edit is meant for.
type Matching struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"The ETag of the version that is to be edited; without it, the newest."`
}

func (p Paging) page() control.Page { return control.Page{Cursor: p.Cursor, Limit: p.Limit} }

// version reads If-Match; 0 is any.
func (m Matching) version() (int64, error) {
	text := strings.Trim(strings.TrimPrefix(m.IfMatch, "W/"), `"`)
	if text == "" || text == "*" {
		return 0, nil
	}
	var version int64
	if _, err := fmt.Sscanf(text, "%d", &version); err != nil || version < 1 {
		return 0, problem(http.StatusPreconditionFailed, "changed", "If-Match is not an ETag of this.", "Read it again.")
	}
	return version, nil
}

func etag(version int64) string { return fmt.Sprintf("%q", fmt.Sprint(version)) }
