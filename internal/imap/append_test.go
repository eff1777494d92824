package imap_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/imap"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// collected gathers results.
type collected struct {
	mu      sync.Mutex
	results []migration.AppendResult
}

func (c *collected) add(r migration.AppendResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, r)
}

// text shows key, UID, code and doubt of every result.
func (c *collected) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, r := range c.results {
		code := "ok"
		if r.Err != nil {
			code = fmt.Sprintf("%s/%s", migration.ClassOf(r.Err), migration.CodeOf(r.Err))
		}
		out = append(out, fmt.Sprintf("%d=%d:%s:%t", r.Key, r.UID, code, r.Doubt))
	}
	return strings.Join(out, " ")
}

// appendAll sends bodies of the given texts and flushes.
func appendAll(t *testing.T, s *imap.Session, single bool, texts ...string) string {
	t.Helper()
	var c collected
	a := s.Appender("T", migration.AppendOptions{Single: single}, c.add)
	for i, text := range texts {
		m := migration.AppendMessage{Key: migration.UID(i + 1), Size: int64(len(text))}
		if err := a.Append(t.Context(), m, strings.NewReader(text)); err != nil && migration.ClassOf(err) != migration.Again {
			t.Error(err)
		}
	}
	_ = a.Flush(t.Context())
	return c.text()
}

func TestAppendFacts(t *testing.T) {
	one := "C APPEND T {1+}\nL a\n"
	three := "C APPEND T {1+}\nL a {1+}\nL b {1+}\nL c\n"
	tests := []struct {
		name, capabilities, script string
		texts                      []string
		want                       string
	}{
		{"single commands overlap", "LITERAL+", one + "C APPEND T {1+}\nL b\nS $2 OK [APPENDUID 9 5] x\nS $3 OK", []string{"a", "b"}, "1=5:ok:false 2=0:ok:false"},
		{"a group is one command", "LITERAL+ MULTIAPPEND", three + "S $2 OK [APPENDUID 9 5:7] x", []string{"a", "b", "c"}, "1=5:ok:false 2=6:ok:false 3=7:ok:false"},
		{"APPENDUID of another length is not believed", "LITERAL+ MULTIAPPEND", three + "S $2 OK [APPENDUID 9 5:8] x", []string{"a", "b", "c"}, "1=0:ok:false 2=0:ok:false 3=0:ok:false"},
		{"APPENDUID beyond reason is not believed", "LITERAL+", one + "S $2 OK [APPENDUID 9 1:4294967295] x", []string{"a"}, "1=0:ok:false"},
		{"a refused group is no one's fault", "LITERAL+ MULTIAPPEND", three + "S $2 BAD Command Argument Error. 11", []string{"a", "b", "c"}, "1=0:message/group-refused:false 2=0:message/group-refused:false 3=0:message/group-refused:false"},
		{"a throttled group is throttled", "LITERAL+ MULTIAPPEND", three + "S $2 NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", []string{"a", "b", "c"}, "1=0:later/throttled:false 2=0:later/throttled:false 3=0:later/throttled:false"},
		{"NO before the go-ahead is that message's result", "IMAP4", "C APPEND T {1}\nS $T NO [TOOBIG] too big\nC APPEND T {1}\nS + go\nL b\nS $T OK", []string{"a", "b"}, "1=0:message/too-large:false 2=0:ok:false"},
		{"quota is the mailbox's", "LITERAL+", one + "S $2 NO [OVERQUOTA] full", []string{"a"}, "1=0:mailbox/quota:false"},
		{"a missing folder is the folder's", "LITERAL+", one + "S $2 NO [TRYCREATE] no", []string{"a"}, "1=0:folder/folder-missing:false"},
		{"a line lost after the last byte leaves doubt", "LITERAL+", one + "X", []string{"a"}, "1=0:again/connection-lost:true"},
		{"LITERAL- goes without leave up to 4096 bytes", "LITERAL-", one + "S $2 OK\nC APPEND T {5000}\nS + go\nR 5000\nL \nS $T OK", []string{"a", strings.Repeat("x", 5000)}, "1=0:ok:false 2=0:ok:false"},
		{"an answer before the message was sent is no answer", "LITERAL+", "C APPEND T {1048576+}\nS $T OK [APPENDUID 1 1] early", []string{strings.Repeat("x", 1<<20)}, "1=0:again/server-bug:false"},
		{"a huge message waits for leave", "LITERAL+ MULTIAPPEND", "C APPEND T {1048577}\nS $T NO Maximum size of appendable message has been exceeded", []string{strings.Repeat("x", 1<<20+1)}, "1=0:message/too-large:false"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := connect(t, greeted(test.capabilities)+test.script, nil)
			if got := appendAll(t, s, false, test.texts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestSingleIsOneAtATime(t *testing.T) {
	s := connect(t, greeted("LITERAL+ MULTIAPPEND")+"C APPEND T {1+}\nL a\nS $T OK\nC APPEND T {1+}\nL b\nS $T OK", nil)
	if got := appendAll(t, s, true, "a", "b"); got != "1=0:ok:false 2=0:ok:false" {
		t.Error(got)
	}
}

func TestBodyThatBreaksOffCutsTheLine(t *testing.T) {
	s := connect(discard{t}, greeted("LITERAL+")+"C APPEND T {1+}\nL a\nC APPEND T {10+}\nR 3", nil)
	var c collected
	a := s.Appender("T", migration.AppendOptions{}, c.add)
	if err := a.Append(t.Context(), migration.AppendMessage{Key: 1, Size: 1}, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	for s.Traffic().Out < 80 { // the first message has left
		time.Sleep(time.Millisecond)
	}
	cause := errors.New("source is gone")
	err := a.Append(t.Context(), migration.AppendMessage{Key: 2, Size: 10}, io.MultiReader(strings.NewReader("abc"), failing{cause}))
	if !errors.Is(err, cause) {
		t.Error(err)
	}
	_ = a.Flush(t.Context())
	if got := c.text(); got != "1=0:again/interrupted:true 2=0:again/interrupted:false" {
		t.Error(got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A server may refuse a message while its bytes are still on their way.
func TestRefusalBeforeTheLastByteIsTheResult(t *testing.T) {
	s := connect(t, greeted("LITERAL+")+"C APPEND T {8+}\nR 4\nS $T NO [TOOBIG] too big\nR 6\nC APPEND T {1+}\nL a\nS $T OK", nil)
	var c collected
	told := make(chan struct{})
	a := s.Appender("T", migration.AppendOptions{}, func(r migration.AppendResult) {
		c.add(r)
		if r.Key == 1 {
			close(told)
		}
	})
	rest := readerFunc(func(p []byte) (int, error) {
		<-told
		return copy(p, "half"), io.EOF
	})
	if err := a.Append(t.Context(), migration.AppendMessage{Key: 1, Size: 8}, io.MultiReader(strings.NewReader("half"), rest)); err != nil {
		t.Fatal(err)
	}
	if err := a.Append(t.Context(), migration.AppendMessage{Key: 2, Size: 1}, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := c.text(); !strings.HasPrefix(got, "1=0:") || !strings.Contains(got, "too-large:false") || !strings.Contains(got, " 2=0:ok:false") {
		t.Error(got)
	}
}

func TestIdleGroupIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := connect(t, greeted("LITERAL+ MULTIAPPEND")+"C APPEND T (\\Seen) \" 1-Feb-2020 01:02:03 +0130\" {1+}\nL a\nS $T OK [APPENDUID 1 1] x", nil)
		results := make(chan migration.AppendResult, 1)
		a := s.Appender("T", migration.AppendOptions{}, func(r migration.AppendResult) { results <- r })
		m := migration.AppendMessage{Key: 1, Size: 1, Flags: migration.Flags{`\Seen`, `\Recent`}, Date: time.Date(2020, 2, 1, 1, 2, 3, 0, time.FixedZone("", 5400))}
		start := time.Now()
		if err := a.Append(t.Context(), m, strings.NewReader("a")); err != nil {
			t.Fatal(err)
		}
		if r := <-results; r.Err != nil || r.UID != 1 || time.Since(start) > 30*time.Millisecond {
			t.Errorf("%+v after %s", r, time.Since(start))
		}
	})
}

func TestOtherCommandsEndTheGroup(t *testing.T) {
	s := connect(t, greeted("LITERAL+ MULTIAPPEND")+"C APPEND T {1+}\nL a\nC UID SEARCH ALL\nS $2 OK\nS * SEARCH\nS $3 OK", nil)
	var c collected
	a := s.Appender("T", migration.AppendOptions{}, c.add)
	if err := a.Append(t.Context(), migration.AppendMessage{Key: 1, Size: 1}, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	if uids, err := s.UIDs(t.Context()); err != nil || !uids.Empty() {
		t.Error(uids, err)
	}
}

func TestFlagThatNoCommandCanCarryIsRefusedHere(t *testing.T) {
	s := connect(t, greeted("LITERAL+"), nil)
	var c collected
	a := s.Appender("T", migration.AppendOptions{}, c.add)
	m := migration.AppendMessage{Key: 1, Size: 1, Flags: migration.Flags{"x) {3}\r\nA1 DELETE INBOX"}}
	if err := a.Append(t.Context(), m, strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	if got := c.text(); got != "1=0:message/message-rejected:false" {
		t.Error(got)
	}
}

func TestWindowIsBounded(t *testing.T) {
	var script strings.Builder
	for i := range 64 {
		fmt.Fprintf(&script, "C APPEND T {1+}\nL %c\n", 'a'+i%26)
	}
	// Only after the 64th is anything answered, and half of it must be before
	// the 65th comes.
	for i := range 64 {
		fmt.Fprintf(&script, "S $%d OK\n", i+2)
	}
	script.WriteString("C APPEND T {1+}\nL m\nS $T OK")
	s := connect(t, greeted("LITERAL+")+script.String(), nil)
	var texts []string
	for i := range 65 {
		texts = append(texts, string(rune('a'+i%26)))
	}
	if got := appendAll(t, s, false, texts...); strings.Count(got, ":ok:") != 65 {
		t.Error(got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
