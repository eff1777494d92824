package control

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// MailServer is the mail server that reports go through.
type MailServer struct {
	Host     string
	Port     int
	Security migration.Security
	// User and Password sign in; nobody does when User is empty.
	User     string
	Password secret.Text
	From     string
	// CA is a PEM bundle instead of the system's authorities.
	CA []byte
	// Fixed: the server was started with it. Whoever starts it may reach any host;
	// where another mail server is, the DialPolicy judges.
	Fixed bool
}

// Address is host and port.
func (m MailServer) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// FixedSettings are those that the server was started with.
type FixedSettings struct {
	// Mail and KeepCompleted are nil where they can be set while the server runs.
	Mail          *MailServer
	KeepCompleted *time.Duration
}

// Mailer sends mail to see whether it can be sent.
type Mailer interface {
	// SendTest sends a mail now. An error is for people to read and holds no secret; a
	// *migration.Fault in its chain has the remedy.
	SendTest(ctx context.Context, server MailServer, to string) error
}

// SettingReader reads single values.
type SettingReader interface {
	Setting(name string) (string, error)
}

// keptSettings are the settings as they are stored.
type keptSettings struct {
	Version       int64         `json:"version"`
	Mail          *keptMail     `json:"mail,omitempty"`
	KeepCompleted time.Duration `json:"keepCompleted,omitempty"`
}

// keptMail is a mail server as it is stored: with its password sealed, and port 0
// where it goes by the security.
type keptMail struct {
	Host     string             `json:"host"`
	Port     int                `json:"port,omitempty"`
	Security migration.Security `json:"security"`
	User     string             `json:"user,omitempty"`
	Password []byte             `json:"password,omitempty"`
	From     string             `json:"from"`
	CA       string             `json:"ca,omitempty"`
}

// The ports that mail is submitted to (RFC 8314 section 3.3).
const (
	submissionPort  = 587
	submissionsPort = 465
)

func (k keptMail) port() int {
	if k.Security == migration.Implicit {
		return cmp.Or(k.Port, submissionsPort)
	}
	return cmp.Or(k.Port, submissionPort)
}

// binding is where the password may be used.
func (k keptMail) binding() secret.Binding {
	return secret.Binding{Purpose: "mail server's password", Host: k.Host, Port: k.port(), Security: string(k.Security), Address: k.User}
}

func readSettings(tx SettingReader) (kept keptSettings, err error) {
	text, err := tx.Setting(settingAll)
	if errors.Is(err, migration.ErrNotFound) {
		return keptSettings{Version: 1}, nil
	}
	if err == nil {
		if err = json.Unmarshal([]byte(text), &kept); err != nil {
			err = fmt.Errorf("reading the settings: %w", err)
		}
	}
	return kept, err
}

func saveSettings(tx SettingTx, kept keptSettings) error {
	text, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	return tx.SetSetting(settingAll, string(text))
}

// SendsMail reports whether there is a mail server just now.
func (s *Service) SendsMail(tx SettingReader) (bool, error) {
	if s.fixed.Mail != nil {
		return true, nil
	}
	kept, err := readSettings(tx)
	return kept.Mail != nil, err
}

// KeepCompleted is how long the records of a completed batch stay just now; 0 is until
// they are deleted.
func (s *Service) KeepCompleted(tx SettingReader) (time.Duration, error) {
	if s.fixed.KeepCompleted != nil {
		return *s.fixed.KeepCompleted, nil
	}
	kept, err := readSettings(tx)
	return kept.KeepCompleted, err
}

// MailServer gives the mail server just now; false when there is none.
func (s *Service) MailServer(ctx context.Context) (server MailServer, found bool, err error) {
	if s.fixed.Mail != nil {
		return *s.fixed.Mail, true, nil
	}
	var kept keptSettings
	err = s.store.View(ctx, "reading the settings", func(tx Tx) (err error) {
		kept, err = readSettings(tx)
		return err
	})
	if err != nil || kept.Mail == nil {
		return MailServer{}, false, err
	}
	k := *kept.Mail
	server = MailServer{Host: k.Host, Port: k.port(), Security: k.Security, User: k.User, From: k.From, CA: []byte(k.CA)}
	if server.Password, err = s.keys.OpenAlone(k.Password, k.binding()); err != nil {
		return MailServer{}, false, fmt.Errorf("opening the password of the mail server: %w", err)
	}
	return server, true, nil
}

// settingsView shows the settings in force.
func (s *Service) settingsView(kept keptSettings) Settings {
	view := Settings{SMTP: SMTP{Port: submissionPort, Security: string(migration.StartTLS)}, KeepCompletedSeconds: int64(kept.KeepCompleted / time.Second), Version: kept.Version}
	if m := s.fixed.Mail; m != nil {
		view.SMTP = SMTP{m.Host, m.Port, string(m.Security), m.User, !m.Password.Empty(), m.From, string(m.CA), true}
	} else if k := kept.Mail; k != nil {
		password, err := s.keys.OpenAlone(k.Password, k.binding())
		view.SMTP = SMTP{k.Host, k.port(), string(k.Security), k.User, err == nil && !password.Empty(), k.From, k.CA, false}
	}
	if keep := s.fixed.KeepCompleted; keep != nil {
		view.KeepCompletedSeconds, view.KeepCompletedFixed = int64(*keep/time.Second), true
	}
	return view
}

// Settings gives the settings in force.
func (s *Service) Settings(ctx context.Context, actor Actor) (view Settings, err error) {
	if err := permit(actor, SettingLook); err != nil {
		return Settings{}, err
	}
	err = s.store.View(ctx, "reading the settings", func(tx Tx) error {
		kept, err := readSettings(tx)
		view = s.settingsView(kept)
		return err
	})
	return view, err
}

// SetSettings changes the settings if they still have the version; 0 is any. All nodes
// go by them from then on.
func (s *Service) SetSettings(ctx context.Context, actor Actor, patch SettingsPatch, version int64) (view Settings, err error) {
	if err := permit(actor, SettingSet); err != nil {
		return Settings{}, err
	}
	if err := s.changeable(patch); err != nil {
		return Settings{}, err
	}
	err = s.changeVersion(ctx, "changing the settings", version, func(tx Tx) error {
		if err := alone(tx); err != nil {
			return err
		}
		before, err := readSettings(tx)
		if err != nil {
			return err
		}
		if version != 0 && before.Version != version {
			return migration.ErrChanged
		}
		if patch == (SettingsPatch{}) {
			view = s.settingsView(before)
			return nil
		}
		after, err := s.patchedSettings(before, patch)
		if err != nil {
			return err
		}
		after.Version++
		if err := saveSettings(tx, after); err != nil {
			return err
		}
		view = s.settingsView(after)
		return s.record(tx, actor, SettingSet, "settings", toldSettings(before, after, patch))
	})
	return view, problem("the settings", err)
}

// changeable refuses to change what the server was started with.
func (s *Service) changeable(patch SettingsPatch) error {
	fixed := func(what string) error {
		return &Problem{Kind: Refused, Code: "fixed", Detail: fmt.Sprintf("The server was started with %s, which can't be changed here.", what),
			Remedy: "Change its command line, environment or settings file, or take it out there, and start the server again."}
	}
	switch {
	case patch.SMTP != nil && s.fixed.Mail != nil:
		return fixed("a mail server")
	case patch.KeepCompletedSeconds != nil && s.fixed.KeepCompleted != nil:
		return fixed("keep-completed")
	}
	return nil
}

// The bounds of how long records stay.
const (
	leastKept = time.Hour
	mostKept  = 3660 * day
)

// patchedSettings gives the settings with the changes, checked.
func (s *Service) patchedSettings(kept keptSettings, patch SettingsPatch) (keptSettings, error) {
	var c checks
	if seconds := patch.KeepCompletedSeconds; seconds != nil {
		c.that(*seconds == 0 || *seconds >= int64(leastKept/time.Second) && *seconds <= int64(mostKept/time.Second), "keepCompletedSeconds",
			"must be 0 for until they are deleted, or from %d (an hour) to %d (ten years)", int64(leastKept/time.Second), int64(mostKept/time.Second))
		kept.KeepCompleted = time.Duration(*seconds) * time.Second
	}
	if patch.SMTP != nil && *patch.SMTP != (SMTPPatch{}) {
		kept.Mail = s.patchedMail(&c, kept.Mail, *patch.SMTP)
	}
	return kept, c.err()
}

// patchedMail gives the mail server with the changes, nil for none.
func (s *Service) patchedMail(c *checks, before *keptMail, patch SMTPPatch) *keptMail {
	k := keptMail{Security: migration.StartTLS}
	if before != nil {
		k = *before
	}
	bound := k.binding()
	set(&k.Host, patch.Host)
	set(&k.Port, patch.Port)
	set(&k.User, patch.User)
	set(&k.From, patch.From)
	set(&k.CA, patch.CA)
	if patch.Security != nil {
		k.Security = migration.Security(*patch.Security)
	}
	if patch.Host != nil && *patch.Host == "" {
		return nil
	}
	given := patch.Password != nil && *patch.Password != ""
	if k.binding() != bound || k.User == "" {
		k.Password = nil
	}
	if given {
		c.password("smtp.password", *patch.Password)
		k.Password = s.keys.SealAlone(patch.Password.Text(), k.binding())
	}
	c.mail(k)
	switch {
	case k.User == "":
		c.that(!given, "smtp.password", "has no use without a user")
	case before != nil && len(before.Password) > 0:
		c.that(len(k.Password) > 0, "smtp.password", "must be given again: it was given for another host, port, security or user")
	default:
		c.that(len(k.Password) > 0, "smtp.password", "is missing: the user signs in with one")
	}
	return &k
}

// mail checks a mail server but for its password.
func (c *checks) mail(k keptMail) {
	c.host("smtp.host", k.Host)
	c.between("smtp.port", k.Port, 0, 65535)
	c.that(slices.Contains([]migration.Security{migration.StartTLS, migration.Implicit, migration.Cleartext}, k.Security), "smtp.security", "must be starttls, implicit or none")
	c.that(k.From != "", "smtp.from", "is missing: the address that reports come from")
	if k.From != "" {
		c.email("smtp.from", k.From)
	}
	if k.User != "" {
		c.user("smtp.user", k.User)
	}
	c.that(k.User == "" || k.Security != migration.Cleartext, "smtp.user", "can't sign in without TLS: a password is only sent over TLS")
	c.authorities("smtp.ca", k.CA)
}

// toldSettings is what the audit log says of a change.
func toldSettings(before, after keptSettings, patch SettingsPatch) map[string]any {
	told := map[string]any{}
	if patch.KeepCompletedSeconds != nil {
		told["keepCompletedSeconds"] = map[string]any{"was": before.KeepCompleted.Seconds(), "is": after.KeepCompleted.Seconds()}
	}
	if patch.SMTP != nil {
		told["smtp"] = map[string]any{"was": before.Mail.told(), "is": after.Mail.told(), "password": patch.SMTP.Password != nil}
	}
	return told
}

func (k *keptMail) told() map[string]any {
	if k == nil {
		return nil
	}
	return map[string]any{"server": net.JoinHostPort(k.Host, strconv.Itoa(k.port())), "security": k.Security, "user": k.User, "from": k.From, "ca": k.CA != ""}
}

// JudgeTestMail says what TestMail would find wrong without sending anything.
func (s *Service) JudgeTestMail(ctx context.Context, actor Actor, spec MailTest) error {
	_, _, err := s.testedMail(ctx, actor, spec)
	return err
}

// TestMail sends a mail now through the mail server in force. That the server does not
// take it is an answer and no error.
func (s *Service) TestMail(ctx context.Context, actor Actor, spec MailTest) (tested MailTested, err error) {
	server, to, err := s.testedMail(ctx, actor, spec)
	if err != nil {
		return MailTested{}, err
	}
	if err := s.mailer.SendTest(ctx, server, to); err != nil {
		tested.Detail = secret.NewScrubber(server.Password.Reveal()).Scrub(migration.SafeText(err.Error()))
		tested.Code = migration.CodeOf(err)
		if fault := migration.FaultOf(err); fault != nil {
			tested.Remedy = fault.Remedy
		}
	} else {
		tested = MailTested{OK: true, Detail: fmt.Sprintf("%s has taken the mail to %s for delivery", server.Address(), to)}
	}
	err = s.change(ctx, "noting the test mail", func(tx Tx) error {
		return s.record(tx, actor, SettingTest, "settings", map[string]any{"server": server.Address(), "to": to, "ok": tested.OK})
	})
	return tested, err
}

// testedMail is the mail server to test, and whom the mail goes to.
func (s *Service) testedMail(ctx context.Context, actor Actor, spec MailTest) (server MailServer, to string, err error) {
	if err := permit(actor, SettingTest); err != nil {
		return server, "", err
	}
	var c checks
	to = cmp.Or(spec.To, actor.Email)
	c.that(to != "", "to", "is missing, and you have no address of your own")
	if to != "" {
		c.email("to", to)
	}
	if err := c.err(); err != nil {
		return server, "", err
	}
	if s.mailer == nil {
		return server, "", &Problem{Kind: Unavailable, Code: "no-test", Detail: "Mail can't be sent here."}
	}
	server, found, err := s.MailServer(ctx)
	if err == nil && !found {
		err = &Problem{Kind: Refused, Code: "no-mail-server", Detail: "There is no mail server to send through.", Remedy: "Set one first."}
	}
	return server, to, err
}

// rotateSettings wraps the key of the mail server's password anew.
func (s *Service) rotateSettings(tx Tx) (int, error) {
	if err := alone(tx); err != nil {
		return 0, err
	}
	kept, err := readSettings(tx)
	if err != nil || kept.Mail == nil || len(kept.Mail.Password) == 0 {
		return 0, err
	}
	anew, changed, err := s.keys.RewrapAlone(kept.Mail.Password)
	if err != nil {
		return 0, refused("the mail server's password", "it can't be opened: "+err.Error())
	}
	if !changed {
		return 0, nil
	}
	kept.Mail.Password = anew
	return 1, saveSettings(tx, kept)
}
