package control

import (
	"context"
	"errors"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// PreviewSpec is a mailbox of an endpoint, and the rules to be tried on its folders,
// before there is a batch.
type PreviewSpec struct {
	Source   string   `json:"source" doc:"Endpoint to read from"`
	User     string   `json:"user" doc:"Its user name there"`
	Password Password `json:"password,omitempty" doc:"Its password, unless the endpoint has an administrator"`
	UserRoot string   `json:"userRoot,omitempty" doc:"Where its folders are, as in the column UserRoot"`
	Labels   string   `json:"labels,omitempty" enum:"one,copies,keywords" doc:"What becomes of Gmail's labels"`
	FolderRules
}

// JudgePreview says what PreviewSource would find wrong without asking a server.
func (s *Service) JudgePreview(ctx context.Context, actor Actor, spec PreviewSpec) error {
	if err := permit(actor, BatchPreview); err != nil {
		return err
	}
	_, err := s.planPreview(ctx, spec)
	return err
}

// PreviewSource says what rules would take of the folders of a mailbox that need not be
// in a batch. It asks the source, and is in the audit log: whoever may ask looks into
// any mailbox that the endpoint opens.
func (s *Service) PreviewSource(ctx context.Context, actor Actor, spec PreviewSpec) ([]FolderHit, error) {
	if err := permit(actor, BatchPreview); err != nil {
		return nil, err
	}
	plan, err := s.planPreview(ctx, spec)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, "noting who looks at folders", func(tx Tx) error {
		return s.record(tx, actor, BatchPreview, "endpoint/"+spec.Source, map[string]any{"user": plan.account.User})
	})
	if err != nil {
		return nil, err
	}
	hits, err := s.source.Folders(ctx, plan.account, plan.exclude, plan.include)
	if err != nil {
		return nil, unreachable(err)
	}
	return orEmpty(hits), nil
}

// previewPlan is a look at the folders of a mailbox.
type previewPlan struct {
	account          Account
	exclude, include []migration.FolderRule
}

// planPreview checks what is asked for, and opens what is needed to sign in.
func (s *Service) planPreview(ctx context.Context, spec PreviewSpec) (plan previewPlan, err error) {
	if s.source == nil {
		return plan, errNoSource()
	}
	var c checks
	plan.exclude, plan.include = c.rules("exclude", spec.Exclude), c.rules("include", spec.Include)
	c.user("user", spec.User)
	c.password("password", spec.Password)
	c.that(migration.ValidUserRoot(spec.UserRoot), "userRoot", "must be the path of the person's folders, such as /users/anna")
	labels, err := migration.ParseLabelPolicy(spec.Labels)
	c.that(err == nil, "labels", "must be one, copies or keywords")
	var e migration.EndpointRecord
	err = s.store.View(ctx, "reading the endpoint", func(tx Tx) (err error) {
		e, err = tx.Endpoint(spec.Source)
		if errors.Is(err, migration.ErrNotFound) {
			c.that(false, "source", "must be the name of an endpoint; there is no %q", migration.SafeText(spec.Source))
			return nil
		}
		return err
	})
	if err != nil {
		return plan, err
	}
	user, wrong := e.Login.Plain(spec.User)
	c.that(wrong == nil, "user", "is not the endpoint's: %v", wrong)
	c.that(e.ID == 0 || e.Login.Form.HasAdmin() || spec.Password != "", "password", "is missing: the endpoint has no administrator")
	if err := c.err(); err != nil {
		return plan, err
	}
	plan.account = Account{Endpoint: e.Endpoint, Login: e.Login, User: user, Password: spec.Password.Text(), Root: e.Login.RootOf(user, spec.UserRoot), DefaultFolders: e.DefaultFolders}
	if labels != migration.LabelsOne {
		plan.account.Labels = labels
	}
	if e.Login.Form.HasAdmin() {
		if plan.account.Password, err = adminOf(s.keys, e); err != nil {
			return plan, refused(endpointNamed(e.Name), "the secret it signs in with: "+err.Error())
		}
	}
	return plan, nil
}
