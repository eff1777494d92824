package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/mailhaul/mailhaul/internal/store"
	"github.com/mailhaul/mailhaul/internal/store/storetest"
	"github.com/mailhaul/mailhaul/rigs/effort"
	"github.com/mailhaul/mailhaul/rigs/postgresrig"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("MAILHAUL_TEST_HOLD_LEDGER"); path != "" {
		holdLedger(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func onSQLite(t *testing.T) (*store.Store, func() *store.Store) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	return openAt(t, path), func() *store.Store { return openAt(t, killedCopy(t, path)) }
}

func onPostgreSQL(t *testing.T) (*store.Store, func() *store.Store) {
	address := postgresrig.CopyT(t, func(address string) error {
		s, err := store.Open(context.Background(), address, store.Options{})
		if err == nil {
			err = s.Close()
		}
		return err
	})
	return openAt(t, address), func() *store.Store { return openAt(t, address) }
}

func TestSuite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, onSQLite)
}

func TestSuiteOnPostgreSQL(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	storetest.Run(t, onPostgreSQL)
}

func TestRecordsOfTheService(t *testing.T) {
	t.Parallel()
	storetest.RunRecords(t, onSQLite)
}

func TestRecordsOfTheServiceOnPostgreSQL(t *testing.T) {
	effort.LeaveToLong(t)
	t.Parallel()
	storetest.RunRecords(t, onPostgreSQL)
}

func openAt(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// killedCopy is what is on the disk while the ledger is open: what a killed
// process leaves behind.
func killedCopy(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "ledger.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}
