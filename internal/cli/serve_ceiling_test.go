package cli

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestACeilingOfBytesIsKeptByAllLinesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all ceilings
		endpoint := migration.EndpointRecord{ID: 1, Limits: migration.Limits{BytesPerSecond: 2 << 20}}
		of := all.of(endpoint, 2) // half of it is this node's
		began := time.Now()
		var lines sync.WaitGroup
		for range 4 {
			ours, theirs := net.Pipe()
			lines.Go(func() { _, _ = io.Copy(io.Discard, theirs) })
			lines.Go(func() {
				line := throttled(ours, &of.bytes)
				if n, err := line.Write(make([]byte, 5<<20)); err != nil || n != 5<<20 {
					t.Errorf("%d bytes were written: %v", n, err)
				}
				_ = line.Close()
			})
		}
		lines.Wait()
		if took := time.Since(began); took < 19*time.Second || took > 21*time.Second {
			t.Errorf("20 MiB at 1 MiB/s took %v", took)
		}
	})
}

func TestACeilingOfMessagesIsKeptAndALineThatWaitsCanBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all ceilings
		of := all.of(migration.EndpointRecord{ID: 1, Limits: migration.Limits{MessagesPerSecond: 10, BytesPerSecond: 1}}, 1)
		began := time.Now()
		for range 101 {
			if err := of.messages.take(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("101 messages at 10 a second took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := of.messages.take(ctx, 1); err == nil {
			t.Error("who is told to stop waits on")
		}
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		line := throttled(ours, &of.bytes)
		ended := make(chan error)
		go func() {
			_, err := line.Write(make([]byte, 100<<10))
			ended <- err
		}()
		synctest.Wait()
		_ = line.Close()
		if err := <-ended; err == nil {
			t.Error("a closed line goes on")
		}
		_ = theirs.Close()
	})
}

func TestACeilingFollowsItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all ceilings
		endpoint := migration.EndpointRecord{ID: 1, Limits: migration.Limits{MessagesPerSecond: 1}}
		of := all.of(endpoint, 1)
		endpoint.Limits.MessagesPerSecond = 0
		if all.of(endpoint, 1) != of {
			t.Error("an endpoint has two ceilings")
		}
		began := time.Now()
		for range 1000 {
			_ = of.messages.take(t.Context(), 1)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("without a ceiling it took %v", took)
		}
	})
}

// What became of a message is told also of one whose turn does not come.
func TestAMessageWhoseTurnDoesNotComeIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		messages := &bucket{rate: 0.001}
		if err := messages.take(ctx, 1); err != nil {
			t.Fatal(err)
		}
		var told []migration.UID
		appender := pacedAppender{messages: messages, done: func(r migration.AppendResult) { told = append(told, r.Key) }}
		if err := appender.Append(ctx, migration.AppendMessage{Key: 7}, nil); err == nil || len(told) != 1 || told[0] != 7 {
			t.Errorf("%v, told of %v", err, told)
		}
	})
}
