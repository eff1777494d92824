package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

// querier is what a database and a transaction have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

type scanner interface{ Scan(dest ...any) error }

// selectAll reads all rows of a query. Nothing here streams out of an open
// query, so that a caller may write while it looks at what it read.
func selectAll[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err has said what Close could say
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// selectID reads the one number a query gives. found is false without a row.
func selectID(ctx context.Context, q querier, query string, args ...any) (id int64, found bool, err error) {
	ids, err := selectAll(ctx, q, func(row scanner) (id int64, err error) { return id, row.Scan(&id) }, query, args...)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	return ids[0], true, nil
}

// insertID runs an INSERT with a RETURNING clause of one number.
func insertID(ctx context.Context, q querier, query string, args ...any) (int64, error) {
	id, found, err := selectID(ctx, q, query, args...)
	if err == nil && !found {
		err = fmt.Errorf("insert returned no number")
	}
	return id, err
}

// execAll runs one statement for each list of arguments.
func execAll(ctx context.Context, q querier, query string, args iter.Seq[[]any]) error {
	for a := range args {
		if _, err := q.ExecContext(ctx, query, a...); err != nil {
			return err
		}
	}
	return nil
}

// bytesOf makes sure that an empty value is stored as such and not as NULL.
func bytesOf[T string | []byte](value T) []byte { return append([]byte{}, value...) }
