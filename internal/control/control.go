package control

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
	"github.com/mailhaul/mailhaul/internal/secret"
)

// Options are what the service works with. Store and Keys are needed.
type Options struct {
	Store Store
	// Keys hold the server's key.
	Keys *secret.Keyring
	// Prober tests and calibrates endpoints; without it that can't be done.
	Prober Prober
	// Source reads from a mailbox's source while an operator waits; without it
	// that can't be done.
	Source Source
	// Ledgers tell what was copied; without them that can't be asked.
	Ledgers Ledgers
	// Report makes the notices by which the report of a batch is mailed to people,
	// none when no mail can be sent; without it none can.
	Report func(tx Tx, batch migration.BatchRecord, to []string) ([]migration.Notice, error)
	// Handovers makes the notices by which hand-overs are mailed; without it none can.
	Handovers ComposeHandovers
	// Wake tells the scheduler of this node that there is something to do. Nil
	// tells nobody; it looks by itself soon.
	Wake func()
	// Scrub clears what deleted secrets left on the disk. Nil does nothing.
	Scrub func(context.Context) error
	// TokenHosts are hosts that may give bearer tokens, beside the known ones: an
	// endpoint's secret may be sent there.
	TokenHosts []string
	// Fixed are the settings that the server was started with; nobody changes them
	// while it runs.
	Fixed FixedSettings
	// Mailer sends test mails; without it that can't be done.
	Mailer Mailer
	// Looker looks where the mail of domains goes; without it that can't be done.
	Looker Looker
	// CutoverNews makes the notices by which people are told that the state of a domain
	// has changed; without it nobody is.
	CutoverNews func(tx Tx, news CutoverNews) ([]migration.Notice, error)
}

// Prober tests an endpoint step by step: those of ProbeSteps, each with a result.
// Without a user it ends before the sign-in. The texts hold nothing that the server
// said before it was known to speak IMAP.
type Prober interface {
	Probe(ctx context.Context, account Account) ([]ProbeStep, *migration.Learned)
	// Calibrate measures what the account's server keeps, in a folder that is thrown
	// away, also when the context ends.
	Calibrate(ctx context.Context, account Account) (migration.Calibration, error)
}

// Source reads from a mailbox's source.
type Source interface {
	// Folders lists the folders below the account's root, with what the rules
	// make of each.
	Folders(ctx context.Context, account Account, exclude, include []migration.FolderRule) ([]FolderHit, error)
	// Message gives a message as the server has it.
	Message(ctx context.Context, account Account, folder string, uid migration.UID) (io.ReadCloser, error)
}

// Service does what an operator asks for. It is used by several goroutines.
type Service struct {
	store     Store
	keys      *secret.Keyring
	prober    Prober
	source    Source
	ledgers   Ledgers
	report    func(Tx, migration.BatchRecord, []string) ([]migration.Notice, error)
	handovers ComposeHandovers
	wake      func()
	scrub     func(context.Context) error
	root      secret.DataKey // for what outlives the server's key
	hashing   *hashing
	throttle  *throttle

	tokenHosts []string
	fixed      FixedSettings
	mailer     Mailer

	looker      Looker
	cutoverNews func(Tx, CutoverNews) ([]migration.Notice, error)
}

// New makes the service. Prepare must be called before anything else.
func New(options Options) *Service {
	s := &Service{store: options.Store, keys: options.Keys, prober: options.Prober, source: options.Source, ledgers: options.Ledgers, report: options.Report, handovers: options.Handovers, wake: options.Wake, scrub: options.Scrub,
		hashing: newHashing(), throttle: newThrottle(), tokenHosts: options.TokenHosts, fixed: options.Fixed, mailer: options.Mailer,
		looker: options.Looker, cutoverNews: options.CutoverNews}
	if s.wake == nil {
		s.wake = func() {}
	}
	if s.scrub == nil {
		s.scrub = func(context.Context) error { return nil }
	}
	return s
}

// The settings that control keeps.
const (
	settingRoot  = "root-key" // wrapped with the server's key
	settingSetup = "setup"    // number of the setup token
	settingFiles = "files"    // hashes of migration files
	settingLock  = "control"  // written first by who needs to be alone
	settingAll   = "settings" // what SetSettings keeps, as JSON
)

// ErrWrongKey says that the database was made with another server key.
var ErrWrongKey = errors.New("the server key is not the one that this database was made with")

// Prepare makes the database's root key at the first start, and later makes sure
// that the server's key is the right one. Keys for the audit log and the like come
// of the root key, so that they outlive a rotation of the server's key.
func (s *Service) Prepare(ctx context.Context) error {
	return s.store.Change(ctx, "opening the root key", func(tx Tx) error {
		if err := tx.SetSetting(settingLock, ""); err != nil {
			return err
		}
		text, err := tx.Setting(settingRoot)
		if errors.Is(err, migration.ErrNotFound) {
			key, wrapped := s.keys.NewDataKey()
			s.root = key
			return tx.SetSetting(settingRoot, base64.StdEncoding.EncodeToString(wrapped))
		}
		if err != nil {
			return err
		}
		wrapped, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			s.root, err = s.keys.UnwrapKey(wrapped)
		}
		if err != nil {
			return fmt.Errorf("%w (this one is %s): %w", ErrWrongKey, s.keys.ID(), err)
		}
		return nil
	})
}

// Ready reports whether the store answers.
func (s *Service) Ready(ctx context.Context) error {
	return s.store.View(ctx, "asking whether the store answers", func(tx Tx) error {
		_, err := tx.Setting(settingRoot)
		return err
	})
}

// tries is how often a change is made anew that another one came between.
const tries = 5

// change runs a change again when a record was changed between reading and saving.
func (s *Service) change(ctx context.Context, doing string, change func(Tx) error) error {
	var err error
	for range tries {
		err = s.store.Change(ctx, doing, change)
		if !errors.Is(err, migration.ErrChanged) {
			break
		}
	}
	return err
}

// record writes into the audit log what the actor has done.
func (s *Service) record(tx Tx, actor Actor, action Action, object string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	if actor.Address != "" {
		detail["from"] = actor.Address
	}
	if actor.Token {
		detail["token"] = true
	}
	return s.Record(tx, actor.Name, string(action), object, detail)
}

// Record writes into the audit log, for those who act by themselves.
func (s *Service) Record(tx AuditTx, actor, action, object string, detail map[string]any) error {
	text := ""
	if len(detail) > 0 {
		packed, err := json.Marshal(detail)
		if err != nil {
			return fmt.Errorf("writing the detail of %s: %w", action, err)
		}
		text = string(packed)
	}
	return tx.Audit(s.root.Derive("audit"), migration.SafeText(actor), action, migration.SafeText(object), text)
}

// Store is what control needs of the store.
type Store interface {
	// Change makes a change whole or not at all. The function may be run again.
	Change(ctx context.Context, doing string, change func(Tx) error) error
	View(ctx context.Context, doing string, view func(Tx) error) error
}

// Tx is a transaction of the store.
type Tx interface {
	Now() time.Time
	EndpointTx
	BatchTx
	MailboxTx
	FindingTx
	OperatorTx
	FactorTx
	CredentialTx
	AuditTx
	SettingTx
	CutoverTx
	Notices(batch int64, limit int) ([]migration.Notice, error)
	Notify(migration.Notice) error
	Nodes() ([]migration.Node, error)
}

// EndpointTx keeps endpoints.
type EndpointTx interface {
	CreateEndpoint(*migration.EndpointRecord) error
	Endpoint(name string) (migration.EndpointRecord, error)
	EndpointByID(id int64) (migration.EndpointRecord, error)
	Endpoints() ([]migration.EndpointRecord, error)
	SaveEndpoint(*migration.EndpointRecord) error
	DeleteEndpoint(id int64) error
	BatchesOf(endpoint int64) ([]string, error)
}

// BatchTx keeps batches.
type BatchTx interface {
	CreateBatch(*migration.BatchRecord, []migration.MailboxRecord) error
	Batch(name string) (migration.BatchRecord, error)
	BatchByID(id int64) (migration.BatchRecord, error)
	Batches() ([]migration.BatchRecord, error)
	// BatchNames gives names by number, without counting mailboxes.
	BatchNames() (map[int64]string, error)
	SaveBatch(*migration.BatchRecord) error
	AddMailboxes(migration.BatchRecord, []migration.MailboxRecord) error
	Addresses(batch int64) ([]string, error)
	InUse(each func(migration.MailboxInUse)) error
	StartMailboxes(batch int64) (int64, error)
	SyncMailboxes(batch int64) (int64, error)
	FinishMailboxes(batch int64) (int64, error)
	BringForward(batch int64, interval time.Duration) (int64, error)
	TryMailboxes(batch int64) (int64, error)
	WipeSecrets(batch int64) error
	Figures(batch int64) (migration.BatchFigures, error)
	FiguresByBatch() (map[int64]migration.BatchFigures, error)
	InitialCopies(batch int64) (migration.Sample, error)
	Copied(batch, from, to, minutes int64) (map[int64]migration.Copied, error)
}

// MailboxTx keeps mailboxes.
type MailboxTx interface {
	Mailbox(batch int64, address string) (migration.MailboxRecord, error)
	Mailboxes(migration.MailboxFilter) ([]migration.MailboxRecord, error)
	CountMailboxes(migration.MailboxFilter) (int, error)
	CountStates(batch int64) (map[migration.MailboxState]int, error)
	CountStatesByBatch() (map[int64]map[migration.MailboxState]int, error)
	Transcripts(mailbox int64) ([]migration.Transcript, error)
	SaveMailbox(*migration.MailboxRecord) error
	DeleteMailbox(id int64) error
}

// FindingTx keeps findings.
type FindingTx interface {
	Findings(mailbox, after int64, limit int) ([]migration.FindingRecord, error)
	Finding(id int64) (migration.FindingRecord, error)
	Approve(batch, mailbox int64, by string) (int64, error)
}

// OperatorTx keeps operators.
type OperatorTx interface {
	CreateOperator(*migration.Operator) error
	Operator(name string) (migration.Operator, error)
	OperatorByID(id int64) (migration.Operator, error)
	Operators() ([]migration.Operator, error)
	SaveOperator(*migration.Operator) error
	DeleteOperator(id int64) error
}

// FactorTx keeps second factors and recovery codes.
type FactorTx interface {
	BeginFactor(operator int64, secret []byte) error
	Factor(operator int64) (migration.SecondFactor, error)
	Factors() ([]migration.SecondFactor, error)
	ConfirmFactor(operator int64, recovery [][]byte) error
	TakeStep(operator, step int64) error
	TakeRecoveryCode(operator int64, hash []byte) error
	RecoveryCodes(operator int64) (int, error)
	ResealFactor(operator int64, secret []byte) error
	DropFactor(operator int64) error
}

// CredentialTx keeps sessions and tokens.
type CredentialTx interface {
	CreateSession(migration.Session) error
	Session(hash []byte) (migration.Session, error)
	Sessions(operator int64) ([]migration.Session, error)
	TouchSession(hash []byte) error
	EndSessions(operator int64, hash []byte) error
	DropSessions(created, used time.Time) error
	CreateToken(*migration.Token) error
	Token(hash []byte) (migration.Token, error)
	Tokens(operator int64) ([]migration.Token, error)
	TouchToken(id int64) error
	RevokeToken(id int64) error
}

// CutoverTx keeps what was seen of domains whose mail moves.
type CutoverTx interface {
	CreateCutover(*migration.CutoverRecord) error
	Cutover(domain string) (migration.CutoverRecord, error)
	Cutovers() ([]migration.CutoverRecord, error)
	SaveCutover(*migration.CutoverRecord) error
	DeleteCutover(domain string) error
	TakeCutover(next time.Duration) (migration.CutoverRecord, error)
	MailboxesOf(domain string, each func(migration.MailboxInStep)) error
	MailboxesInStep(address string, each func(migration.MailboxInStep)) error
	MakeUp(mailbox int64, until time.Time) error
	RedateMailboxes(domain string, later time.Time, since time.Duration) (int64, error)
}

// AuditTx keeps the audit log.
type AuditTx interface {
	Audit(key []byte, actor, action, object, detail string) error
	AuditRecords(below int64, limit int) ([]migration.AuditRecord, error)
	AuditOfBatch(name string, since time.Time, below int64, limit int) ([]migration.AuditRecord, error)
	VerifyAudit(key []byte) (int64, error)
}

// SettingTx keeps single values, and answers to requests with an idempotency key.
type SettingTx interface {
	Setting(name string) (string, error)
	SetSetting(name, value string) error
	Answer(actor, mark string) (migration.Reply, error)
	SaveAnswer(migration.Reply) error
	DropAnswers(before time.Time) error
}
