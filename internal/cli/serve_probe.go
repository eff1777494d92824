package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// visitor visits servers while an operator waits: it tests and calibrates endpoints, and
// reads folders and single messages of sources.
type visitor struct {
	// dial makes connections; it refuses addresses that the policy does.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	log  *slog.Logger
	// doorman signs in.
	doorman *doorman
}

var (
	_ control.Prober = visitor{}
	_ control.Source = visitor{}
)

// The longest an operator waits for a test, for a server to list its folders or to find
// a message, and for a calibration.
const (
	probeTime = 60 * time.Second
	visitTime = 2 * time.Minute
	// calibrateTime leaves room for deleting the folder before the answer is due.
	calibrateTime = 40 * time.Second
)

// stepNames are the session's steps as the test calls them. Those that are not here
// are part of another.
var stepNames = map[imap.Step]string{
	imap.StepResolve: "resolve", imap.StepConnect: "connect", imap.StepTLS: "tls", imap.StepGreeting: "greeting",
	imap.StepCapability: "greeting", imap.StepLogin: "sign-in", imap.StepFolders: "folders",
}

// probe is a test under way.
type probe struct {
	steps map[string]control.ProbeStep
	tls   string
}

// note keeps what became of a step. What a server said before it was known to speak
// IMAP is not repeated: the address may be any server's.
func (p *probe) note(step imap.Step, detail string, err error) {
	name := stepNames[step]
	s := control.ProbeStep{Step: name, Result: control.StepOK}
	if step == imap.StepTLS || step == imap.StepFolders || step == imap.StepLogin {
		s.Detail = migration.SafeText(detail)
	}
	if step == imap.StepTLS && err == nil {
		p.tls = s.Detail
	}
	if err != nil {
		s.Result, s.Code, s.Detail = control.StepFailed, migration.CodeOf(err), migration.SafeText(err.Error())
		if fault := migration.FaultOf(err); fault != nil {
			s.Remedy = asSetting.Replace(fault.Remedy)
		}
	}
	p.steps[name] = s
}

// asSetting puts the server's words where a remedy names the flags of copy.
var asSetting = strings.NewReplacer("trust its key: --pin ", "trust its key by setting the endpoint's pin to ",
	"trust the new one: --pin ", "trust the new one by setting the endpoint's pin to ",
	"name its certificate with --ca FILE", "give its certificate as the endpoint's CA",
	"Run the same command again", "Start the mailbox again", "run again with --accept-rebuilt", "retry this mailbox, which takes the folder as it is")

// all gives the steps in their order; those that were not reached were skipped.
func (p *probe) all() []control.ProbeStep {
	var steps []control.ProbeStep
	for _, name := range control.ProbeSteps() {
		s, reached := p.steps[name]
		if !reached {
			s = control.ProbeStep{Step: name, Result: control.StepSkipped}
		}
		steps = append(steps, s)
	}
	return steps
}

// Probe tests an endpoint.
func (v visitor) Probe(ctx context.Context, account control.Account) ([]control.ProbeStep, *migration.Learned) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	p := &probe{steps: map[string]control.ProbeStep{}}
	session, err := v.session(ctx, account, p.note)
	if err != nil {
		// Who of several is refused is known only after the step.
		if s := p.steps[stepNames[imap.StepLogin]]; s.Result == control.StepFailed {
			p.note(imap.StepLogin, "", err)
		}
		return p.all(), nil
	}
	defer session.Close()
	if session.SignedIn() {
		folders, err := session.Folders(ctx)
		own := slices.DeleteFunc(folders, func(f migration.Folder) bool { return f.Space != migration.Personal || !f.Selectable })
		p.note(imap.StepFolders, counted(len(own), "folder", "folders"), err)
		if err == nil {
			p.noteDefaults(ctx, v.doorman.defaults(account))
		}
	}
	profile := session.Profile()
	return p.all(), &migration.Learned{At: time.Now().UTC().Truncate(time.Second), Server: migration.SafeText(profile.Server), TLS: p.tls, Pin: session.Pin(),
		RoundTrip: profile.RoundTrip, Extensions: profile.Capabilities, SignIn: p.signIn(account, session.SignedIn())}
}

// signIn says what the test can tell of a credential that opens every mailbox, where it
// has opened none.
func (p *probe) signIn(account control.Account, signedIn bool) string {
	form := account.Login.Form
	switch {
	case signedIn || !form.HasAdmin():
		return ""
	case form == migration.LoginKerio:
		return "not tested: the master password can be tested with the user name of a mailbox only (--user)"
	}
	return p.steps[stepNames[imap.StepLogin]].Detail
}

// noteDefaults adds to the folders whether Microsoft Graph tells the default ones, if
// it is to be asked. The test does not fail when it does not: a pass goes on without.
func (p *probe) noteDefaults(ctx context.Context, defaults mailsync.Defaults) {
	if defaults.Ask == nil {
		return
	}
	s := p.steps[stepNames[imap.StepFolders]]
	told, finding := defaults.Ask(ctx)
	if finding != nil {
		s.Detail, s.Remedy = s.Detail+"; "+migration.SafeText(finding.Reason), finding.Remedy
	} else {
		s.Detail += "; Microsoft Graph tells the default ones: " + told.String()
	}
	p.steps[s.Step] = s
}

// Calibrate measures what a server keeps.
func (v visitor) Calibrate(ctx context.Context, account control.Account) (migration.Calibration, error) {
	ctx, cancel := context.WithTimeout(ctx, calibrateTime)
	defer cancel()
	calibration, err := mailsync.Calibrate(ctx, func(ctx context.Context) (mailsync.Bench, error) {
		session, err := v.session(ctx, account, nil)
		if err != nil {
			return nil, err
		}
		return targetSession{session}, nil
	})
	if fault := migration.FaultOf(err); fault != nil {
		fault.Remedy = asSetting.Replace(fault.Remedy)
	}
	return calibration, err
}

// session dials and signs in as the login form has it; without a user as the
// administrator himself, if there is one.
func (v visitor) session(ctx context.Context, account control.Account, steps func(imap.Step, string, error)) (*imap.Session, error) {
	options := imap.Options{Endpoint: account.Endpoint, Root: account.Root, Dial: v.dial, Steps: steps, Log: v.log}
	form := account.Login.Form
	if account.User != "" || form.NamesAdmin() && !actsForOthersOnly(form) {
		return v.doorman.open(ctx, account, options)
	}
	session, err := imap.Dial(ctx, options)
	if err != nil || form == migration.LoginUser || form == migration.LoginKerio {
		return session, err
	}
	detail := ""
	if form.HasToken() {
		detail, err = v.doorman.token(ctx, account)
	} else {
		options.Steps = nil
		session, detail, err = v.alone(ctx, account, options, session)
	}
	steps(imap.StepLogin, detail, err)
	if err != nil {
		_ = session.Close()
		return nil, err
	}
	return session, nil
}

// actsForOthersOnly reports whether an administrator of the form needs no mailbox of his
// own, so that he may be let in for others and not as himself: with Dovecot he may be a
// master user and no more.
func actsForOthersOnly(form migration.LoginForm) bool {
	return form == migration.LoginMaster || form == migration.LoginAuthzid
}

// signsInAsHimself are makes of servers, as they greet, whose administrators have an
// account like any other: that one is not let in is a fault with them.
var signsInAsHimself = []string{"Cyrus", "Zimbra"}

// littleSaid is what a refusal of an administrator as himself tells.
const littleSaid = "the administrator is not let in as himself, which says little with this login form; test with the user name of a mailbox (--user) to know"

// alone has such an administrator sign in as himself. That he is not let in tells
// nothing, unless the server is one where he must be. It gives the session to go on with,
// which with authzid is the administrator's: he has a mailbox if he is let in.
func (v visitor) alone(ctx context.Context, account control.Account, options imap.Options, outside *imap.Session) (session *imap.Session, detail string, err error) {
	inside, err := v.doorman.open(ctx, account, options)
	server := outside.Profile().Server
	must := account.Login.Form == migration.LoginAuthzid && slices.ContainsFunc(signsInAsHimself, func(known string) bool { return strings.Contains(server, known) })
	switch {
	case err == nil && account.Login.Form == migration.LoginAuthzid:
		_ = outside.Close()
		return inside, migration.SafeText(account.Login.Admin), nil
	case err == nil:
		_ = inside.Close()
		return outside, "the administrator is let in", nil
	case migration.ClassOf(err) == migration.Login && !must:
		return outside, littleSaid, nil
	default:
		return outside, "", err
	}
}

// Folders lists the folders of a source with what the rules make of each.
func (v visitor) Folders(ctx context.Context, account control.Account, exclude, include []migration.FolderRule) ([]control.FolderHit, error) {
	ctx, cancel := context.WithTimeout(ctx, visitTime)
	defer cancel()
	session, err := v.session(ctx, account, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	choices, err := v.choices(ctx, session, account, mailsync.Job{Exclude: exclude, Include: include})
	if err != nil {
		return nil, err
	}
	if err := count(ctx, session, choices); err != nil {
		return nil, err
	}
	var hits []control.FolderHit
	for _, c := range choices {
		hit := control.FolderHit{Folder: strings.Join(c.Levels, "/"), Taken: c.Taken, Rule: c.Rule}
		if c.Folder.Status != nil {
			hit.Messages = int64(c.Folder.Status.Messages)
		}
		hits = append(hits, hit)
	}
	return hits, nil
}

// count asks a server for the messages of the folders that it did not count in its list.
func count(ctx context.Context, session *imap.Session, choices []mailsync.Choice) error {
	var names []string
	var which []int
	for i, c := range choices {
		if c.Folder.Status == nil && c.Folder.Selectable {
			names, which = append(names, c.Holder), append(which, i)
		}
	}
	if len(names) == 0 {
		return nil
	}
	found, err := session.Status(ctx, names)
	if err != nil {
		return err
	}
	for i, status := range found {
		choices[which[i]].Folder.Status = status
	}
	return nil
}

func (v visitor) choices(ctx context.Context, session *imap.Session, account control.Account, job mailsync.Job) ([]mailsync.Choice, error) {
	folders, err := session.Folders(ctx)
	if err != nil {
		return nil, err
	}
	job.SourceRoot, job.Labels, job.SourceDefaults = account.Root, account.Labels, v.doorman.defaults(account)
	return mailsync.Choices(ctx, folders, session.Profile(), job)
}

// Message gives a message of a source. The session lives as long as it is read.
func (v visitor) Message(ctx context.Context, account control.Account, folder string, uid migration.UID) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	message, err := v.message(ctx, cancel, account, folder, uid)
	if err != nil {
		cancel()
	}
	return message, err
}

func (v visitor) message(ctx context.Context, cancel func(), account control.Account, folder string, uid migration.UID) (io.ReadCloser, error) {
	giveUp := time.AfterFunc(visitTime, cancel)
	defer giveUp.Stop()
	session, err := v.session(ctx, account, nil)
	if err != nil {
		return nil, err
	}
	raw, err := v.rawName(ctx, session, account, folder)
	if err == nil {
		_, err = session.Open(ctx, migration.Open{Folder: raw, ReadOnly: true})
	}
	if err != nil {
		session.Close()
		return nil, err
	}
	reader, writer := io.Pipe()
	begun := make(chan error, 1)
	go func() {
		defer session.Close()
		err := session.Bodies(ctx, migration.NewUIDSet(uid), func(body migration.Body) error {
			select {
			case begun <- nil:
			default:
			}
			_, err := io.Copy(writer, body.Reader)
			return err
		})
		writer.CloseWithError(err)
		if err == nil {
			err = fmt.Errorf("the message is no longer at the source: %w", migration.ErrNotFound)
		}
		select {
		case begun <- err: // it has not begun
		default:
		}
	}()
	if err := <-begun; err != nil {
		return nil, err
	}
	return visited{reader, cancel}, nil
}

// rawName finds the folder that goes by a name in the findings.
func (v visitor) rawName(ctx context.Context, session *imap.Session, account control.Account, folder string) (string, error) {
	choices, err := v.choices(ctx, session, account, mailsync.Job{})
	if err != nil {
		return "", err
	}
	for _, c := range choices {
		if c.Folder.Name == folder {
			return c.Holder, nil
		}
	}
	return "", fmt.Errorf("the folder is no longer at the source: %w", migration.ErrNotFound)
}

// visited is a message that is being read; closing it ends the visit.
type visited struct {
	*io.PipeReader
	cancel func()
}

func (v visited) Close() error {
	v.cancel()
	return v.PipeReader.Close()
}
