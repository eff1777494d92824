package store

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/mailhaul/mailhaul/internal/mailsync"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// packFlags writes, for each flag by name, the name and the packed set of UIDs,
// each after its length as a varint.
func packFlags(flags mailsync.FlagSets) []byte {
	var packed []byte
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		packed = appendCounted(packed, []byte(name))
		packed = appendCounted(packed, flags[name].Pack())
	}
	return packed
}

func appendCounted(packed, value []byte) []byte {
	return append(binary.AppendUvarint(packed, uint64(len(value))), value...)
}

// unpackFlags reads what packFlags wrote.
func unpackFlags(packed []byte) (mailsync.FlagSets, error) {
	flags := mailsync.FlagSets{}
	for len(packed) > 0 {
		name, rest, ok := cutCounted(packed)
		set, rest, also := cutCounted(rest)
		if !ok || !also {
			return nil, fmt.Errorf("flags: %w", errDamaged)
		}
		uids, err := unpackUIDs(set)
		if err != nil {
			return nil, fmt.Errorf("flags: %w", err)
		}
		flags[string(name)] = uids
		packed = rest
	}
	return flags, nil
}

func cutCounted(packed []byte) (value, rest []byte, ok bool) {
	length, n := binary.Uvarint(packed)
	if n <= 0 || length > uint64(len(packed)-n) {
		return nil, nil, false
	}
	packed = packed[n:]
	return packed[:length], packed[length:], true
}

func unpackUIDs(packed []byte) (migration.UIDSet, error) {
	uids, err := migration.UnpackUIDSet(packed)
	if err != nil {
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	return uids, err
}
