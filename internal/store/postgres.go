package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// This file is all there is about PostgreSQL. The rest is SQL of both databases.

var postgresWords = strings.NewReplacer("{{bytes}}", "BYTEA", "{{id}}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
	"{{mailbox changed}}", "CREATE FUNCTION tally_mailbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN",
	"{{tallied}}", "RETURN NULL; END $$; CREATE TRIGGER mailbox_tallied AFTER UPDATE ON mailbox FOR EACH ROW WHEN "+tallyChanged+" EXECUTE FUNCTION tally_mailbox();",
	"{{drop tally}}", "DROP FUNCTION tally_mailbox();",
	"{{second part of object}}", "split_part(object, '/', 2)")

var postgresLocking = locking{update: " FOR NO KEY UPDATE", share: " FOR SHARE", skip: " FOR UPDATE OF m SKIP LOCKED"}

const (
	// callMost is how long a call may take whose context has no deadline: a line
	// that is cut must not hold it for ever.
	callMost = time.Minute
	// attempts is how often a call is made that others came in the way of.
	attempts = 5
	// poolMost is the number of connections of a node, unless the address says
	// pool_max_conns.
	poolMost = 16
	// migrating is the number of the lock under which one node at a time makes
	// tables ("Mhlg").
	migrating = 0x4d686c67
)

// postgres is a database that many nodes may have open.
type postgres struct {
	name   string // without the password
	pool   *pgxpool.Pool
	db     *sql.DB
	closed atomic.Bool
}

func openPostgres(ctx context.Context, address string, options Options) (*Store, error) {
	p, err := newPostgres(ctx, address, options)
	if err != nil {
		fault := newFault(nameOf(address), "opening the database", err, postgresRemedy)
		if remedy := openRemedy(err); remedy != "" {
			fault.Remedy = remedy
		}
		return nil, fault
	}
	return &Store{base: p}, nil
}

func newPostgres(ctx context.Context, address string, options Options) (*postgres, error) {
	config, err := pgxpool.ParseConfig(verified(address))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(address, "pool_max_conns") {
		config.MaxConns = poolMost
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	for name, value := range map[string]string{
		"application_name": "mailhaul",
		// Compiling a query takes longer than ours run.
		"jit": "off",
		// What was committed must survive a power loss.
		"synchronous_commit": "on",
		// A node that stands still in a transaction must not keep others from
		// taking over what it has.
		"idle_in_transaction_session_timeout": "5s",
	} {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	p := &postgres{name: nameOf(address), pool: pool, db: stdlib.OpenDBFromPool(pool)}
	if err := p.migrate(ctx, options); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// verified is the address with full TLS verification, where it says nothing of TLS
// and the server is not on this machine. The driver's default would send the
// password in the clear to who offers no TLS.
func verified(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Query().Has("sslmode") || os.Getenv("PGSSLMODE") != "" || isHere(address) {
		return address
	}
	query := u.Query()
	query.Set("sslmode", "verify-full")
	u.RawQuery = query.Encode()
	return u.String()
}

// isHere reports whether all servers of the address are on this machine.
func isHere(address string) bool {
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return false
	}
	hosts := []string{config.Host}
	for _, other := range config.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		ip := net.ParseIP(host)
		return host != "localhost" && !strings.HasPrefix(host, "/") && (ip == nil || !ip.IsLoopback())
	})
}

func nameOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres"
	}
	return "postgres://" + u.Host + u.Path
}

// migrate makes the tables, or brings them up to date. Of several nodes that start
// at once one does it, and the others wait.
func (p *postgres) migrate(ctx context.Context, options Options) error {
	tx, err := p.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // it only holds the lock
	// The lock's session is idle while tables are made.
	if _, err := tx.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrating); err != nil {
		return err
	}
	if err := migrate(ctx, p.db, goose.DialectPostgres, postgresWords); err != nil || !options.Queue {
		return err
	}
	return migrateRiver(ctx, riverpgxv5.New(p.pool))
}

func (p *postgres) close() error {
	p.closed.Store(true)
	err := p.db.Close()
	p.pool.Close()
	return err
}

func (p *postgres) failure() <-chan struct{} { return nil }

func (p *postgres) connections() (*sql.DB, *pgxpool.Pool) { return p.db, p.pool }

func (p *postgres) locking() locking { return postgresLocking }

func (p *postgres) now(ctx context.Context, q querier) (time.Time, error) {
	now, found, err := selectID(ctx, q, "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT")
	if err == nil && !found {
		err = errors.New("the database gave no time")
	}
	return fromMicros(now), err
}

// pgSession is a connection with a transaction under way.
type pgSession struct {
	*sql.Conn
	tx pgx.Tx
}

// write runs work in a transaction of its own, again if another came in its way.
// Once it has begun only the deadline of the context ends it.
func (p *postgres) write(ctx context.Context, doing string, work work) error {
	if ctx.Err() != nil {
		return interrupted(ctx, p.name, doing)
	}
	if p.closed.Load() {
		return p.fault(doing, errClosed)
	}
	ctx, cancel := uncancelled(ctx)
	defer cancel()
	var err error
	for range attempts {
		if err = p.attempt(ctx, work); err == nil {
			return nil
		}
		if !cameInTheWay(err) {
			break
		}
	}
	return p.fault(doing, err)
}

func uncancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, has := ctx.Deadline(); has {
		return context.WithDeadline(context.WithoutCancel(ctx), deadline)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), callMost)
}

func (p *postgres) attempt(ctx context.Context, work work) (err error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back; one in a transaction is thrown away
	var tx pgx.Tx
	err = conn.Raw(func(driver any) (err error) {
		tx, err = driver.(*stdlib.Conn).Conn().BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
		return err
	})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// A connection that broke meanwhile has been given back already: Raw leaves
	// it alone then.
	end := func(how func(context.Context) error) error { return conn.Raw(func(any) error { return how(ctx) }) }
	if err := work(ctx, &pgSession{conn, tx}); err != nil {
		_ = end(tx.Rollback)
		return err
	}
	if err := end(tx.Commit); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// cameInTheWay reports whether a call failed because of what others did at the same
// time (PostgreSQL appendix A): serialization failure, deadlock, and a name or
// reference that was free a moment ago. Tried again it sees what they did.
func cameInTheWay(err error) bool {
	var coded *pgconn.PgError
	return !isRefusal(err) && errors.As(err, &coded) && slices.Contains([]string{"40001", "40P01", "23505", "23503"}, coded.Code)
}

// read runs a query outside of a transaction.
func (p *postgres) read(ctx context.Context, doing string, query work) error {
	if p.closed.Load() {
		return p.fault(doing, errClosed)
	}
	bounded, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	err := query(bounded, p.db)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx, p.name, doing)
	default:
		return p.fault(doing, err)
	}
}

// fault has class Again for an error of the database: the server may be away for a
// while, and the next call asks it anew.
func (p *postgres) fault(doing string, err error) error {
	if fault := migration.FaultOf(err); fault != nil {
		return fault
	}
	fault := newFault(p.name, doing, err, postgresRemedy)
	if remedyOf(err) == "" {
		fault.Class = migration.Again
	}
	return fault
}

// postgresRemedy says what to do about an error of the database.
func postgresRemedy(err error) string {
	var coded *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &coded) && strings.HasPrefix(coded.Code, "28"):
		return "Check the user name and the password in the address of the database."
	case errors.As(err, &coded) && strings.HasPrefix(coded.Code, "3D"):
		return "Make the database first: createdb."
	case errors.As(err, &coded) && strings.HasPrefix(coded.Code, "42501"):
		return "Let the user make tables in the database's schema."
	case errors.As(err, &coded) && strings.HasPrefix(coded.Code, "53"):
		return "Give the database server more room: disk, memory or connections."
	case errors.As(err, &connect):
		return "Check that the database server runs, and the address; it is tried again."
	}
	return "It is tried again. Look at the database server's log if it stays."
}

// scrub frees what dead rows of the tables with secrets hold. Copies in the server's
// own log and in its backups stay: they are sealed with a key that lies outside.
func (p *postgres) scrub(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	for _, table := range []string{"mailbox", "batch", "endpoint", "pairs", "mark", "folder", "ledger"} {
		if _, err := p.db.ExecContext(ctx, "VACUUM "+table); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) backup(context.Context, string) error {
	return &migration.Fault{
		Class: migration.Stop, Code: migration.CodeUnsupported, Doing: "writing a backup of " + p.name,
		Remedy: "Use pg_dump: it takes everything, and pg_restore brings it back.",
		Err:    errors.New("a PostgreSQL database is backed up with its own tools"),
	}
}
