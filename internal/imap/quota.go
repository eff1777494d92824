package imap

import (
	"context"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// quotaResponse is one QUOTA answer (RFC 9208 section 4.2.1): the room left by
// its STORAGE, in bytes, when limited.
type quotaResponse struct {
	room    int64
	limited bool
}

// quotaUnit is what STORAGE counts in (RFC 9208 section 5.1).
const quotaUnit = 1024

func (r *receiver) quota() (any, error) {
	if _, _, err := r.in.String(); err != nil { // the root
		return nil, err
	}
	if err := r.in.Spaces(); err != nil {
		return nil, err
	}
	var answer quotaResponse
	err := r.items(func() error {
		word, err := r.in.Atom()
		if err != nil {
			return err
		}
		storage := strings.EqualFold(string(word), "STORAGE")
		var used, limit int64
		for _, n := range []*int64{&used, &limit} {
			if err := r.in.Spaces(); err != nil {
				return err
			}
			got, _, err := r.number()
			if err != nil {
				return err
			}
			*n = int64(min(got, 1<<52))
		}
		if storage {
			answer = quotaResponse{room: max(limit-used, 0) * quotaUnit, limited: true}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, r.in.End()
}

// Room is how many bytes the mailbox still takes, -1 when the server does not
// tell or there is no limit (RFC 9208).
func (s *Session) Room(ctx context.Context) (int64, error) {
	if !s.conn.capabilities().has("QUOTA") {
		return -1, nil
	}
	room := int64(-1)
	cmd := s.conn.newCommand(kindFolder, "asking for the quota")
	cmd.line.Raw("GETQUOTAROOT INBOX")
	cmd.take = func(response any) bool {
		answer, ok := response.(quotaResponse)
		if ok && answer.limited && (room < 0 || answer.room < room) {
			room = answer.room
		}
		return ok
	}
	err := s.conn.run(ctx, cmd)
	if err != nil && migration.ClassOf(err) == migration.OneFolder {
		return -1, nil //nolint:nilerr // a server that refuses to tell does not tell
	}
	return room, err
}
