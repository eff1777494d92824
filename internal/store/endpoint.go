package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

const endpointColumns = `id, name, kind, host, port, security, allow_cleartext, ca, pin, min_tls, limits, login, admin_secret,
	learned, calibration, default_folders, created, created_by, version`

func scanEndpoint(row scanner) (e migration.EndpointRecord, err error) {
	err = row.Scan(&e.ID, &e.Name, &e.Kind, &e.Host, &e.Port, &e.Security, &e.AllowCleartext, blob{&e.CA}, &e.Pin, &e.MinTLS, packed{&e.Limits}, packed{&e.Login},
		blob{&e.AdminSecret}, packed{&e.Learned}, packed{&e.Calibration}, packed{&e.DefaultFolders}, moment{&e.Created}, &e.CreatedBy, &e.Version)
	return e, err
}

// nameKey is what a name is found by: names differ in more than case.
func nameKey(name string) string { return strings.ToLower(name) }

// CreateEndpoint inserts the record and sets its number and version. A name that
// is there already is ErrNameTaken.
func (tx *Tx) CreateEndpoint(e *migration.EndpointRecord) error {
	if err := tx.free("endpoint", e.Name); err != nil {
		return err
	}
	e.Version, e.Created = 1, tx.now
	id, err := tx.insert(`INSERT INTO endpoint (name, name_key, kind, host, port, security, allow_cleartext, ca, pin, min_tls, limits, login,
		admin_secret, learned, created, created_by, version, default_folders, calibration) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		RETURNING id`, e.Name, nameKey(e.Name), string(e.Kind), e.Host, e.Port, string(e.Security), e.AllowCleartext, bytesOf(e.CA), e.Pin, int64(e.MinTLS),
		asJSON{e.Limits}, asJSON{e.Login}, bytesOf(e.AdminSecret), asJSON{e.Learned}, micros(e.Created), e.CreatedBy, e.Version, asJSON{e.DefaultFolders}, asJSON{e.Calibration})
	e.ID = id
	return err
}

// free refuses a name that a record of the table has.
func (tx *Tx) free(table, name string) error {
	_, err := one(tx, scanNumber, "SELECT id FROM "+table+" WHERE name_key = $1", nameKey(name))
	switch {
	case err == nil:
		return ErrNameTaken
	case errors.Is(err, ErrNotFound):
		return nil
	default:
		return err
	}
}

// Endpoint gives the endpoint of that name.
func (tx *Tx) Endpoint(name string) (migration.EndpointRecord, error) {
	return one(tx, scanEndpoint, "SELECT "+endpointColumns+" FROM endpoint WHERE name_key = $1", nameKey(name))
}

// EndpointByID gives the endpoint of that number.
func (tx *Tx) EndpointByID(id int64) (migration.EndpointRecord, error) {
	return one(tx, scanEndpoint, "SELECT "+endpointColumns+" FROM endpoint WHERE id = $1", id)
}

// Endpoints gives all endpoints by name.
func (tx *Tx) Endpoints() ([]migration.EndpointRecord, error) {
	return list(tx, scanEndpoint, "SELECT "+endpointColumns+" FROM endpoint ORDER BY name_key")
}

// SaveEndpoint replaces the record if it still has the version, which is counted
// up; otherwise it is ErrChanged.
func (tx *Tx) SaveEndpoint(e *migration.EndpointRecord) error {
	err := tx.must(ErrChanged, `UPDATE endpoint SET host = $3, port = $4, security = $5, allow_cleartext = $6, ca = $7, pin = $8, min_tls = $9,
		limits = $10, login = $11, admin_secret = $12, learned = $13, default_folders = $14, calibration = $15, version = version + 1 WHERE id = $1 AND version = $2`,
		e.ID, e.Version, e.Host, e.Port, string(e.Security), e.AllowCleartext, bytesOf(e.CA), e.Pin, int64(e.MinTLS), asJSON{e.Limits}, asJSON{e.Login},
		bytesOf(e.AdminSecret), asJSON{e.Learned}, asJSON{e.DefaultFolders}, asJSON{e.Calibration})
	if err == nil {
		e.Version++
	}
	return err
}

// DeleteEndpoint deletes the endpoint. One that a batch uses is ErrInUse, with the
// batch's name.
func (tx *Tx) DeleteEndpoint(id int64) error {
	names, err := tx.BatchesOf(id)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("batch %s uses it: %w", strings.Join(names, ", "), ErrInUse)
	}
	return tx.must(ErrNotFound, "DELETE FROM endpoint WHERE id = $1", id)
}

// BatchesOf names the batches that use an endpoint.
func (tx *Tx) BatchesOf(endpoint int64) ([]string, error) {
	return list(tx, scanText, "SELECT name FROM batch WHERE source = $1 OR target = $1 ORDER BY name_key", endpoint)
}
