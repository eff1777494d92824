package consoletest

import (
	"encoding/json"
	"testing"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/rigs/effort"
)

// TestNothingEnteredIsLost when a session ends, when somebody else saves first, when the
// server is away, or when another operator signs in in another tab; and nothing that was
// entered by one is sent in the name of another.
func TestNothingEnteredIsLost(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	c := newCompany(t, nil)
	people := staff("sales", 3)
	c.create(control.BatchSpec{Name: "sales"}, migrationFile(people, ""))
	other := control.OperatorSpec{Name: "tom.berger", Email: "tom.berger@example.org", Role: "operator", Password: "battery horse correct"}
	viewer := person{Name: "hanna.vogt", Password: "battery horse correct"}
	for _, spec := range []control.OperatorSpec{other, {Name: viewer.Name, Role: "viewer", Password: control.Password(viewer.Password)}} {
		_, err := c.api.CreateOperator(t.Context(), spec)
		c.must(err)
	}
	play(t, "session.mjs", map[string]any{
		"server": c.server.Address, "admin": administrator, "viewer": viewer, "other": other.Name, "batch": "sales", "mailbox": people[0], "file": migrationFile(staff("north", 2), ""),
	}, answers{
		"ask": asked(func(q struct{ Verb string }) (any, error) {
			_, err := c.api.AskBatch(t.Context(), "sales", q.Verb)
			return nil, err
		}),
		"space": asked(func(q struct{ Seconds int64 }) (any, error) {
			now, err := c.api.Batch(t.Context(), "sales")
			if err != nil {
				return nil, err
			}
			return c.api.SetBatch(t.Context(), "sales", control.BatchPatch{IntervalSeconds: &q.Seconds}, now.Version)
		}),
		"batch": func(json.RawMessage) (any, error) { return c.api.Batch(t.Context(), "sales") },
		"retain": asked(func(q struct{ Days int64 }) (any, error) {
			now, err := c.api.Settings(t.Context())
			if err != nil {
				return nil, err
			}
			seconds := q.Days * 24 * 60 * 60
			return c.api.SetSettings(t.Context(), control.SettingsPatch{KeepCompletedSeconds: &seconds}, now.Version)
		}),
		"settings": func(json.RawMessage) (any, error) { return c.api.Settings(t.Context()) },
		"demote": func(json.RawMessage) (any, error) {
			role := "viewer"
			operators, err := c.api.Operators(t.Context())
			for _, o := range operators {
				if o.Name == other.Name {
					return c.api.SetOperator(t.Context(), o.Name, control.OperatorPatch{Role: &role}, o.Version)
				}
			}
			return nil, err
		},
		"operators": func(json.RawMessage) (any, error) { return c.api.Operators(t.Context()) },
	})
}
