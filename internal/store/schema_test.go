package store

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

var update = flag.Bool("update", false, "write schema.sql anew")

const schemaHead = `-- The tables of a new ledger on SQLite, as the migrations leave them. Do not edit: write a
-- migration, then go test ./internal/store -run ANewLedger -update
`

func TestANewLedgerIsWhatTheMigrationsMake(t *testing.T) {
	migrated := withoutTables(t)
	opened, err := Open(t.Context(), migrated, Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	want := schemaHead + schemaOf(t, migrated)
	if *update {
		if err := os.WriteFile("schema.sql", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		schema = want
	}
	if schema != want {
		t.Error("schema.sql is not what the migrations make: run this test with -update")
	}
	made := filepath.Join(t.TempDir(), "ledger.db")
	if err := create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	if got := schemaHead + schemaOf(t, made); got != want {
		t.Errorf("a new ledger is not what the migrations make:\n%s", got)
	}
	db := openRaw(t, made)
	provider, err := newProvider(db, goose.DialectSQLite3, sqliteWords)
	if err != nil {
		t.Fatal(err)
	}
	if have, known, err := provider.GetVersions(t.Context()); err != nil || have != known {
		t.Errorf("a new ledger has version %d of %d, %v", have, known, err)
	}
}

func openRaw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driverName, fileURI(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // only read
	return db
}

// schemaOf is all that is in a database, as statements that make it.
func schemaOf(t *testing.T, path string) string {
	t.Helper()
	db := openRaw(t, path)
	var all strings.Builder
	for _, made := range column(t, db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid") {
		fmt.Fprintf(&all, "%s;\n", made)
	}
	for _, table := range column(t, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid") {
		// What SQLite sets itself is left to it.
		columns := slices.DeleteFunc(column(t, db, "SELECT name FROM pragma_table_info('"+table+"')"), func(name string) bool {
			return name == "id" || name == "tstamp"
		})
		quoted := strings.Join(columns, ") || ', ' || quote(")
		for _, values := range column(t, db, fmt.Sprintf("SELECT quote(%s) FROM %s ORDER BY rowid", quoted, table)) {
			fmt.Fprintf(&all, "INSERT INTO %s (%s) VALUES (%s);\n", table, strings.Join(columns, ", "), values)
		}
	}
	return all.String()
}

// column is what a query of one column finds.
func column(t *testing.T, db *sql.DB, query string) (found []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(query, err)
	}
	defer func() { _ = rows.Close() }() // only read
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		found = append(found, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
