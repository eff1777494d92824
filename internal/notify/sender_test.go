package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// desk is a store of notices in memory.
type desk struct {
	mu      sync.Mutex
	notices []migration.Notice
	// broken is how often noting that one was sent still fails.
	broken int
	tried  []time.Duration // since the notice was made
}

func (d *desk) Take(_ context.Context, within time.Duration) (migration.Notice, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.notices {
		n := &d.notices[i]
		if n.Due.IsZero() || n.Due.After(time.Now()) {
			continue
		}
		d.tried = append(d.tried, time.Since(n.Created))
		n.Due = time.Now().Add(within)
		n.Tries++
		return *n, true, nil
	}
	return migration.Notice{}, false, nil
}

func (d *desk) Sent(_ context.Context, id int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken > 0 {
		d.broken--
		return errors.New("the database is away")
	}
	d.notices[id].Sent, d.notices[id].Due = time.Now(), time.Time{}
	return nil
}

func (d *desk) Failed(_ context.Context, id int64, trouble string, again time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notices[id].Trouble, d.notices[id].Due = trouble, again
	return nil
}

func (d *desk) put(notices ...migration.Notice) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range notices {
		n.ID, n.Created, n.Due = int64(len(d.notices)), time.Now(), time.Now()
		d.notices = append(d.notices, n)
	}
}

// outcomes counts what an Observer is told.
type outcomes struct {
	mu   sync.Mutex
	list []string
}

func (o *outcomes) Notice(kind, outcome string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, kind+" "+outcome)
}

// sending is a Sender that mails to the scripted server.
func sending(t *testing.T, d *desk, server *scripted, seen Observer) *Sender {
	t.Helper()
	batch := batchOf(1)
	s, err := New(Options{Store: d, Reports: oneReport{&batch}, Observer: seen,
		Mail: always(&MailServer{Host: "localhost", Security: migration.Cleartext, AllowCleartext: true, From: "mailhaul@example.org", Dial: server.dial})})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// always is the same mail server, whenever it is asked for.
func always(server *MailServer) func(context.Context) (*MailServer, error) {
	return func(context.Context) (*MailServer, error) { return server, nil }
}

func noticesOf(kind string) []migration.Notice {
	return Composer{Mail: true}.Compose(events()[kind], "olga@example.org")
}

func TestNoticesAreTriedForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, seen := &desk{}, &outcomes{}
		d.put(noticesOf("synced")[0])
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		s := sending(t, d, &scripted{answers: map[string]string{"MAIL": "451 busy"}}, seen)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(48 * time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		n := d.notices[0]
		if !n.Due.IsZero() || !n.Sent.IsZero() || !strings.Contains(n.Trouble, "busy") {
			t.Errorf("got %q, due %v, sent %v", n.Trouble, n.Due, n.Sent)
		}
		var minutes []int
		for _, at := range d.tried {
			minutes = append(minutes, int(at.Minutes()))
		}
		if want := []int{0, 1, 3, 7, 15, 31, 63, 123}; !slices.Equal(minutes[:len(want)], want) {
			t.Errorf("tried after %v minutes", minutes)
		}
		if last := d.tried[len(d.tried)-1]; last < 24*time.Hour || last > 25*time.Hour+time.Minute {
			t.Errorf("the last try was after %v", last)
		}
		if last := seen.list[len(seen.list)-1]; last != "synced given-up" || seen.list[0] != "synced failed" {
			t.Errorf("got %v", seen.list)
		}
	})
}

func TestANoticeIsSentOnceAlsoWhenThatCannotBeNotedAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, server, seen := &desk{broken: 3}, &scripted{}, &outcomes{}
		d.put(noticesOf("synced")...)
		ctx, cancel := context.WithCancel(t.Context())
		s := sending(t, d, server, seen)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Hour)
		cancel()
		<-done
		if sent := strings.Count(strings.Join(server.heard, "\n"), "\nDATA"); sent != 2 || len(d.tried) != 2 {
			t.Errorf("%d mails, %d tries", sent, len(d.tried))
		}
		for _, n := range d.notices {
			if n.Sent.IsZero() || !n.Due.IsZero() {
				t.Errorf("got %+v", n)
			}
		}
	})
}

func TestWakeSendsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, server := &desk{}, &scripted{}
		s := sending(t, d, server, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Second)
		d.put(noticesOf("synced")[0])
		s.Wake()
		synctest.Wait()
		if d.notices[0].Sent.IsZero() {
			t.Error("not sent")
		}
		cancel()
		<-done
	})
}

func TestWhatIsUnderWayIsFinishedWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, server := &desk{}, &scripted{}
		d.put(noticesOf("synced")...)
		s := sending(t, d, server, nil)
		ctx, cancel := context.WithCancel(t.Context())
		slow, _ := s.o.Mail(ctx)
		slow.Dial = func(context.Context, string, string) (net.Conn, error) {
			cancel()
			time.Sleep(20 * time.Second)
			return server.dial(ctx, "", "")
		}
		_ = s.Run(ctx)
		if d.notices[0].Sent.IsZero() || !d.notices[1].Sent.IsZero() {
			t.Errorf("got %+v", d.notices)
		}
	})
}

func TestNobodyToSendToIsATroubleThatPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		d.put(Composer{Mail: true, Webhook: true}.Compose(events()["synced"], "")...)
		s, err := New(Options{Store: d, Reports: oneReport{}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := s.sendOne(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if d.notices[0].Trouble != "no mail server is set up on this server" || d.notices[1].Trouble != "no webhook is set up on this server" || d.notices[0].Due.IsZero() {
			t.Errorf("got %+v", d.notices)
		}
	})
}

func TestASecretThatAServerRepeatsIsNotKept(t *testing.T) {
	d := &desk{}
	d.put(noticesOf("synced")[0])
	batch := batchOf(1)
	server := startSMTP(t, smtpdOptions{Mode: "implicit", User: "mailhaul", Password: "another"}).signedIn(migration.Implicit)
	s, err := New(Options{Store: d, Reports: oneReport{&batch}, Mail: always(server)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.sendOne(t.Context()); err != nil || d.notices[0].Trouble == "" {
		t.Fatal(err, d.notices)
	}
	if !strings.Contains(d.notices[0].Trouble, "refused with status 535") {
		t.Error(d.notices[0].Trouble)
	}
	for _, text := range []string{d.notices[0].Trouble, trouble(withoutSecret(fmt.Errorf("535 %s %q", mailPassword, mailPassword), server.Password))} {
		if strings.Contains(text, "c4nary") {
			t.Errorf("kept: %s", text)
		}
	}
}
