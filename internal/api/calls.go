package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/control"
	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// get asks for one thing.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodGet, path: path, query: query})
}

// list asks for a whole list that comes in one page.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	page, err := get[pageOf[T]](ctx, c, path, nil)
	return page.Items, err
}

// each asks for page after page.
func each[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := url.Values(http.Header(query).Clone())
		if query == nil {
			query = url.Values{}
		}
		query.Set("limit", "500")
		for {
			page, err := get[pageOf[T]](ctx, c, path, query)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

// post asks for something to be done.
func post[T any](ctx context.Context, c *Client, path string, body any) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPost, path: path, body: body})
}

func (c *Client) remove(ctx context.Context, path string, query url.Values) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path, query: query})
	return err
}

func patch[T any](ctx context.Context, c *Client, path string, body any, version int64, query url.Values) (T, error) {
	return call[T](ctx, c, request{method: http.MethodPatch, path: path, body: body, headers: ifMatch(version), query: query})
}

// flag is a query with one switch, empty when it is off.
func flag(name string, on bool) url.Values {
	if !on {
		return nil
	}
	return url.Values{name: {"true"}}
}

// Setup makes the first operator, and signs in as it.
func (c *Client) Setup(ctx context.Context, setup Setup) (control.SignedIn, error) {
	return c.enter(ctx, at("setup"), setup)
}

// SetupNeeded reports whether the first operator is still to be made.
func (c *Client) SetupNeeded(ctx context.Context) (bool, error) {
	state, err := get[SetupState](ctx, c, at("setup"), nil)
	return state.Needed, err
}

// SignIn signs in, with a code where there is a second factor; what is asked afterwards
// is asked in that session.
func (c *Client) SignIn(ctx context.Context, name string, password, code control.Password) (control.SignedIn, error) {
	return c.enter(ctx, at("session"), SignIn{name, password, code})
}

func (c *Client) enter(ctx context.Context, path string, body any) (control.SignedIn, error) {
	response, err := c.send(ctx, request{method: http.MethodPost, path: path, body: body})
	if err != nil {
		return control.SignedIn{}, err
	}
	defer response.Body.Close()
	if len(response.Cookies()) == 0 {
		return control.SignedIn{}, errors.New("the server gave no session")
	}
	c.session, c.token = response.Cookies()[0], secret.Text{}
	return decode[control.SignedIn](ctx, c, response)
}

// SignOut ends the session.
func (c *Client) SignOut(ctx context.Context) error { return c.remove(ctx, at("session"), nil) }

// Me is who asks.
func (c *Client) Me(ctx context.Context) (control.Myself, error) {
	return get[control.Myself](ctx, c, at("session"), nil)
}

// BeginTOTP makes the secret of one's own second factor.
func (c *Client) BeginTOTP(ctx context.Context, password control.Password) (control.TOTPBegun, error) {
	return post[control.TOTPBegun](ctx, c, at("session", "totp"), Proof{password})
}

// ConfirmTOTP has it asked for from now on, and gives the recovery codes.
func (c *Client) ConfirmTOTP(ctx context.Context, code control.Password) (control.RecoveryCodes, error) {
	return call[control.RecoveryCodes](ctx, c, request{method: http.MethodPut, path: at("session", "totp"), body: Code{code}})
}

// EndTOTP ends it.
func (c *Client) EndTOTP(ctx context.Context, password, code control.Password) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: at("session", "totp"), body: ProofAndCode{password, code}})
	return err
}

// Sessions lists one's own sessions.
func (c *Client) Sessions(ctx context.Context) ([]control.Session, error) {
	return list[control.Session](ctx, c, at("sessions"))
}

// EndSession ends one of them.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.remove(ctx, at("sessions", id), nil)
}

// SetPassword changes one's own password.
func (c *Client) SetPassword(ctx context.Context, change NewPassword) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPut, path: at("session", "password"), body: change})
	return err
}

// Endpoints lists the endpoints.
func (c *Client) Endpoints(ctx context.Context) ([]control.Endpoint, error) {
	return list[control.Endpoint](ctx, c, at("endpoints"))
}

// Endpoint shows one.
func (c *Client) Endpoint(ctx context.Context, name string) (control.Endpoint, error) {
	return get[control.Endpoint](ctx, c, at("endpoints", name), nil)
}

// CreateEndpoint makes one.
func (c *Client) CreateEndpoint(ctx context.Context, spec control.EndpointSpec, skipVerification bool) (control.Endpoint, error) {
	return call[control.Endpoint](ctx, c, request{method: http.MethodPost, path: at("endpoints"), body: spec, query: flag("skipVerification", skipVerification)})
}

// SetEndpoint changes one; version 0 is any.
func (c *Client) SetEndpoint(ctx context.Context, name string, change control.EndpointPatch, version int64, skipVerification bool) (control.Endpoint, error) {
	return patch[control.Endpoint](ctx, c, at("endpoints", name), change, version, flag("skipVerification", skipVerification))
}

// DeleteEndpoint deletes one.
func (c *Client) DeleteEndpoint(ctx context.Context, name string) error {
	return c.remove(ctx, at("endpoints", name), nil)
}

// TestEndpoint tests one, or a server that is none.
func (c *Client) TestEndpoint(ctx context.Context, spec control.TestSpec) (control.Probe, error) {
	return post[control.Probe](ctx, c, at("endpoint-tests"), spec)
}

// CalibrateEndpoint measures what one keeps of messages.
func (c *Client) CalibrateEndpoint(ctx context.Context, name string, spec control.CalibrationSpec) (control.Calibration, error) {
	return post[control.Calibration](ctx, c, at("endpoints", name, "calibration"), spec)
}

// Batches lists the batches.
func (c *Client) Batches(ctx context.Context) ([]control.Batch, error) {
	return list[control.Batch](ctx, c, at("batches"))
}

// Batch shows one.
func (c *Client) Batch(ctx context.Context, name string) (control.Batch, error) {
	return get[control.Batch](ctx, c, at("batches", name), nil)
}

// CreateBatch makes one of a migration file, or with CheckOnly says what the file
// holds. With a key it can be sent again.
func (c *Client) CreateBatch(ctx context.Context, spec control.BatchSpec, file io.Reader, key string) (control.BatchCreated, error) {
	path := at("batches")
	if spec.CheckOnly {
		path, key = at("batch-checks"), ""
	}
	return uploadForm[control.BatchCreated](ctx, c, path, once(key), nil, spec, filepath.Base(spec.FileName), file)
}

// AddMailboxes adds the new rows of a migration file.
func (c *Client) AddMailboxes(ctx context.Context, batch string, o control.FileOptions, file io.Reader) (control.Added, error) {
	query := url.Values{}
	for name, on := range map[string]bool{"skipBad": o.SkipBad, "allowUnknownColumns": o.AllowUnknownColumns, "checkOnly": o.CheckOnly} {
		if on {
			query.Set(name, "true")
		}
	}
	if o.First != 0 {
		query.Set("first", strconv.Itoa(o.First))
	}
	return uploadForm[control.Added](ctx, c, at("batches", batch, "mailboxes"), nil, query, nil, filepath.Base(o.FileName), file)
}

// SetBatch changes one; version 0 is any.
func (c *Client) SetBatch(ctx context.Context, name string, change control.BatchPatch, version int64) (control.Batch, error) {
	return patch[control.Batch](ctx, c, at("batches", name), change, version, nil)
}

// AskBatch asks a verb of one: start, stop, sync, complete or preflight.
func (c *Client) AskBatch(ctx context.Context, name, verb string) (control.Batch, error) {
	return post[control.Batch](ctx, c, at("batches", name, verb), nil)
}

// ApproveBatch accepts what was left out.
func (c *Client) ApproveBatch(ctx context.Context, name, reason string) (control.Batch, error) {
	return post[control.Batch](ctx, c, at("batches", name, "approve"), Approval{reason})
}

// DeleteBatch deletes one, with forget its ledger too.
func (c *Client) DeleteBatch(ctx context.Context, name string, forget bool) error {
	return c.remove(ctx, at("batches", name), flag("forget", forget))
}

// PreviewFolders shows what rules hit in a mailbox.
func (c *Client) PreviewFolders(ctx context.Context, batch, address string, rules control.FolderRules) ([]control.FolderHit, error) {
	page, err := call[pageOf[control.FolderHit]](ctx, c, request{method: http.MethodPost, path: at("batches", batch, "folders"), query: url.Values{"address": {address}}, body: rules})
	return page.Items, err
}

// PreviewSource shows what rules hit in a mailbox of an endpoint, before there is a batch.
func (c *Client) PreviewSource(ctx context.Context, spec control.PreviewSpec) ([]control.FolderHit, error) {
	page, err := call[pageOf[control.FolderHit]](ctx, c, request{method: http.MethodPost, path: at("folder-previews"), body: spec})
	return page.Items, err
}

// WatchBatch follows one until each returns false or the batch is gone.
func (c *Client) WatchBatch(ctx context.Context, name string, each func(LiveBatch) bool) error {
	err := watch(ctx, c, at("batches", name, "live"), "batch", each)
	var refused *Problem
	if errors.As(err, &refused) && refused.Code == CodeTooMany {
		return c.pollBatch(ctx, name, each)
	}
	return err
}

// pollEvery is how often a batch is asked for that cannot be followed.
const pollEvery = 2 * time.Second

// pollBatch is WatchBatch where too many are watching.
func (c *Client) pollBatch(ctx context.Context, name string, each func(LiveBatch) bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		batch, err := c.Batch(ctx, name)
		if err != nil {
			return err
		}
		page, err := c.MailboxPage(ctx, control.MailboxQuery{Batch: name, States: underWay, Page: control.Page{Limit: liveMailboxes}})
		if err != nil || !each(LiveBatch{Batch: batch, Mailboxes: page.Items}) {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WatchDashboard follows everything until each returns false.
func (c *Client) WatchDashboard(ctx context.Context, each func(control.Dashboard) bool) error {
	return watch(ctx, c, at("live"), "dashboard", each)
}

// Throughput shows how much was copied over time.
func (c *Client) Throughput(ctx context.Context, q control.ThroughputQuery) (control.Throughput, error) {
	query := url.Values{}
	if q.Batch != "" {
		query.Set("batch", q.Batch)
	}
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			query.Set(name, at.Format(time.RFC3339))
		}
	}
	if q.Points != 0 {
		query.Set("points", strconv.Itoa(q.Points))
	}
	return get[control.Throughput](ctx, c, at("throughput"), query)
}

// Estimate says how long initial copies take, going by those of the batch.
func (c *Client) Estimate(ctx context.Context, batch string, asked EstimateBody) (migration.Estimate, error) {
	return post[migration.Estimate](ctx, c, at("batches", batch, "estimate"), asked)
}

// History goes through what was done to a batch, newest first.
func (c *Client) History(ctx context.Context, batch string) iter.Seq2[control.HistoryRecord, error] {
	return each[control.HistoryRecord](ctx, c, at("batches", batch, "history"), nil)
}

// SendReport mails the report of a batch now.
func (c *Client) SendReport(ctx context.Context, batch string, mail control.ReportMail) (control.ReportMailed, error) {
	return post[control.ReportMailed](ctx, c, at("batches", batch, "report-mails"), mail)
}

// Handover gives the hand-over of a mailbox: file is "handover.txt" or "handover.html".
func (c *Client) Handover(ctx context.Context, batch, address, file, contact string) (io.ReadCloser, error) {
	query := url.Values{}
	if contact != "" {
		query.Set("contact", contact)
	}
	return c.stream(ctx, at("batches", batch, "mailboxes", address, file), query)
}

// SendHandovers mails hand-overs to the owners of mailboxes.
func (c *Client) SendHandovers(ctx context.Context, batch string, mail control.HandoverMail) (control.HandoversMailed, error) {
	return post[control.HandoversMailed](ctx, c, at("batches", batch, "handover-mails"), mail)
}

// Folders shows how far the folders of a mailbox have come.
func (c *Client) Folders(ctx context.Context, batch, address string) ([]control.MailboxFolder, error) {
	return list[control.MailboxFolder](ctx, c, at("batches", batch, "mailboxes", address, "folders"))
}

// Transcripts shows what was said in the last passes of a mailbox.
func (c *Client) Transcripts(ctx context.Context, batch, address string) ([]control.Transcript, error) {
	passes, err := get[MailboxPasses](ctx, c, at("batches", batch, "mailboxes", address, "transcript"), nil)
	return passes.Passes, err
}

// Notices lists the mails about a batch.
func (c *Client) Notices(ctx context.Context, batch string) ([]control.Notice, error) {
	return list[control.Notice](ctx, c, at("batches", batch, "notices"))
}

// Report gives a report of a batch: one of report.StatisticsFile, ErrorsFile,
// HTMLFile, HandoverFile and "report.json".
func (c *Client) Report(ctx context.Context, batch, file string) (io.ReadCloser, error) {
	return c.stream(ctx, at("batches", batch, "reports", file), nil)
}

// Mailboxes goes through mailboxes in the order of their rows.
func (c *Client) Mailboxes(ctx context.Context, q control.MailboxQuery) iter.Seq2[control.Mailbox, error] {
	q.Offset, q.Sort = nil, ""
	return each[control.Mailbox](ctx, c, at("mailboxes"), mailboxQuery(q))
}

// MailboxPage gives one page of mailboxes, with an offset or an order and how many
// there are on all pages.
func (c *Client) MailboxPage(ctx context.Context, q control.MailboxQuery) (control.MailboxPage, error) {
	query := mailboxQuery(q)
	if q.Cursor != "" {
		query.Set("cursor", q.Cursor)
	}
	if q.Limit != 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Offset != nil {
		query.Set("offset", strconv.Itoa(*q.Offset))
	}
	if q.Sort != "" {
		query.Set("sort", q.Sort)
	}
	return get[control.MailboxPage](ctx, c, at("mailboxes"), query)
}

// mailboxQuery is what mailboxes are chosen by.
func mailboxQuery(q control.MailboxQuery) url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"batch": q.Batch, "search": q.Search} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for _, state := range q.States {
		query.Add("state", state)
	}
	if q.LeftOut {
		query.Set("leftOut", "true")
	}
	if q.NotReady {
		query.Set("notReady", "true")
	}
	return query
}

// Mailbox shows one.
func (c *Client) Mailbox(ctx context.Context, batch, address string) (control.Mailbox, error) {
	return get[control.Mailbox](ctx, c, at("batches", batch, "mailboxes", address), nil)
}

// AskMailbox asks a verb of one: start, stop, retry or sync.
func (c *Client) AskMailbox(ctx context.Context, batch, address, verb string) (control.Mailbox, error) {
	return post[control.Mailbox](ctx, c, at("batches", batch, "mailboxes", address, verb), nil)
}

// ActOnMailboxes asks something of many mailboxes of a batch.
func (c *Client) ActOnMailboxes(ctx context.Context, batch string, actions control.MailboxActions) (control.MailboxesActed, error) {
	return post[control.MailboxesActed](ctx, c, at("batches", batch, "mailbox-actions"), actions)
}

// ApproveMailbox accepts what was left out.
func (c *Client) ApproveMailbox(ctx context.Context, batch, address, reason string) (control.Mailbox, error) {
	return post[control.Mailbox](ctx, c, at("batches", batch, "mailboxes", address, "approve"), Approval{reason})
}

// RotateMailbox gives new passwords.
func (c *Client) RotateMailbox(ctx context.Context, batch, address string, passwords control.Passwords) (control.Mailbox, error) {
	return call[control.Mailbox](ctx, c, request{method: http.MethodPut, path: at("batches", batch, "mailboxes", address, "passwords"), body: passwords})
}

// DeleteMailbox deletes one.
func (c *Client) DeleteMailbox(ctx context.Context, batch, address string) error {
	return c.remove(ctx, at("batches", batch, "mailboxes", address), nil)
}

// Findings goes through what was left out or changed.
func (c *Client) Findings(ctx context.Context, batch, address string) iter.Seq2[control.Finding, error] {
	return each[control.Finding](ctx, c, at("batches", batch, "mailboxes", address, "findings"), nil)
}

// Message gives the message of a finding as the source has it.
func (c *Client) Message(ctx context.Context, batch, address, finding string) (io.ReadCloser, error) {
	return c.stream(ctx, at("batches", batch, "mailboxes", address, "findings", finding, "message"), nil)
}

// Operators lists the operators.
func (c *Client) Operators(ctx context.Context) ([]control.Operator, error) {
	return list[control.Operator](ctx, c, at("operators"))
}

// CreateOperator makes one.
func (c *Client) CreateOperator(ctx context.Context, spec control.OperatorSpec) (control.Operator, error) {
	return post[control.Operator](ctx, c, at("operators"), spec)
}

// SetOperator changes one; version 0 is any.
func (c *Client) SetOperator(ctx context.Context, name string, change control.OperatorPatch, version int64) (control.Operator, error) {
	return patch[control.Operator](ctx, c, at("operators", name), change, version, nil)
}

// DeleteOperator deletes one.
func (c *Client) DeleteOperator(ctx context.Context, name string) error {
	return c.remove(ctx, at("operators", name), nil)
}

// Tokens lists API tokens.
func (c *Client) Tokens(ctx context.Context) ([]control.Token, error) {
	return list[control.Token](ctx, c, at("tokens"))
}

// CreateToken makes one.
func (c *Client) CreateToken(ctx context.Context, spec control.TokenSpec) (control.TokenCreated, error) {
	return post[control.TokenCreated](ctx, c, at("tokens"), spec)
}

// RevokeToken ends one.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.remove(ctx, at("tokens", id), nil)
}

// Audit goes through what was done, newest first.
func (c *Client) Audit(ctx context.Context) iter.Seq2[control.AuditRecord, error] {
	return each[control.AuditRecord](ctx, c, at("audit"), nil)
}

// VerifyAudit checks the audit log.
func (c *Client) VerifyAudit(ctx context.Context) (control.AuditVerified, error) {
	return post[control.AuditVerified](ctx, c, at("audit", "verify"), nil)
}

// Nodes lists the running nodes.
func (c *Client) Nodes(ctx context.Context) ([]control.Node, error) {
	return list[control.Node](ctx, c, at("nodes"))
}

// Settings shows what all nodes share.
func (c *Client) Settings(ctx context.Context) (control.Settings, error) {
	return get[control.Settings](ctx, c, at("settings"), nil)
}

// SetSettings changes it; version 0 is any.
func (c *Client) SetSettings(ctx context.Context, change control.SettingsPatch, version int64) (control.Settings, error) {
	return patch[control.Settings](ctx, c, at("settings"), change, version, nil)
}

// TestMail sends a mail now.
func (c *Client) TestMail(ctx context.Context, spec control.MailTest) (control.MailTested, error) {
	return post[control.MailTested](ctx, c, at("settings", "test-mail"), spec)
}

// RotateKeys wraps every data key with the newest server key.
func (c *Client) RotateKeys(ctx context.Context) (Rotated, error) {
	return post[Rotated](ctx, c, at("keys", "rotate"), nil)
}

// Backup gives a copy of the database.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	return c.stream(ctx, at("backup"), nil)
}

// uploadForm sends a form with the specification, if there is one, and then the file,
// as it is read.
func uploadForm[T any](ctx context.Context, c *Client, path string, headers http.Header, query url.Values, spec any, name string, file io.Reader) (T, error) {
	out, in := io.Pipe()
	form := multipart.NewWriter(in)
	go func() { in.CloseWithError(writeForm(form, spec, name, file)) }()
	defer func() { _ = out.Close() }() // lets the writer go
	return call[T](ctx, c, request{method: http.MethodPost, path: path, headers: headers, query: query, body: out, kind: form.FormDataContentType()})
}

func writeForm(form *multipart.Writer, spec any, name string, file io.Reader) error {
	if spec != nil {
		part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="batch"`}, "Content-Type": {"application/json"}})
		if err != nil {
			return err
		}
		if err := json.NewEncoder(part).Encode(spec); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, file); err != nil {
		return err
	}
	return form.Close()
}

// Cutovers lists the domains that are watched, of a batch those with mailboxes in it.
func (c *Client) Cutovers(ctx context.Context, batch string) ([]control.Cutover, error) {
	query := url.Values{}
	if batch != "" {
		query.Set("batch", batch)
	}
	page, err := get[pageOf[control.Cutover]](ctx, c, at("cutovers"), query)
	return page.Items, err
}

// Cutover shows one.
func (c *Client) Cutover(ctx context.Context, domain string) (control.Cutover, error) {
	return get[control.Cutover](ctx, c, at("cutovers", domain), nil)
}

// SetCutover has a domain watched.
func (c *Client) SetCutover(ctx context.Context, domain string, spec control.CutoverSpec) (control.Cutover, error) {
	return call[control.Cutover](ctx, c, request{method: http.MethodPut, path: at("cutovers", domain), body: spec})
}

// CheckCutover looks at a domain now.
func (c *Client) CheckCutover(ctx context.Context, domain string, spec control.CutoverSpec) (control.Cutover, error) {
	return post[control.Cutover](ctx, c, at("cutovers", domain, "check"), spec)
}

// DeleteCutover ends the watch of a domain.
func (c *Client) DeleteCutover(ctx context.Context, domain string) error {
	return c.remove(ctx, at("cutovers", domain), nil)
}

// Ready asks whether the server answers and reaches its database. It needs no token.
func (c *Client) Ready(ctx context.Context) error {
	question, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("readyz").String(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := c.http.Do(question)
	if err != nil {
		return c.lost(ctx, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusServiceUnavailable:
		return &migration.Fault{Class: migration.Again, Code: migration.CodeConnect, Doing: "the server answers, but its database does not", Remedy: "Its log says why."}
	}
	return c.refused(response)
}
