package imap

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// verdict is what a response code or text means, whatever the command was.
type verdict struct {
	class  migration.Class
	code   string
	remedy string
}

// The remedies, in the imperative.
const (
	remedyLogin     = "Check the user name, the password or token, and whether IMAP is allowed for this account."
	remedyNoAccess  = "Give the administrator the right to open this mailbox, or correct the user name."
	remedyTooMany   = "Lower the number of connections to this server, or raise its limit for one user."
	remedyQuota     = "Make room in the target mailbox or raise its quota, then start again."
	remedyTooLarge  = "Raise the size limit of the target server, or save this message elsewhere."
	remedyThrottled = "The server asks for a pause; it is kept, and the work goes on afterwards."
	remedyMailbox   = "The server accepts the credential but not the mailbox: check that it exists, has a licence, and that this account may open it."
	remedyMissing   = "The folder was removed or renamed on the server meanwhile: start again, and it is taken as it then is."
	remedyExists    = "Nothing to do: the folder is there."
	remedyAgain     = "Start again: what was done is not done twice."
	remedyBusy      = "The server is busy or under repair; it is tried again later."
)

// responseCodes are the codes of RFC 5530, 3501, 4469, 7889 and others that
// decide by themselves.
var responseCodes = map[string]verdict{
	"AUTHENTICATIONFAILED": {migration.Login, migration.CodeLogin, remedyLogin},
	"AUTHORIZATIONFAILED":  {migration.Login, migration.CodeNoAccess, remedyNoAccess},
	"EXPIRED":              {migration.Login, migration.CodeLogin, "The password or token has expired: renew it."},
	"PRIVACYREQUIRED":      {migration.Login, migration.CodePolicy, "The server wants TLS: use an imaps:// or imap:// address."},
	"WEBALERT":             {migration.Login, migration.CodeLogin, "Sign in to the account in a browser once, as the server asks."},
	"UNAVAILABLE":          {migration.Later, migration.CodeServerBusy, remedyBusy},
	"INUSE":                {migration.Later, migration.CodeServerBusy, remedyBusy},
	"LIMIT":                {migration.Later, migration.CodeThrottled, remedyThrottled},
	"THROTTLED":            {migration.Later, migration.CodeThrottled, remedyThrottled},
	"OVERQUOTA":            {migration.OneMailbox, migration.CodeQuota, remedyQuota},
	"TOOBIG":               {migration.OneMessage, migration.CodeTooLarge, remedyTooLarge},
	"TRYCREATE":            {migration.OneFolder, migration.CodeFolderMissing, remedyMissing},
	"NONEXISTENT":          {migration.OneFolder, migration.CodeFolderMissing, remedyMissing},
	"ALREADYEXISTS":        {migration.OneFolder, migration.CodeFolderExists, remedyExists},
	"NOPERM":               {migration.OneFolder, migration.CodeFolderRefused, "This account has not the rights it needs for this folder."},
	"CORRUPTION":           {migration.OneFolder, migration.CodeServerBug, "The server says the folder is damaged: have it repaired there."},
	"SERVERBUG":            {"", migration.CodeServerBug, "The server reports a fault of its own: see its log."},
	"CONTACTADMIN":         {migration.OneMailbox, migration.CodeNotConnected, "The server asks to contact its administrator."},
}

// serverText is a known text of a server without a code that would say it.
type serverText struct {
	pattern *regexp.Regexp
	verdict
}

// serverTexts are looked at in order, for what has no telling code.
var serverTexts = []serverText{
	{text(`backoff time: *([0-9]+) *milliseconds`), verdict{migration.Later, migration.CodeThrottled, remedyThrottled}},
	{text(`request is throttled|rate limit|too many requests|bandwidth limit|account exceeded command|temporarily (locked|blocked)`), verdict{migration.Later, migration.CodeThrottled, remedyThrottled}},
	{text(`too many (simultaneous |concurrent )?(connections|logins|sessions)|maximum number of connections|mail_max_userip_connections|connection limit`), verdict{migration.Later, migration.CodeTooManyConns, remedyTooMany}},
	{text(`authenticated but not connected`), verdict{migration.OneMailbox, migration.CodeNotConnected, remedyMailbox}},
	{text(`application-specific password|invalid credentials \(failure\)`), verdict{migration.Login, migration.CodeLogin, "Gmail takes an app password, made in the Google account once 2-step verification is on, or a service account; and IMAP must be on for this account."}},
	{text(`not authoriz|authoriz(ation|ing).{0,20}(fail|denied|error)|authorization failure|proxy.{0,20}(denied|not allowed|not permitted)|no authority`), verdict{migration.Login, migration.CodeNoAccess, remedyNoAccess}},
	{text(`over ?quota|quota (is )?(exceeded|full)|exceed.{0,20}quota|mailbox is full|out of disk|not enough (disk )?(space|quota)|no space left`), verdict{migration.OneMailbox, migration.CodeQuota, remedyQuota}},
	{text(`maximum size of appendable message|message (is )?too (large|big)|exceeds.{0,40}(size|limit)|message size`), verdict{migration.OneMessage, migration.CodeTooLarge, remedyTooLarge}},
	{text(`command argument error|message contains (nul|invalid)|invalid (header|character)|bare (lf|newline)`), verdict{migration.OneMessage, migration.CodeRejected, "The target does not accept this message as it is; it is in the report."}},
	{text(`already exists`), verdict{migration.OneFolder, migration.CodeFolderExists, remedyExists}},
	{text(`temporar(il)?y|try (again )?later|server busy|service unavailable|shutting down`), verdict{migration.Later, migration.CodeServerBusy, remedyBusy}},
}

// overDay is what Gmail says, with the code of a full mailbox, to an account that it
// locks out for an hour to a day. To go on trying makes that longer, so that the
// pause is as long as the shortest.
var overDay = text(`account exceeded command or bandwidth limits`)

const (
	overDayPause  = time.Hour
	remedyOverDay = "The account has moved more than its server allows in a day; the work goes on when the server lets it. A smaller daily budget keeps below that."
)

func text(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// defaults are what a refusal means by the kind of its command alone.
var defaults = map[kind]verdict{
	kindPlain:  {migration.OneMailbox, migration.CodeServerBug, "Look at a trace of this connection, and at the server's log."},
	kindLogin:  {migration.Login, migration.CodeLogin, remedyLogin},
	kindFolder: {migration.OneFolder, migration.CodeFolderRefused, "See what the server says about this folder."},
	kindFetch:  {migration.OneMessage, migration.CodeUnreadable, "The source cannot give this message: try to open it there with another program."},
	kindAppend: {migration.OneMessage, migration.CodeRejected, "The target does not accept this message as it is; it is in the report."},
}

// refusal is nil for OK, and otherwise the fault that the answer stands for.
func (c *conn) refusal(cmd *command, s statusResponse) error {
	if s.status == "OK" {
		return nil
	}
	fault := c.judge(s, cmd.kind)
	fault.Doing = cmd.doing
	if fault.Class == migration.Later {
		c.hinted(fault)
	}
	return c.explained(fault)
}

// explained is the fault as Options.Explain has it.
func (c *conn) explained(fault *migration.Fault) *migration.Fault {
	if c.options.Explain == nil {
		return fault
	}
	return c.options.Explain(fault)
}

// judge decides by code, then by text, then by the kind of the command.
func (c *conn) judge(s statusResponse, k kind) *migration.Fault {
	fault := &migration.Fault{Text: c.clean(s.text)}
	v, pause, known := decide(s, k)
	if !known {
		v = defaults[k]
	}
	fault.Class, fault.Code, fault.Remedy, fault.After = v.class, v.code, v.remedy, pause
	return fault
}

// decide looks at code and text only. A text that names a pause, or full
// connections, tells more than a general code.
func decide(s statusResponse, k kind) (v verdict, pause time.Duration, known bool) {
	byText, pause, textKnown := decideByText(s.text)
	byCode, codeKnown := responseCodes[s.code]
	switch {
	case textKnown && (!codeKnown || pause > 0 || byCode.class == "" || byText.class == byCode.class):
		v = byText
	case codeKnown:
		v = byCode
	default:
		return verdict{}, 0, false
	}
	if v.class == "" {
		v.class = defaults[k].class
	}
	switch {
	case v.code == migration.CodeNoAccess && k != kindLogin, v.code == migration.CodeRejected && k != kindAppend, v.code == migration.CodeFolderExists && k != kindFolder:
		return verdict{}, 0, false
	case s.code == "LIMIT" && k == kindAppend && !textKnown:
		v = verdict{migration.OneMessage, migration.CodeTooLarge, remedyTooLarge}
	case k == kindLogin && v.class != migration.Later && v.class != migration.OneMailbox:
		v.class = migration.Login
		if v.code != migration.CodeNoAccess {
			v.code = migration.CodeLogin
		}
	}
	return v, pause, true
}

func decideByText(text string) (verdict, time.Duration, bool) {
	const most = 2 << 10 // bytes: patterns cost time, and nobody says it later
	text = text[:min(len(text), most)]
	if overDay.MatchString(text) {
		return verdict{migration.Later, migration.CodeThrottled, remedyOverDay}, overDayPause, true
	}
	for _, known := range serverTexts {
		match := known.pattern.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		var pause time.Duration
		if len(match) == 2 {
			if n, err := strconv.ParseInt(match[1], 10, 64); err == nil && n > 0 {
				pause = time.Duration(min(n, int64(pauseMost/time.Millisecond))) * time.Millisecond
			}
		}
		return known.verdict, pause, true
	}
	return verdict{}, 0, false
}

// pauseMost is the longest pause a server is believed.
const pauseMost = 24 * time.Hour

// notice keeps what an untagged NO or BAD says about a pause, for the loss of
// the line that often follows it.
func (c *conn) notice(s statusResponse) {
	if v, pause, known := decide(s, kindPlain); known && v.class == migration.Later {
		c.hinted(&migration.Fault{Class: v.class, Code: v.code, Remedy: v.remedy, After: pause, Text: c.clean(s.text)})
	}
}

// hinted keeps the last fault that asked for a pause.
func (c *conn) hinted(fault *migration.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hint, c.hintAt = fault, time.Now()
}

// hintLasts is how long a wish for a pause explains the loss of the line.
const hintLasts = time.Minute

// freshHint gives the last fault that asked for a pause, if it was just now.
func (c *conn) freshHint() *migration.Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.hintAt) > hintLasts {
		return nil
	}
	return c.hint
}

// byeFault is the fault of a line that the server closed with a word.
func (c *conn) byeFault(bye string) error {
	s := parseStatus("BYE", bye)
	doing := "talking to " + c.options.Endpoint.Host
	hint := c.freshHint()
	if v, pause, known := decide(s, kindPlain); known && (v.class == migration.Later || v.class == migration.OneMailbox) {
		return c.explained(&migration.Fault{Class: v.class, Code: v.code, Doing: doing, Text: c.clean(s.text), Remedy: v.remedy, After: pause})
	}
	if hint != nil {
		fault := *hint
		fault.Doing = doing
		return &fault
	}
	return &migration.Fault{Class: migration.Again, Code: migration.CodeLost, Doing: doing, Text: c.clean(s.text),
		Remedy: "The server closed the connection; it is tried again."}
}

// pauseUnnamed is for how long a line that ended with a wish for a pause of no
// stated length goes on telling it.
const pauseUnnamed = 5 * time.Second

// afterwards is the fault for calls on a line that has ended: what ended it, or
// what is left of the pause it asked for. After that the line is merely lost, so
// that whoever has paused makes a new one.
func (c *conn) afterwards(cause error) error {
	fault := migration.FaultOf(cause)
	if fault == nil || fault.Class == migration.Again {
		return cause
	}
	c.mu.Lock()
	since := time.Since(c.died)
	c.mu.Unlock()
	if fault.Class == migration.Later {
		rest := *fault
		rest.After = max(0, fault.After-since)
		if rest.After > 0 || fault.After == 0 && since < pauseUnnamed {
			return &rest
		}
	}
	return &migration.Fault{Class: migration.Again, Code: migration.CodeLost, Doing: "using a connection that has ended",
		Text: strings.TrimSpace(fault.Text), Err: cause, Remedy: "The connection is made anew."}
}
