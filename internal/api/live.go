package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mailhaul/mailhaul/internal/control"
)

// LiveBatch is a batch and those of its mailboxes that are under way.
type LiveBatch struct {
	Batch control.Batch `json:"batch"`
	// Mailboxes under way, the first of them.
	Mailboxes []control.Mailbox `json:"mailboxes"`
}

const (
	// beatEvery is how often who asks is looked at again, and how often something
	// is sent at least, so that the line does not look dead.
	beatEvery = 15 * time.Second
	// eventWithin bounds the sending of one event.
	eventWithin = 10 * time.Second
	// liveMailboxes are shown of a batch at a time.
	liveMailboxes = 50
)

// underWay are the states of mailboxes that move.
var underWay = []string{"Validating", "Starting", "Syncing", "IncrementalSyncing", "Stopping", "Completing"}

func (a *API) liveRoutes() {
	live(a, huma.Operation{OperationID: "watch-dashboard", Method: http.MethodGet, Path: "/live", Summary: "Follow everything", Tags: []string{"Server"}}, "dashboard",
		func(*struct{}) string { return "" },
		func(ctx context.Context, _ *struct{}) (control.Dashboard, error) {
			return a.service.Dashboard(ctx, actorOf(ctx))
		})
	live(a, huma.Operation{OperationID: "watch-batch", Method: http.MethodGet, Path: "/batches/{batch}/live", Summary: "Follow a batch", Tags: []string{"Batches"}}, "batch",
		func(input *BatchName) string { return input.Batch },
		func(ctx context.Context, input *BatchName) (value LiveBatch, err error) {
			if value.Batch, err = a.service.Batch(ctx, actorOf(ctx), input.Batch); err != nil {
				return value, err
			}
			page, err := a.service.Mailboxes(ctx, actorOf(ctx), control.MailboxQuery{Batch: input.Batch, States: underWay, Page: control.Page{Limit: liveMailboxes}})
			value.Mailboxes = page.Items
			return value, err
		})
	live(a, huma.Operation{OperationID: "watch-mailbox", Method: http.MethodGet, Path: "/batches/{batch}/mailboxes/{address}/live", Summary: "Follow a mailbox", Tags: []string{"Mailboxes"}}, "mailbox",
		func(input *MailboxName) string { return input.Batch + "/" + input.Address },
		func(ctx context.Context, input *MailboxName) (control.Mailbox, error) {
			return a.service.Mailbox(ctx, actorOf(ctx), input.Batch, input.Address)
		})
}

// live adds a route that sends a value whenever it has changed. It ends when the
// thing is gone, when who asks may not see it any more, and with the server. Watchers
// of one thing, by what it is called, share what is looked up: it must be the same for
// all who may see it.
func live[I, T any](a *API, op huma.Operation, name string, called func(*I) string, look func(context.Context, *I) (T, error)) {
	op.Description = "Server-sent events named " + name + ": one at once, and one with each change: at most one a second, and one at once when somebody has asked for something."
	schema := huma.SchemaFromType(a.huma.OpenAPI().Components.Schemas, reflect.TypeFor[T]())
	op.Responses = map[string]*huma.Response{"200": {Description: "Events; the data of each is this.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: schema}}}}
	route(a, op, func(ctx context.Context, input *I) (*huma.StreamResponse, error) {
		take := func(ctx context.Context) (any, error) { return look(ctx, input) }
		see := func(after time.Time) ([]byte, error) {
			return a.looks.see(ctx, op.OperationID+" "+called(input), after, take)
		}
		text, err := see(time.Now())
		if err != nil {
			return nil, err
		}
		leave, there := a.live.take(actorOf(ctx).ID)
		if !there {
			return nil, problem(http.StatusServiceUnavailable, CodeTooMany, "Too many are watching.", "Ask from time to time instead.")
		}
		return &huma.StreamResponse{Body: func(h huma.Context) {
			defer leave()
			_, w := humago.Unwrap(h)
			w.Header().Set("Content-Type", "text/event-stream")
			follow(ctx, a, stream{w, http.NewResponseController(w)}, name, text, see)
		}}, nil
	})
}

// follow sends what is seen, and each time that it differs.
func follow(ctx context.Context, a *API, out stream, name string, text []byte, see func(time.Time) ([]byte, error)) {
	ticker := time.NewTicker(a.options.LiveEvery)
	defer ticker.Stop()
	var last []byte
	var err error
	var since time.Time
	next, _ := a.stirred.watch()
	for asked := time.Now(); ; {
		if !bytes.Equal(text, last) {
			err, last = out.send("event: %s\ndata: %s\n\n", name, text), text
		}
		if err == nil && time.Since(asked) >= beatEvery {
			if err, asked = stillMay(ctx), time.Now(); err == nil {
				err = out.send(": beat\n\n")
			}
		}
		if err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-a.ended:
			return
		case <-ticker.C:
		case <-next:
		}
		next, since = a.stirred.watch()
		if text, err = see(since); err != nil {
			return
		}
	}
}

// stream writes server-sent events (HTML, section 9.2).
type stream struct {
	w    http.ResponseWriter
	line *http.ResponseController
}

func (s stream) send(format string, args ...any) error {
	_ = s.line.SetWriteDeadline(deadline(eventWithin))
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.line.Flush()
}
