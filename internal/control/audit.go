package control

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// AuditRecords gives a page of the audit log, newest first.
func (s *Service) AuditRecords(ctx context.Context, actor Actor, query Page) (page AuditPage, err error) {
	if err := permit(actor, AuditLook); err != nil {
		return AuditPage{}, err
	}
	below, limit, err := query.bounds()
	if err != nil {
		return AuditPage{}, err
	}
	err = s.store.View(ctx, "reading the audit log", func(tx Tx) error {
		records, err := tx.AuditRecords(below, limit+1)
		page = AuditPage{Items: make([]AuditRecord, 0, len(records))}
		if len(records) > limit {
			records = records[:limit]
			page.Next = strconv.FormatInt(records[limit-1].ID, 10)
		}
		for _, r := range records {
			page.Items = append(page.Items, AuditRecord{ID: strconv.FormatInt(r.ID, 10), At: r.At, Actor: r.Actor, Action: r.Action, Object: r.Object, Detail: r.Detail})
		}
		return err
	})
	return page, err
}

// VerifyAudit goes through the whole audit log and says whether a record was
// changed, taken out or cut off.
func (s *Service) VerifyAudit(ctx context.Context, actor Actor) (verified AuditVerified, err error) {
	if err := permit(actor, AuditLook); err != nil {
		return AuditVerified{}, err
	}
	err = s.store.View(ctx, "verifying the audit log", func(tx Tx) error {
		n, err := tx.VerifyAudit(s.root.Derive("audit"))
		verified = AuditVerified{OK: err == nil, Records: n}
		return err
	})
	// What is no fault of the database is one of the log.
	if err != nil && migration.FaultOf(err) == nil && ctx.Err() == nil {
		verified.Detail, err = err.Error(), nil
	}
	return verified, err
}

// deadAfter is when a node that is not heard of counts as dead.
const deadAfter = 30 * time.Second

// Nodes gives the nodes by name.
func (s *Service) Nodes(ctx context.Context, actor Actor) ([]Node, error) {
	if err := permit(actor, NodeLook); err != nil {
		return nil, err
	}
	views := []Node{}
	err := s.store.View(ctx, "listing the nodes", func(tx Tx) error {
		views = views[:0]
		nodes, err := tx.Nodes()
		for _, n := range nodes {
			views = append(views, Node{Name: n.Name, Host: n.Host, Version: n.Version, PID: n.PID, Started: n.Started, Beat: n.Beat,
				Alive: tx.Now().Sub(n.Beat) < deadAfter, Mailboxes: n.Mailboxes})
		}
		return err
	})
	return views, err
}

// RotateKeys wraps every data key that an earlier server key wraps with the current
// one, and gives how many there were. It may be broken off and asked for again.
func (s *Service) RotateKeys(ctx context.Context, actor Actor) (rotated int, err error) {
	if err := permit(actor, KeyRotate); err != nil {
		return 0, err
	}
	err = s.change(ctx, "rotating the server key", func(tx Tx) error {
		rotated = 0
		for _, part := range []func(Tx) (int, error){s.rotateRoot, s.rotateBatches, s.rotateEndpoints, s.rotateFactors, s.rotateSettings} {
			n, err := part(tx)
			if err != nil {
				return err
			}
			rotated += n
		}
		return s.record(tx, actor, KeyRotate, "key/"+s.keys.ID(), map[string]any{"wrapped": rotated})
	})
	if err == nil {
		err = s.scrub(ctx)
	}
	return rotated, err
}

func (s *Service) rotateRoot(tx Tx) (int, error) {
	text, err := tx.Setting(settingRoot)
	if err != nil {
		return 0, err
	}
	wrapped, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return 0, err
	}
	anew, changed, err := s.keys.Rewrap(wrapped)
	if err != nil || !changed {
		return 0, err
	}
	return 1, tx.SetSetting(settingRoot, base64.StdEncoding.EncodeToString(anew))
}

func (s *Service) rotateBatches(tx Tx) (n int, err error) {
	batches, err := tx.Batches()
	for _, b := range batches {
		if len(b.Key) == 0 {
			continue
		}
		anew, changed, err := s.keys.Rewrap(b.Key)
		if err != nil {
			return n, refused(batchNamed(b.Name), "its key can't be opened: "+err.Error())
		}
		if !changed {
			continue
		}
		b.Key = anew
		if err := tx.SaveBatch(&b); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

func (s *Service) rotateEndpoints(tx Tx) (n int, err error) {
	endpoints, err := tx.Endpoints()
	for _, e := range endpoints {
		if len(e.AdminSecret) == 0 {
			continue
		}
		anew, changed, err := s.keys.RewrapAlone(e.AdminSecret)
		if err != nil {
			return n, refused(endpointNamed(e.Name), "its administrator's password can't be opened: "+err.Error())
		}
		if !changed {
			continue
		}
		e.AdminSecret = anew
		if err := tx.SaveEndpoint(&e); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// NoteBackup permits a backup and tells the audit log of it; the caller makes it.
func (s *Service) NoteBackup(ctx context.Context, actor Actor) error {
	if err := permit(actor, Backup); err != nil {
		return err
	}
	return s.store.Change(ctx, "noting the backup", func(tx Tx) error { return s.record(tx, actor, Backup, "database", nil) })
}

// answersKept is how long an answer is kept for its idempotency key.
const answersKept = day

// Answer gives what the actor's request with that idempotency key was answered. The
// same key with another request is a mistake.
func (s *Service) Answer(ctx context.Context, actor Actor, key string, request []byte) (status int, body []byte, found bool, err error) {
	if err := permit(actor, OwnLook); err != nil {
		return 0, nil, false, err
	}
	var reply migration.Reply
	err = s.store.View(ctx, "looking for an answer", func(tx Tx) (err error) {
		reply, err = tx.Answer(actor.Name, key)
		return err
	})
	switch {
	case errors.Is(err, migration.ErrNotFound):
		return 0, nil, false, nil
	case err != nil:
		return 0, nil, false, err
	case !bytes.Equal(reply.Request, requestHash(request)):
		return 0, nil, false, errOtherRequest()
	}
	return reply.Status, reply.Body, true, nil
}

func errOtherRequest() error {
	return &Problem{Kind: Conflict, Code: "idempotency-key", Detail: "The idempotency key was used for another request.", Remedy: "Use a new key for a new request."}
}

// SaveAnswer keeps the answer to a request for a day. The body must hold no secret.
func (s *Service) SaveAnswer(ctx context.Context, actor Actor, key string, request []byte, status int, body []byte) error {
	if err := permit(actor, OwnLook); err != nil {
		return err
	}
	err := s.store.Change(ctx, "keeping an answer", func(tx Tx) error {
		if err := tx.DropAnswers(tx.Now().Add(-answersKept)); err != nil {
			return err
		}
		return tx.SaveAnswer(migration.Reply{Actor: actor.Name, Mark: key, Request: requestHash(request), Status: status, Body: body})
	})
	if errors.Is(err, migration.ErrNameTaken) {
		return errOtherRequest()
	}
	return err
}

func requestHash(request []byte) []byte {
	sum := sha256.Sum256(request)
	return sum[:]
}
