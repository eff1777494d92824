package postgresrig

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mailhaul/mailhaul/rigs/rig"
)

// StartT starts a cluster of its own for a test and stops it at the test's end.
// Where it cannot run the test is skipped or fails, as rig.Require says.
func StartT(t testing.TB, o Options) *Server {
	t.Helper()
	return rig.StartT(t, "PostgreSQL", Missing, Start, o)
}

// shared is one cluster for all tests of a process, which ends with the process.
var shared = sync.OnceValues(func() (*Server, error) { return Start(context.Background(), Options{}) })

var databases atomic.Int64

// DatabaseT gives the address of an empty database for a test, in a cluster that
// all tests of the process share. It is dropped at the test's end.
func DatabaseT(t testing.TB) string {
	t.Helper()
	rig.Require(t, Missing)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s.database(t, "template1")
}

// CopyT is DatabaseT with what fill has put into a database, once in a process,
// of which all get a copy: quicker than to make the same tables each time.
func CopyT(t testing.TB, fill func(url string) error) string {
	t.Helper()
	rig.Require(t, Missing)
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	filling.Do(func() {
		s.do(t, "CREATE DATABASE filled")
		errFilled = fill(s.URL("filled"))
	})
	if errFilled != nil {
		t.Fatal(errFilled)
	}
	return s.database(t, "filled")
}

var (
	filling   sync.Once
	errFilled error
)

// database makes a database like another one. It is dropped at the test's end.
func (s *Server) database(t testing.TB, like string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.do(t, "CREATE DATABASE "+name+" TEMPLATE "+like)
	t.Cleanup(func() { s.do(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.URL(name)
}

func (s *Server) do(t testing.TB, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}
