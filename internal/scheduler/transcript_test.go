package scheduler

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func TestATranscriptHasTheBeginningAndTheEndOfEachLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transcript := newTranscript()
		source, target := transcript.line("source"), transcript.line("target")
		second := transcript.line("source")
		source("S: * OK hello\r\n")
		time.Sleep(1500 * time.Millisecond)
		target("C: A1 LOGIN [credentials]")
		second("S: * LIST () \"/\" \"a\x1b[2J\nb\"")
		want := "0.000 source 1 S: * OK hello  \n1.500 target 1 C: A1 LOGIN [credentials]\n1.500 source 2 S: * LIST () \"/\" \"a[2J b\"\n"
		if got := string(transcript.text()); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		for i := range 20_000 {
			source(fmt.Sprintf("S: * %d FETCH ...", i))
		}
		text := string(transcript.text())
		if !strings.HasPrefix(text, want) || !strings.Contains(text, " bytes are left out ...\n") || !strings.HasSuffix(text, "S: * 19999 FETCH ...\n") {
			t.Errorf("it begins %q and ends %q", text[:200], text[len(text)-100:])
		}
		if n := len(text); n > transcriptHead+transcriptTail+100 || n < transcriptTail {
			t.Errorf("%d bytes", n)
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "...") && !strings.Contains(line, " source ") && !strings.Contains(line, " target ") {
				t.Errorf("half a line: %q", line)
			}
		}
	})
}

func TestATranscriptKeepsALineThatIsLongerThanAll(t *testing.T) {
	transcript := newTranscript()
	transcript.line("source")(strings.Repeat("x", 3*transcriptTail) + "end")
	if text := string(transcript.text()); !strings.Contains(text, "left out") {
		t.Errorf("%q", text[:100])
	}
	transcript.line("source")("next")
	if text := string(transcript.text()); !strings.HasSuffix(text, "source 2 next\n") {
		t.Errorf("%q", text[len(text)-100:])
	}
}

func TestASilentPassHasNoTranscript(t *testing.T) {
	if packed := newTranscript().packed(migration.InitialPass); packed != nil {
		t.Errorf("%+v", packed)
	}
}

func TestManyLinesSpeakAtOnce(t *testing.T) {
	transcript := newTranscript()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			say := transcript.line("target")
			for range 1000 {
				say("C: A1 APPEND ... {100 bytes}")
			}
		})
	}
	all.Wait()
	packed := transcript.packed(migration.InitialPass)
	text, err := packed.Text()
	if err != nil || strings.Count(text, "C: A1 APPEND ... {100 bytes}\n") != strings.Count(text, "\n")-1 {
		t.Errorf("lines are mixed: %v", err)
	}
}

// BenchmarkTranscript is what a line costs a pass.
func BenchmarkTranscript(b *testing.B) {
	say := newTranscript().line("target")
	b.ReportAllocs()
	for b.Loop() {
		say("C: ABCD12345 ...APPEND \"INBOX\" (\\Seen) \"01-Jan-2026 00:00:00 +0000\" {12345 bytes}")
	}
}
