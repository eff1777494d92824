package control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// The defaults and bounds of limits.
const (
	defaultMigrations  = 20
	defaultIncremental = 10
	defaultConnections = 4
	// One mailbox of Exchange Online gets no more done by more connections.
	office365Connections = 2
	mostMailboxes        = 300
	mostConnections      = 16
	mostUnanswered       = 128
	// leastBudget is a day's budget with which any message can be moved.
	leastBudget = 100_000_000
)

// record makes the endpoint of the specification.
func (spec EndpointSpec) record() migration.EndpointRecord {
	e := migration.EndpointRecord{
		Name: spec.Name, Kind: migration.EndpointKind(spec.Type),
		Endpoint: migration.Endpoint{Host: spec.host(), Port: spec.Port, Security: migration.Security(spec.Security),
			AllowCleartext: spec.AllowCleartext, Pin: strings.TrimPrefix(spec.Pin, "sha256/"), MinTLS: tlsVersions[spec.MinTLS]},
		Limits: migration.Limits{Migrations: defaultMigrations, Incremental: defaultIncremental, Connections: defaultConnections, Unanswered: spec.Unanswered,
			BytesPerSecond: spec.BytesPerSecond, MessagesPerSecond: spec.MessagesPerSec},
		Login: spec.method(),
	}
	if e.Kind == "" {
		e.Kind = migration.KindIMAP
	}
	if e.Kind == migration.KindOffice365 {
		e.Limits.Connections = office365Connections
	}
	if spec.CA != "" {
		e.CA = []byte(spec.CA)
	}
	if spec.Security == "" {
		e.Security = migration.Implicit
	}
	if e.Port == 0 {
		e.Port = 143
		if e.Security == migration.Implicit {
			e.Port = 993
		}
	}
	set(&e.Limits.Migrations, spec.Migrations)
	// With few migrations and nothing said, no more later passes than they.
	e.Limits.Incremental = min(e.Limits.Incremental, max(e.Limits.Migrations, 1))
	set(&e.Limits.Incremental, spec.Incremental)
	set(&e.Limits.Connections, spec.Connections)
	usual := migration.UsualBudget(e.Host)
	e.Limits.BytesPerDayDown, e.Limits.BytesPerDayUp = usual.Down, usual.Up
	set(&e.Limits.BytesPerDayDown, spec.BytesPerDayDown)
	set(&e.Limits.BytesPerDayUp, spec.BytesPerDayUp)
	return e
}

// set takes over a value that is given.
func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// endpoint checks an endpoint as it would be stored, but for its secret.
func (c *checks) endpoint(e migration.EndpointRecord) {
	c.name("name", e.Name)
	c.host("host", e.Host)
	c.between("port", e.Port, 1, 65535)
	switch e.Security {
	case migration.Implicit, migration.StartTLS:
	case migration.Cleartext:
		c.that(e.AllowCleartext, "security", "none sends passwords and mail in clear text; say allowCleartext if the line is safe")
		c.that(!e.Login.Form.HasAdmin(), "security", "none is refused for an administrator's password, which opens every mailbox")
		c.that(e.Pin == "" && len(e.CA) == 0, "security", "none has no certificate that a pin or an authority could vouch for")
	default:
		c.that(false, "security", "must be implicit, starttls or none")
	}
	c.that(e.Pin == "" || len(e.CA) == 0, "pin", "stands instead of authorities; give one of the two")
	c.pin("pin", e.Pin)
	c.authorities("ca", string(e.CA))
	c.between("migrations", e.Limits.Migrations, 1, mostMailboxes)
	c.between("incremental", e.Limits.Incremental, 1, mostMailboxes)
	c.that(e.Limits.Incremental <= e.Limits.Migrations, "incremental", "must be at most as many as migrations")
	c.between("connections", e.Limits.Connections, 1, mostConnections)
	c.between("unanswered", e.Limits.Unanswered, 0, mostUnanswered)
	c.that(e.Limits.BytesPerSecond == 0 || e.Limits.BytesPerSecond >= 1024, "bytesPerSecond", "must be 0 for no ceiling, or at least 1024")
	c.that(e.Limits.MessagesPerSecond == 0 || e.Limits.MessagesPerSecond >= 0.01 && e.Limits.MessagesPerSecond <= 1e6, "messagesPerSecond", "must be 0 for no ceiling, or at least 0.01")
	c.that(e.Kind == migration.KindIMAP || e.Kind == migration.KindOffice365 || e.Kind == migration.KindGmail, "type", "must be imap, office365 or gmail")
	c.loginMethod(e.Login)
	for name, budget := range map[string]int64{"bytesPerDayDown": e.Limits.BytesPerDayDown, "bytesPerDayUp": e.Limits.BytesPerDayUp} {
		c.that(budget == 0 || budget >= leastBudget, name, "must be 0 for any number, or at least %d", leastBudget)
	}
}

// spec checks what an endpoint is to be made of, and gives it with its secret.
func (s *Service) spec(c *checks, spec EndpointSpec) (migration.EndpointRecord, Password) {
	e := spec.record()
	_, known := tlsVersions[spec.MinTLS]
	c.that(known, "minTls", "must be 1.0, 1.1, 1.2 or 1.3")
	c.defaultFolders(&e, spec.DefaultFolders)
	c.endpoint(e)
	if e.Login.Form == migration.LoginOffice365 {
		c.settings(e.Login.App, s.tokenHosts)
	}
	s.graph(c, e.Login)
	given := c.credential(e.Login.Form, credentials(spec.AdminPassword, spec.ClientSecret, spec.Certificate, spec.ServiceAccount))
	s.secretFits(c, e.Login, given)
	e.Login.App.Credential = given.kind()
	return e, given.value
}

// SignIn checks an endpoint that is not to be stored, and gives it with the secret that
// it signs in with, if it has one. An error is a *Problem with every mistake.
func (spec EndpointSpec) SignIn() (migration.EndpointRecord, secret.Text, error) {
	var c checks
	e, value := (&Service{}).spec(&c, spec)
	return e, value.Text(), c.err()
}

// secretFits checks the secret of a login method.
func (s *Service) secretFits(c *checks, m migration.LoginMethod, given credential) {
	if fields := wanted(m.Form); given.value == "" {
		c.that(len(fields) == 0, strings.Join(fields, " or "), "is missing: login %s needs it", m.Form)
		return
	}
	if m.Form.HasToken() {
		c.authority(m, given, s.tokenHosts)
		return
	}
	c.password("adminPassword", given.value)
}

// JudgeEndpoint says what CreateEndpoint would find wrong without asking a server.
func (s *Service) JudgeEndpoint(ctx context.Context, actor Actor, spec EndpointSpec) error {
	if err := permit(actor, EndpointCreate); err != nil {
		return err
	}
	var c checks
	s.spec(&c, spec)
	if err := c.err(); err != nil {
		return err
	}
	return s.store.View(ctx, "looking for the endpoint", func(tx Tx) error {
		switch _, err := tx.Endpoint(spec.Name); {
		case err == nil:
			return nameTaken()
		case errors.Is(err, migration.ErrNotFound):
			return nil
		default:
			return err
		}
	})
}

func nameTaken() error {
	return &Problem{Kind: Conflict, Code: "name-taken", Detail: "The migration endpoint already exists.", Remedy: "Choose another name."}
}

// CreateEndpoint makes an endpoint. Unless verification is skipped it is tested
// first, and only made when the test goes well.
func (s *Service) CreateEndpoint(ctx context.Context, actor Actor, spec EndpointSpec, skipVerification bool) (Endpoint, error) {
	if err := permit(actor, EndpointCreate); err != nil {
		return Endpoint{}, err
	}
	var c checks
	e, value := s.spec(&c, spec)
	if err := c.err(); err != nil {
		return Endpoint{}, err
	}
	e.AdminSecret = s.keys.SealAlone(value.Text(), adminBinding(e))
	e.CreatedBy = actor.Name
	if !skipVerification {
		learned, err := s.verify(ctx, e, value)
		if err != nil {
			return Endpoint{}, err
		}
		e.Learned = learned
	}
	err := s.change(ctx, "creating the endpoint", func(tx Tx) error {
		fresh := e
		if err := tx.CreateEndpoint(&fresh); err != nil {
			if errors.Is(err, migration.ErrNameTaken) {
				return nameTaken()
			}
			return err
		}
		e.Created, e.Version = fresh.Created, fresh.Version
		told := map[string]any{"server": e.Address(), "security": e.Security, "verified": !skipVerification}
		if e.Login.App.GraphFolders {
			told["graphFolders"] = true
		}
		if len(e.DefaultFolders) > 0 {
			told["defaultFolders"] = e.DefaultFolders
		}
		return s.record(tx, actor, EndpointCreate, "endpoint/"+e.Name, told)
	})
	return s.endpointView(e, nil), err
}

// Endpoints gives all endpoints by name.
func (s *Service) Endpoints(ctx context.Context, actor Actor) ([]Endpoint, error) {
	if err := permit(actor, EndpointLook); err != nil {
		return nil, err
	}
	views := []Endpoint{}
	err := s.store.View(ctx, "listing the endpoints", func(tx Tx) error {
		views = views[:0]
		records, err := tx.Endpoints()
		for _, e := range records {
			var batches []string
			if batches, err = tx.BatchesOf(e.ID); err != nil {
				break
			}
			views = append(views, s.endpointView(e, batches))
		}
		return err
	})
	return views, err
}

// Endpoint gives the endpoint of that name.
func (s *Service) Endpoint(ctx context.Context, actor Actor, name string) (view Endpoint, err error) {
	if err := permit(actor, EndpointLook); err != nil {
		return Endpoint{}, err
	}
	err = s.store.View(ctx, "reading the endpoint", func(tx Tx) error {
		e, err := tx.Endpoint(name)
		if err != nil {
			return err
		}
		batches, err := tx.BatchesOf(e.ID)
		view = s.endpointView(e, batches)
		return err
	})
	return view, problem(endpointNamed(name), err)
}

func endpointNamed(name string) string {
	return fmt.Sprintf("the endpoint %q", migration.SafeText(name))
}

// DeleteEndpoint deletes an endpoint that no batch uses.
func (s *Service) DeleteEndpoint(ctx context.Context, actor Actor, name string) error {
	if err := permit(actor, EndpointDelete); err != nil {
		return err
	}
	err := s.change(ctx, "deleting the endpoint", func(tx Tx) error {
		e, err := tx.Endpoint(name)
		if err != nil {
			return err
		}
		batches, err := tx.BatchesOf(e.ID)
		if err != nil {
			return err
		}
		if len(batches) > 0 {
			return &Problem{Kind: Conflict, Code: "in-use", Detail: fmt.Sprintf("The endpoint is used by the batch %s.", strings.Join(batches, ", ")),
				Remedy: "Delete the batch first."}
		}
		if err := tx.DeleteEndpoint(e.ID); err != nil {
			return err
		}
		return s.record(tx, actor, EndpointDelete, "endpoint/"+e.Name, nil)
	})
	if err == nil {
		err = s.scrub(ctx)
	}
	return problem(endpointNamed(name), err)
}

// mailboxesOf goes through the mailboxes of a batch a page at a time.
func mailboxesOf(tx MailboxTx, batch int64) func(yield func(migration.MailboxRecord, error) bool) {
	return func(yield func(migration.MailboxRecord, error) bool) {
		filter := migration.MailboxFilter{Batch: batch, Limit: maxLimit}
		for {
			page, err := tx.Mailboxes(filter)
			if err != nil {
				yield(migration.MailboxRecord{}, err)
				return
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
			}
			if len(page) < filter.Limit {
				return
			}
			filter.After = page[len(page)-1].ID
		}
	}
}

// secretOf seals the password of a row.
func secretOf(key secret.DataKey, password secret.Text, e migration.EndpointRecord, batch, address string, side Side) []byte {
	if e.Login.Form.HasAdmin() {
		return nil
	}
	return key.Seal(password, rowBinding(e, batch, address, side))
}
