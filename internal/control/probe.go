package control

import (
	"context"
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// TestSpec is what to test: an endpoint that there is, by its name, or one that
// there is not. With a user the sign-in is tested too.
type TestSpec struct {
	Name     string        `json:"name,omitempty" doc:"Endpoint that there is"`
	Endpoint *EndpointSpec `json:"endpoint,omitempty" doc:"Endpoint that there is not"`
	User     string        `json:"user,omitempty" doc:"Mailbox to sign in to"`
	Password Password      `json:"password,omitempty" doc:"Its password, unless the endpoint has an administrator"`
}

// JudgeTest says what TestEndpoint would find wrong without asking a server.
func (s *Service) JudgeTest(ctx context.Context, actor Actor, spec TestSpec) error {
	if err := permit(actor, EndpointTest); err != nil {
		return err
	}
	_, _, err := s.testedAccount(ctx, spec)
	return err
}

// TestEndpoint tests an endpoint. What was seen of one that there is becomes its
// profile.
func (s *Service) TestEndpoint(ctx context.Context, actor Actor, spec TestSpec) (Probe, error) {
	if err := permit(actor, EndpointTest); err != nil {
		return Probe{}, err
	}
	e, account, err := s.testedAccount(ctx, spec)
	if err != nil {
		return Probe{}, err
	}
	probe, learned, err := s.probe(ctx, account)
	if err != nil {
		return Probe{}, err
	}
	if e.ID != 0 {
		probe.sayHowToSet(e)
	}
	object := "endpoint/" + e.Name
	if e.ID == 0 {
		object = "endpoint/(new)"
	}
	err = s.change(ctx, "noting the test", func(tx Tx) error {
		if e.ID != 0 && learned != nil {
			if err := learn(tx, e, learned); err != nil {
				return err
			}
		}
		return s.record(tx, actor, EndpointTest, object, map[string]any{"server": e.Address(), "ok": probe.OK, "signIn": spec.User != "" || e.Login.Form.HasAdmin()})
	})
	return probe, err
}

// sayHowToSet adds to a refused sign-in how the administrator's password is given anew.
func (p *Probe) sayHowToSet(e migration.EndpointRecord) {
	if !e.Login.Form.HasAdmin() || e.Login.Form.HasToken() {
		return
	}
	for i, step := range p.Steps {
		if step.SignInRefused() && step.Code == migration.CodeLogin {
			p.Steps[i].Remedy = strings.TrimSpace(strings.TrimSpace(step.Remedy) + " The password is given anew with: mailhaul endpoint set " + e.Name + " --admin-password-file FILE")
		}
	}
}

// testedAccount is the endpoint to test, with who signs in.
func (s *Service) testedAccount(ctx context.Context, spec TestSpec) (e migration.EndpointRecord, account Account, err error) {
	if e, err = s.testedEndpoint(ctx, spec); err != nil {
		return e, account, err
	}
	account = Account{Endpoint: e.Endpoint, Login: e.Login, User: spec.User, Password: spec.Password.Text()}
	if e.Login.Form.HasAdmin() {
		if account.Password, err = adminOf(s.keys, e); err != nil {
			return e, account, refused(endpointNamed(e.Name), "the secret it signs in with: "+err.Error())
		}
	}
	return e, account, nil
}

// learn keeps what was seen, if the endpoint is still the one that was tested.
func learn(tx Tx, tested migration.EndpointRecord, learned *migration.Learned) error {
	e, err := tx.EndpointByID(tested.ID)
	if errors.Is(err, migration.ErrNotFound) || err == nil && e.Version != tested.Version {
		return nil
	}
	if err != nil {
		return err
	}
	e.Learned = learned
	return tx.SaveEndpoint(&e)
}

func (s *Service) testedEndpoint(ctx context.Context, spec TestSpec) (e migration.EndpointRecord, err error) {
	var c checks
	c.that((spec.Name != "") != (spec.Endpoint != nil), "name", "or an endpoint must be given, and not both")
	if spec.User != "" {
		c.user("user", spec.User)
	}
	c.password("password", spec.Password)
	if spec.Endpoint != nil {
		fresh := *spec.Endpoint
		if fresh.Name == "" {
			fresh.Name = "new"
		}
		var value Password
		e, value = s.spec(&c, fresh)
		e.AdminSecret = s.keys.SealAlone(value.Text(), adminBinding(e))
	}
	if err := c.err(); err != nil || spec.Name == "" {
		return e, err
	}
	err = s.store.View(ctx, "reading the endpoint", func(tx Tx) (err error) {
		e, err = tx.Endpoint(spec.Name)
		return err
	})
	return e, problem(endpointNamed(spec.Name), err)
}

// verify tests an endpoint that is to be made or changed.
func (s *Service) verify(ctx context.Context, e migration.EndpointRecord, password Password) (*migration.Learned, error) {
	account := Account{Endpoint: e.Endpoint, Login: e.Login, Password: password.Text()}
	if password == "" {
		account.Login = migration.LoginMethod{Form: migration.LoginUser} // nobody can sign in yet
	}
	probe, learned, err := s.probe(ctx, account)
	if err != nil || probe.OK {
		return learned, err
	}
	p := &Problem{Kind: Unavailable, Code: "endpoint-test-failed", Detail: "The endpoint's test did not go well.", Remedy: "Correct the endpoint, or skip the verification (skipVerification)."}
	for _, step := range probe.Steps {
		if step.SignInRefused() {
			p.Code = "sign-in-refused"
		}
		if step.Result == StepFailed {
			p.Fields = append(p.Fields, Field{step.Step, strings.TrimSpace(step.Detail + ". " + step.Remedy)})
		}
	}
	return nil, p
}

// probe tests an endpoint, with a sign-in where the account says as whom.
func (s *Service) probe(ctx context.Context, account Account) (Probe, *migration.Learned, error) {
	if s.prober == nil {
		return Probe{}, nil, &Problem{Kind: Unavailable, Code: "no-test", Detail: "Endpoints can't be tested here."}
	}
	steps, learned := s.prober.Probe(ctx, account)
	probe := Probe{OK: true, Steps: steps, Profile: profileView(learned)}
	for _, step := range steps {
		probe.OK = probe.OK && step.Result != StepFailed
	}
	return probe, learned, nil
}

func (s *Service) verifyPatch(ctx context.Context, name string, patch EndpointPatch) (*migration.Learned, error) {
	var e migration.EndpointRecord
	err := s.store.View(ctx, "reading the endpoint", func(tx Tx) (err error) {
		e, err = tx.Endpoint(name)
		return err
	})
	if err == nil {
		e, err = s.patched(e, patch)
	}
	if err != nil {
		return nil, problem(endpointNamed(name), err)
	}
	password, _ := adminOf(s.keys, e)
	return s.verify(ctx, e, Password(password.Reveal()))
}
