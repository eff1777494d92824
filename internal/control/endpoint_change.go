package control

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/token"
)

// SetEndpoint changes an endpoint if it still has the version; 0 is any. What is
// changed about the server is tested first, unless verification is skipped.
//
// Passwords were given for a host, a port and a security, and go nowhere else; the secret
// of an application was given for its tenant, cloud and authority too. When
// one of them changes, the administrator's password is gone unless it is given anew,
// and mailboxes of the endpoint's batches whose own passwords no longer fit are
// Corrupted until they get new ones. While a batch runs it is refused.
func (s *Service) SetEndpoint(ctx context.Context, actor Actor, name string, patch EndpointPatch, version int64, skipVerification bool) (view Endpoint, err error) {
	if err := permit(actor, EndpointSet); err != nil {
		return Endpoint{}, err
	}
	var learned *migration.Learned
	if patch.aboutServer() && !skipVerification {
		if learned, err = s.verifyPatch(ctx, name, patch); err != nil {
			return Endpoint{}, err
		}
	}
	err = s.changeVersion(ctx, "changing the endpoint", version, func(tx Tx) error {
		e, err := tx.Endpoint(name)
		if err != nil {
			return err
		}
		if version != 0 && e.Version != version {
			return migration.ErrChanged
		}
		before := e
		if e, err = s.patched(e, patch); err != nil {
			return err
		}
		if learned != nil {
			e.Learned = learned
		} else if patch.aboutServer() {
			e.Learned = nil
		}
		batches, err := tx.BatchesOf(e.ID)
		if err != nil {
			return err
		}
		if err := s.repoint(tx, before, &e, batches); err != nil {
			return err
		}
		view = s.endpointView(e, batches)
		return s.record(tx, actor, EndpointSet, "endpoint/"+e.Name, patch.told(before, e))
	})
	if err == nil {
		s.wake()
	}
	return view, problem(endpointNamed(name), err)
}

// changeVersion makes a change; one that somebody asked for of a certain version is
// not tried again.
func (s *Service) changeVersion(ctx context.Context, doing string, version int64, change func(Tx) error) error {
	if version != 0 {
		return s.store.Change(ctx, doing, change)
	}
	return s.change(ctx, doing, change)
}

// aboutServer reports whether the patch changes how the server is reached.
func (p EndpointPatch) aboutServer() bool {
	return p.Host != nil || p.Port != nil || p.Security != nil || p.CA != nil || p.Pin != nil || p.MinTLS != nil || p.AdminUser != nil || len(p.credentials()) > 0 || p.Separator != nil || p.Domain != nil ||
		p.Tenant != nil || p.ClientID != nil || p.Cloud != nil || p.Authority != nil || p.Scope != nil
}

// credentials are the secrets that a patch brings.
func (p EndpointPatch) credentials() []credential {
	given := func(value *Password) Password {
		if value == nil {
			return ""
		}
		return *value
	}
	return credentials(given(p.AdminPassword), given(p.ClientSecret), given(p.Certificate), given(p.ServiceAccount))
}

// told is what the audit log says of a change.
func (p EndpointPatch) told(before, after migration.EndpointRecord) map[string]any {
	told := map[string]any{"limits": after.Limits}
	if before.Address() != after.Address() || before.Security != after.Security {
		told["was"] = fmt.Sprintf("%s (%s)", before.Address(), before.Security)
		told["is"] = fmt.Sprintf("%s (%s)", after.Address(), after.Security)
	}
	if before.Pin != after.Pin || string(before.CA) != string(after.CA) || before.MinTLS != after.MinTLS {
		told["trust"] = map[string]any{"pin": after.Pin, "ca": len(after.CA) > 0, "minTls": tlsName(after.MinTLS)}
	}
	for _, c := range p.credentials() {
		told[c.field] = "changed"
	}
	if before.Login != after.Login {
		told["login"] = after.Login
	}
	if !maps.Equal(before.DefaultFolders, after.DefaultFolders) {
		told["defaultFolders"] = after.DefaultFolders
	}
	return told
}

// patched gives the endpoint with the changes, checked.
func (s *Service) patched(e migration.EndpointRecord, patch EndpointPatch) (migration.EndpointRecord, error) {
	var c checks
	before, measured := adminBinding(e), e.Address()
	set(&e.Host, patch.Host)
	set(&e.Port, patch.Port)
	set(&e.AllowCleartext, patch.AllowCleartext)
	set(&e.Limits.Migrations, patch.Migrations)
	set(&e.Limits.Incremental, patch.Incremental)
	set(&e.Limits.Connections, patch.Connections)
	set(&e.Limits.Unanswered, patch.Unanswered)
	set(&e.Limits.BytesPerSecond, patch.BytesPerSecond)
	set(&e.Limits.MessagesPerSecond, patch.MessagesPerSec)
	set(&e.Login.Admin, patch.AdminUser)
	set(&e.Login.Separator, patch.Separator)
	set(&e.Login.Domain, patch.Domain)
	set(&e.Login.Root, patch.UserRoot)
	s.application(&c, &e, patch)
	set(&e.Login.App.Graph, patch.Graph)
	set(&e.Login.App.GraphFolders, patch.GraphFolders)
	if patch.DefaultFolders != nil {
		c.defaultFolders(&e, *patch.DefaultFolders)
	}
	set(&e.Limits.BytesPerDayDown, patch.BytesPerDayDown)
	set(&e.Limits.BytesPerDayUp, patch.BytesPerDayUp)
	if patch.Security != nil {
		e.Security = migration.Security(*patch.Security)
	}
	if patch.CA != nil {
		e.CA = []byte(*patch.CA)
	}
	if patch.Pin != nil {
		e.Pin = strings.TrimPrefix(*patch.Pin, "sha256/")
	}
	if patch.MinTLS != nil {
		version, known := tlsVersions[*patch.MinTLS]
		c.that(known, "minTls", "must be 1.0, 1.1, 1.2 or 1.3")
		e.MinTLS = version
	}
	if adminBinding(e) != before {
		e.AdminSecret = nil
	}
	if e.Address() != measured {
		e.Calibration = nil
	}
	c.that(patch.AdminPassword == nil || *patch.AdminPassword != "", "adminPassword", "must not be empty")
	// A secret that is gone is told by the mailboxes that need it; it need not come
	// with the same change.
	if given := c.credential(e.Login.Form, patch.credentials()); given.value != "" {
		s.secretFits(&c, e.Login, given)
		e.Login.App.Credential = given.kind()
		e.AdminSecret = s.keys.SealAlone(given.value.Text(), adminBinding(e))
	}
	c.endpoint(e)
	s.graph(&c, e.Login)
	return e, c.err()
}

// application changes what is known of an application. Its endpoint goes to another cloud
// with it, unless it is elsewhere.
func (s *Service) application(c *checks, e *migration.EndpointRecord, patch EndpointPatch) {
	app := &e.Login.App
	if patch.Cloud != nil {
		before, _ := token.CloudNamed(app.Cloud)
		after, err := token.CloudNamed(*patch.Cloud)
		if err == nil && patch.Host == nil && e.Host == before.IMAPHost {
			e.Host = after.IMAPHost
		}
	}
	for field, change := range map[*string]*string{&app.Tenant: patch.Tenant, &app.Client: patch.ClientID, &app.Cloud: patch.Cloud, &app.Authority: patch.Authority, &app.Scope: patch.Scope} {
		set(field, change)
	}
	if e.Login.Form == migration.LoginOffice365 && (patch.Tenant != nil || patch.ClientID != nil || patch.Cloud != nil || patch.Authority != nil || patch.Scope != nil) {
		c.settings(*app, s.tokenHosts)
	}
}

// repoint saves the endpoint and settles what its change means for the mailboxes of
// its batches.
func (s *Service) repoint(tx Tx, before migration.EndpointRecord, e *migration.EndpointRecord, names []string) error {
	secretsMove := rowBinding(before, "", "", SourceSide) != rowBinding(*e, "", "", SourceSide) || string(before.AdminSecret) != string(e.AdminSecret)
	if err := tx.SaveEndpoint(e); err != nil || !secretsMove {
		return err
	}
	sameServer := rowBinding(before, "", "", SourceSide) == rowBinding(*e, "", "", SourceSide)
	for _, name := range names {
		b, err := tx.Batch(name)
		if err != nil {
			return err
		}
		running := b.Intent == migration.Run || b.Intent == migration.Finish || b.Counts.Running > 0
		if running && !sameServer && b.Counts.Closed < b.Counts.Total {
			return &Problem{Kind: Refused, Code: "endpoint-runs", Detail: fmt.Sprintf("The batch %q uses the endpoint and runs.", b.Name),
				Remedy: "Stop the batch first; after the change its mailboxes need new passwords."}
		}
		if err := s.settle(tx, b); err != nil {
			return err
		}
	}
	return nil
}

// settle makes the mailboxes of a batch broken whose passwords can't be opened, and
// whole whose can.
func (s *Service) settle(tx Tx, b migration.BatchRecord) error {
	source, err := tx.EndpointByID(b.Source)
	if err != nil {
		return err
	}
	target, err := tx.EndpointByID(b.Target)
	if err != nil {
		return err
	}
	for m, err := range mailboxesOf(tx, b.ID) {
		if err != nil {
			return err
		}
		broken := !s.opens(source, target, b, m)
		if m.Facts.Phase == migration.Closed || m.Facts.Broken == broken {
			continue
		}
		m.Facts.Broken = broken
		if err := tx.SaveMailbox(&m); err != nil {
			return err
		}
	}
	return nil
}
