package imapfake

// state is when a command may come (RFC 3501 section 3).
type state int

const (
	always state = iota
	notSignedIn
	signedIn
	selected
)

// command is one command the server knows.
type command struct {
	state state
	// capability must be announced for the command to be known.
	capability string
	// offered tells whether a personality knows the command, nil when the
	// capability alone does.
	offered func(*Personality) bool
	// folder: the first argument is a folder name.
	folder bool
	// keepsNumbers: no EXPUNGE may come with the answer.
	keepsNumbers bool
	// run returns the text of the OK, or a refusal, or an error that ends
	// the session.
	run func(*session, *parser) (string, error)
}

func commandTable() map[string]command {
	return map[string]command{
		"CAPABILITY":   {run: (*session).doCapability},
		"NOOP":         {run: (*session).doNoop},
		"LOGOUT":       {run: (*session).doLogout},
		"ID":           {capability: "ID", run: (*session).doID},
		"STARTTLS":     {state: notSignedIn, capability: "STARTTLS", run: (*session).doStartTLS},
		"LOGIN":        {state: notSignedIn, run: (*session).doLogin},
		"AUTHENTICATE": {state: notSignedIn, run: (*session).doAuthenticate},
		"X-MASTERAUTH": {state: notSignedIn, offered: offersMasterAuth, run: (*session).doMasterAuth},
		"X-SETUSER":    {offered: offersMasterAuth, run: (*session).doSetUser},
		"PROXYAUTH":    {state: signedIn, offered: offersProxyAuth, run: (*session).doProxyAuth},
		"ENABLE":       {state: signedIn, capability: "ENABLE", run: (*session).doEnable},
		"NAMESPACE":    {state: signedIn, capability: "NAMESPACE", run: (*session).doNamespace},
		"COMPRESS":     {state: signedIn, capability: "COMPRESS=DEFLATE", run: (*session).doCompress},
		"IDLE":         {state: signedIn, capability: "IDLE", run: (*session).doIdle},
		"GETQUOTA":     {state: signedIn, capability: "QUOTA", run: (*session).doGetQuota},
		"GETQUOTAROOT": {state: signedIn, capability: "QUOTA", folder: true, run: (*session).doGetQuotaRoot},

		"SELECT":      {state: signedIn, folder: true, run: (*session).doSelect},
		"EXAMINE":     {state: signedIn, folder: true, run: (*session).doSelect},
		"CREATE":      {state: signedIn, folder: true, run: (*session).doCreate},
		"DELETE":      {state: signedIn, folder: true, run: (*session).doDelete},
		"RENAME":      {state: signedIn, folder: true, run: (*session).doRename},
		"SUBSCRIBE":   {state: signedIn, folder: true, run: (*session).doSubscribe},
		"UNSUBSCRIBE": {state: signedIn, folder: true, run: (*session).doSubscribe},
		"LIST":        {state: signedIn, run: (*session).doList},
		"LSUB":        {state: signedIn, run: (*session).doLsub},
		"STATUS":      {state: signedIn, folder: true, run: (*session).doStatus},
		"APPEND":      {state: signedIn, folder: true, run: (*session).doAppend},

		"CHECK":       {state: selected, run: (*session).doNoop},
		"CLOSE":       {state: selected, run: (*session).doClose},
		"UNSELECT":    {state: selected, capability: "UNSELECT", run: (*session).doUnselect},
		"EXPUNGE":     {state: selected, run: (*session).doExpunge},
		"UID EXPUNGE": {state: selected, capability: "UIDPLUS", run: (*session).doUIDExpunge},
		"SEARCH":      {state: selected, keepsNumbers: true, run: (*session).doSearch},
		"UID SEARCH":  {state: selected, run: (*session).doSearch},
		"FETCH":       {state: selected, keepsNumbers: true, run: (*session).doFetch},
		"UID FETCH":   {state: selected, run: (*session).doFetch},
		"STORE":       {state: selected, keepsNumbers: true, run: (*session).doStore},
		"UID STORE":   {state: selected, run: (*session).doStore},
		"COPY":        {state: selected, run: (*session).doCopy},
		"UID COPY":    {state: selected, run: (*session).doCopy},
		"MOVE":        {state: selected, capability: "MOVE", run: (*session).doCopy},
		"UID MOVE":    {state: selected, capability: "MOVE", run: (*session).doCopy},
	}
}

// byUIDs reports whether the command at hand is the UID form.
func (s *session) byUIDs() bool { return len(s.command) > 4 && s.command[:4] == "UID " }

func offersMasterAuth(p *Personality) bool { return p.Admin.MasterAuth }
func offersProxyAuth(p *Personality) bool  { return p.Admin.ProxyAuth }
