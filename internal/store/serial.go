package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// Serials gives the serial numbers of all stocks.
func (l *Ledger) Serials(ctx context.Context) ([]mailsync.SerialSet, error) {
	var sets []mailsync.SerialSet
	err := l.store.read(ctx, "reading the serial numbers", func(ctx context.Context, q querier) (err error) {
		sets, err = selectAll(ctx, q, func(row scanner) (mailsync.SerialSet, error) {
			var source, packed []byte
			var validity uint32
			if err := row.Scan(&source, &validity, &packed); err != nil {
				return mailsync.SerialSet{}, err
			}
			set, err := unpackSerials(packed)
			set.Source, set.UIDValidity = string(source), validity
			return set, err
		}, "SELECT source, uidvalidity, packed FROM serial WHERE ledger = $1 ORDER BY source, uidvalidity", l.mailbox)
		return err
	})
	return sets, err
}

// SaveSerials replaces those of one stock.
func (l *Ledger) SaveSerials(ctx context.Context, set mailsync.SerialSet) error {
	packed := packSerials(set)
	return l.write(ctx, "recording the serial numbers", func(ctx context.Context, tx querier) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO serial (ledger, source, uidvalidity, packed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (ledger, source, uidvalidity) DO UPDATE SET packed = excluded.packed`, l.mailbox, bytesOf(set.Source), set.UIDValidity, packed)
		return err
	})
}

// packSerials writes the count of messages with several labels, the labels with
// their counts after how many they are, and then UID and serial of each message,
// both as differences from the one before: numbers of a server that counts by time
// take about 7 bytes.
func packSerials(set mailsync.SerialSet) []byte {
	packed := binary.AppendUvarint(nil, uint64(set.Several))
	packed = binary.AppendUvarint(packed, uint64(len(set.Others)))
	for _, label := range slices.Sorted(maps.Keys(set.Others)) {
		packed = appendCounted(packed, []byte(label))
		packed = binary.AppendUvarint(packed, uint64(set.Others[label]))
	}
	lastUID, lastSerial := migration.UID(0), uint64(0)
	for _, uid := range slices.Sorted(maps.Keys(set.Numbers)) {
		serial := set.Numbers[uid]
		packed = binary.AppendUvarint(packed, uint64(uid-lastUID))
		packed = binary.AppendVarint(packed, int64(serial-lastSerial))
		lastUID, lastSerial = uid, serial
	}
	return packed
}

// unpackSerials reads what packSerials wrote.
func unpackSerials(packed []byte) (mailsync.SerialSet, error) {
	set := mailsync.SerialSet{Numbers: map[migration.UID]uint64{}, Others: map[string]int{}}
	damaged := fmt.Errorf("serial numbers: %w", errDamaged)
	next := func() (uint64, bool) {
		n, size := binary.Uvarint(packed)
		if size > 0 {
			packed = packed[size:]
		}
		return n, size > 0
	}
	several, ok := next()
	labels, also := next()
	if !ok || !also || labels > uint64(len(packed)) {
		return set, damaged
	}
	set.Several = int(several)
	for range labels {
		label, rest, ok := cutCounted(packed)
		packed = rest
		n, also := next()
		if !ok || !also {
			return set, damaged
		}
		set.Others[string(label)] = int(n)
	}
	uid, serial := migration.UID(0), uint64(0)
	for len(packed) > 0 {
		more, ok := next()
		delta, size := binary.Varint(packed)
		if !ok || size <= 0 || more > uint64(^migration.UID(0)-uid) {
			return set, damaged
		}
		packed = packed[size:]
		uid, serial = uid+migration.UID(more), serial+uint64(delta)
		set.Numbers[uid] = serial
	}
	return set, nil
}
