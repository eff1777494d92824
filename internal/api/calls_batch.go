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
)

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
