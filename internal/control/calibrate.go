package control

import (
	"context"
	"errors"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// CalibrationSpec is the mailbox that an endpoint is calibrated with.
type CalibrationSpec struct {
	Mailbox  string   `json:"mailbox" doc:"User name of a mailbox of the endpoint, into which the messages may be put for a moment"`
	Password Password `json:"password,omitempty" doc:"Its password, unless the endpoint has an administrator"`
}

// Calibration is what a server was measured to keep of messages.
type Calibration struct {
	At       time.Time `json:"at"`
	Mailbox  string    `json:"mailbox" doc:"Where it was measured"`
	Strength string    `json:"strength,omitempty" enum:"exact,plain,canonical,none" doc:"Strongest comparison that finds copies equal to their originals; empty when no copy could be read"`
	Untold   []string  `json:"untold,omitempty" doc:"Kinds of messages that no comparison tells"`
	Follows  string    `json:"follows" doc:"What passes make of it"`
	Measures []Measure `json:"measures"`
	Left     string    `json:"left,omitempty" doc:"The folder it was measured in, if that could not be deleted"`
	Reason   string    `json:"leftReason,omitempty" doc:"Why it could not be deleted"`
}

// Measure is what was found of one quality.
type Measure struct {
	Quality string `json:"quality" enum:"bytes,headers,size,date,future date,flags,keywords,appenduid,messages,8-bit header,long line"`
	Verdict string `json:"verdict" enum:"ok,differs,refused,unknown"`
	Detail  string `json:"detail,omitempty"`
}

// JudgeCalibration says what CalibrateEndpoint would find wrong without asking a server.
func (s *Service) JudgeCalibration(ctx context.Context, actor Actor, name string, spec CalibrationSpec) error {
	if err := permit(actor, EndpointCalibrate); err != nil {
		return err
	}
	_, _, err := s.calibrated(ctx, name, spec)
	return err
}

// CalibrateEndpoint measures what the endpoint's server keeps of messages, and stores
// that with the endpoint, unless it was pointed elsewhere meanwhile.
func (s *Service) CalibrateEndpoint(ctx context.Context, actor Actor, name string, spec CalibrationSpec) (Calibration, error) {
	if err := permit(actor, EndpointCalibrate); err != nil {
		return Calibration{}, err
	}
	e, account, err := s.calibrated(ctx, name, spec)
	if err != nil {
		return Calibration{}, err
	}
	measured, failure := s.prober.Calibrate(ctx, account)
	measured.Mailbox = spec.Mailbox
	// What was done to the mailbox is recorded although whoever asked has gone.
	kept := false
	err = s.change(context.WithoutCancel(ctx), "keeping the calibration", func(tx Tx) (err error) {
		if failure == nil {
			if kept, err = keep(tx, e, measured); err != nil {
				return err
			}
		}
		detail := map[string]any{"server": e.Address(), "mailbox": spec.Mailbox, "ok": failure == nil, "left": measured.Left}
		if failure == nil {
			detail["strength"] = measured.Strength
		}
		return s.record(tx, actor, EndpointCalibrate, "endpoint/"+e.Name, detail)
	})
	switch {
	case err != nil:
		return Calibration{}, problem(endpointNamed(name), err)
	case failure != nil:
		return Calibration{}, unreachable(failure)
	case !kept:
		return Calibration{}, &Problem{Kind: Changed, Code: "changed", Detail: "The endpoint is another server's meanwhile, so that what was measured is worth nothing.", Remedy: "Calibrate it again."}
	}
	return *calibrationView(&measured), nil
}

// keep stores what was measured, if the endpoint is still that server's.
func keep(tx Tx, e migration.EndpointRecord, measured migration.Calibration) (bool, error) {
	now, err := tx.EndpointByID(e.ID)
	if errors.Is(err, migration.ErrNotFound) || err == nil && now.Address() != e.Address() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now.Calibration = &measured
	return true, tx.SaveEndpoint(&now)
}

// calibrated gives the endpoint, and the account that opens the mailbox.
func (s *Service) calibrated(ctx context.Context, name string, spec CalibrationSpec) (e migration.EndpointRecord, account Account, err error) {
	var c checks
	c.user("mailbox", spec.Mailbox)
	c.password("password", spec.Password)
	if err := c.err(); err != nil {
		return e, account, err
	}
	if s.prober == nil {
		return e, account, &Problem{Kind: Unavailable, Code: "no-test", Detail: "Endpoints can't be calibrated here."}
	}
	if e, err = s.testedEndpoint(ctx, TestSpec{Name: name}); err != nil {
		return e, account, err
	}
	if e.Login.Form == migration.LoginUserRoot {
		return e, account, &Problem{Kind: Refused, Code: "refused", Detail: "With the login userroot the administrator has no mailbox of a person open, but his own.",
			Remedy: "Make another endpoint for this server, with the login user, and calibrate that."}
	}
	account = Account{Endpoint: e.Endpoint, Login: e.Login, User: spec.Mailbox, Password: spec.Password.Text()}
	if e.Login.Form.HasAdmin() {
		if account.Password, err = adminOf(s.keys, e); err != nil {
			return e, account, refused(endpointNamed(e.Name), "the secret it signs in with: "+err.Error())
		}
	}
	return e, account, nil
}

func calibrationView(m *migration.Calibration) *Calibration {
	if m == nil {
		return nil
	}
	view := &Calibration{At: m.At, Mailbox: m.Mailbox, Strength: string(m.Strength), Untold: m.Untold, Follows: m.Follows(), Measures: []Measure{}, Left: m.Left, Reason: migration.SafeText(m.LeftReason)}
	for _, one := range m.Measures {
		view.Measures = append(view.Measures, Measure{string(one.Quality), string(one.Verdict), migration.SafeText(one.Detail)})
	}
	return view
}
