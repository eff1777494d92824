package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
	"github.com/mailhaul/mailhaul/internal/token"
)

const (
	// lookUpMost is how long a look-up may take, with its token and its pause, and
	// requestMost how long one of its requests may.
	lookUpMost  = 30 * time.Second
	requestMost = 10 * time.Second
	// waitMost is the longest pause that is waited for, once in a look-up.
	waitMost = 5 * time.Second
	// pauseUnsaid is taken where a pause is asked for without its length, and
	// pauseMost bounds it.
	pauseUnsaid = time.Minute
	pauseMost   = time.Hour
	// knownMost is of how many mailboxes the answer is remembered.
	knownMost = 50_000
)

// wellKnown are the names of the default folders at Microsoft Graph.
var wellKnown = []struct{ use, name string }{
	{"Sent", "sentitems"}, {"Drafts", "drafts"}, {"Trash", "deleteditems"}, {"Junk", "junkemail"}, {"Archive", "archive"},
}

// Client asks for the mailboxes of one application. It is safe for many goroutines.
type Client struct {
	app    token.Office365
	tokens *token.Provider
	// options are those of the authority too.
	options token.Options

	mu    sync.Mutex
	known map[string]migration.DefaultFolders
	// pause is until when Graph wants to be left alone.
	pause time.Time
}

// New makes the client of an application. It asks for nothing yet. The options are
// those of the authority that gives the tokens; among their hosts may be Graph's.
func New(app token.Office365, options token.Options) (*Client, error) {
	app = app.Graph()
	if err := token.CheckGraph(app.Cloud.GraphAddress, options.Hosts); err != nil {
		return nil, err
	}
	tokens, err := token.NewOffice365(app, options)
	if err != nil {
		return nil, err
	}
	return &Client{app: app, tokens: tokens, options: options, known: map[string]migration.DefaultFolders{}}, nil
}

// DefaultFolders gives the names of the default folders of a mailbox. Its error is a
// *migration.Fault with what to do.
func (c *Client) DefaultFolders(ctx context.Context, mailbox string) (migration.DefaultFolders, error) {
	if folders, left := c.recall(mailbox); folders != nil {
		return folders, nil
	} else if left > 0 {
		return nil, c.throttled(left)
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpMost)
	defer cancel()
	bearer, err := c.tokens.Token(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	client, done := c.client()
	defer done()
	l := &lookUp{Client: c, http: client, bearer: bearer, mailbox: mailbox, patient: true}
	folders, fault := l.folders(ctx)
	if fault != nil {
		c.learn(fault, bearer)
		return nil, fault
	}
	c.remember(mailbox, folders)
	return folders, nil
}

// recall gives what is known of a mailbox, and else how long Graph wants to be left
// alone.
func (c *Client) recall(mailbox string) (migration.DefaultFolders, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[mailbox], time.Until(c.pause)
}

func (c *Client) remember(mailbox string, folders migration.DefaultFolders) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= knownMost {
		clear(c.known)
	}
	c.known[mailbox] = folders
}

// learn keeps the pause that Graph asks for, and has a refused token exchanged, which
// may lack a permission that was granted since.
func (c *Client) learn(fault *migration.Fault, bearer secret.Text) {
	if fault.Class == migration.Login {
		c.tokens.Refused(bearer)
	}
	if fault.After > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.pause = time.Now().Add(fault.After)
	}
}

// client makes the HTTP client of one look-up: its requests share a line, which is
// closed when it is done.
func (c *Client) client() (client *http.Client, done func()) {
	client = &http.Client{Timeout: requestMost, Transport: c.options.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if c.options.Timeout > 0 {
		client.Timeout = c.options.Timeout
	}
	if client.Transport == nil {
		client.Transport = &http.Transport{DialContext: c.options.Dial, MaxResponseHeaderBytes: answerMost,
			TLSClientConfig: &tls.Config{RootCAs: c.options.Roots, MinVersion: tls.VersionTLS12}}
	}
	return client, client.CloseIdleConnections
}

// host is whom the client asks.
func (c *Client) host() string {
	u, err := url.Parse(c.app.Cloud.GraphAddress)
	if err != nil {
		return c.app.Cloud.GraphAddress
	}
	return u.Host
}

// fault is one of asking Graph.
func (c *Client) fault(class migration.Class, code, why, remedy string) *migration.Fault {
	return &migration.Fault{Class: class, Code: code, Doing: "asking " + c.host() + " for the default folders", Err: errors.New(why), Remedy: remedy}
}

func (c *Client) throttled(after time.Duration) *migration.Fault {
	fault := c.fault(migration.Later, migration.CodeThrottled, "it asks for a pause of "+max(after.Round(time.Second), time.Second).String(), remedyLater)
	fault.After = after
	return fault
}

// address is where a well-known folder of a mailbox is.
func (c *Client) address(mailbox, folder string) string {
	return strings.TrimSuffix(c.app.Cloud.GraphAddress, "/") + "/v1.0/users/" + url.PathEscape(mailbox) + "/mailFolders/" + folder + "?$select=displayName"
}
