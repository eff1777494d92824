package mailsync

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// Bench is a target on which a folder is made and thrown away.
type Bench interface {
	Target
	// Delete removes a folder with all that is in it, after leaving it if it is open.
	Delete(ctx context.Context, rawName string) error
	// Scrub takes secrets out of what the server has served, before any of it is told.
	Scrub(text string) string
}

const (
	// discardTime is how long deleting the folder of a calibration may take, also when
	// whoever asked for it is gone.
	discardTime = 15 * time.Second
	// benchesMost is how many connections a calibration may make before it deletes the
	// folder: some servers end one at a message they do not like.
	benchesMost = 4
	// refusalsMost is how many messages may be refused, well below the number at which
	// servers end connections or lock people out.
	refusalsMost = 5
	// copyMost is how much of a copy is looked at, and copiesMost how many there may be.
	copyMost   = 256 << 10
	copiesMost = 50
)

// calibration is one under way.
type calibration struct {
	dial  func(context.Context) (Bench, error)
	bench Bench
	dials int
	// name is the folder's, and raw how it is addressed: empty as long as there is none.
	name, raw string
	token     string
	specimens []*specimen
	status    migration.FolderStatus
	refused   int
}

// Calibrate measures what a server keeps of messages it is given: it makes a folder of
// a name that nobody else has, adds a handful of messages, reads them back, and deletes
// the folder, also after an error or the end of the context. It touches no other folder.
// A message that is refused is a result. The calibration names the folder if it could
// not be deleted, and so does an error, beside which the calibration is worth nothing else.
func Calibrate(ctx context.Context, dial func(context.Context) (Bench, error)) (migration.Calibration, error) {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // it never fails
	token := hex.EncodeToString(random)
	c := &calibration{dial: dial, token: token, specimens: newSpecimens(token, time.Now().UTC())}
	err := c.measure(ctx)
	left := c.discard(ctx)
	result := c.result()
	if left != nil {
		result.Left, result.LeftReason = c.name, left.Error()
	}
	if err != nil && left != nil {
		err = fmt.Errorf("%w; the folder %q may still be there, and can be deleted by hand (%w)", err, c.name, left)
	}
	return result, err
}

// measure makes the folder, adds the specimens and reads their copies.
func (c *calibration) measure(ctx context.Context) error {
	if err := c.create(ctx); err != nil {
		return err
	}
	for _, s := range c.specimens {
		if err := c.send(ctx, s); err != nil {
			return err
		}
	}
	for {
		err := c.look(ctx)
		if err == nil || migration.ClassOf(err) != migration.Again || ctx.Err() != nil || c.dials >= benchesMost {
			return err
		}
		c.leave()
	}
}

// connected is the connection; a new one if the last was lost.
func (c *calibration) connected(ctx context.Context) (Bench, error) {
	if c.bench != nil {
		return c.bench, nil
	}
	c.dials++
	bench, err := c.dial(ctx)
	if err == nil {
		c.bench = bench
	}
	return c.bench, err
}

// leave closes the connection.
func (c *calibration) leave() {
	if c.bench != nil {
		_ = c.bench.Close()
		c.bench = nil
	}
}

// create makes the folder. From then on that it is there is believed until it was
// deleted, unless the server has said that it did not make it.
func (c *calibration) create(ctx context.Context) error {
	bench, err := c.connected(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(bench.Profile().Capabilities, labelCapability) {
		return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeUnsupported,
			Doing:  "calibrating: the folders of this server are labels, and a message that is deleted with one stays in All Mail",
			Remedy: "Nothing to do: what Gmail keeps is known, and its mailboxes need no calibration."}
	}
	folders, err := bench.Folders(ctx)
	if err != nil {
		return err
	}
	c.name = rulesFor(bench.Profile(), folders).prefix + "mailhaul calibration " + c.token
	c.raw = bench.RawName(c.name)
	err = bench.Create(ctx, c.raw)
	if err != nil && migration.ClassOf(err) == migration.OneFolder {
		c.raw = ""
	}
	return err
}

// send adds a specimen as often as it says. That it is refused, or that the connection ends
// with it, is its result, unless it is the first: where a plain message is not taken,
// there is nothing to be measured.
func (c *calibration) send(ctx context.Context, s *specimen) error {
	for range max(s.times, 1) {
		if c.refused == refusalsMost {
			return nil
		}
		result, err := c.add(ctx, s)
		if err == nil {
			err = result.Err
		}
		class := migration.ClassOf(err)
		switch {
		case err == nil:
			s.taken++
			if result.UID != 0 {
				s.places = append(s.places, place{result.UID, result.UIDValidity})
			}
		case s == c.specimens[0] || ctx.Err() != nil, class != migration.OneMessage && class != migration.Again, class == migration.Again && c.dials >= benchesMost:
			return err
		default:
			s.refusal = err
			c.refused++
			if class == migration.Again {
				c.leave()
			}
			return nil
		}
	}
	return nil
}

// add sends a message and waits for the answer.
func (c *calibration) add(ctx context.Context, s *specimen) (result migration.AppendResult, err error) {
	bench, err := c.connected(ctx)
	if err != nil {
		return result, err
	}
	told := make(chan migration.AppendResult, 1)
	appender := bench.Appender(c.raw, migration.AppendOptions{Single: true}, func(r migration.AppendResult) { told <- r })
	message := migration.AppendMessage{Key: 1, Size: int64(len(s.text)), Date: s.date, Flags: s.flags}
	if err := appender.Append(ctx, message, strings.NewReader(s.text)); err != nil {
		return result, err
	}
	if err := appender.Flush(ctx); err != nil {
		return result, err
	}
	return <-told, nil
}

// look reads everything that is in the folder.
func (c *calibration) look(ctx context.Context) error {
	bench, err := c.connected(ctx)
	if err != nil {
		return err
	}
	for _, s := range c.specimens {
		s.copies = nil
	}
	messages, uids := map[migration.UID]migration.Message{}, migration.UIDSet{}
	c.status, err = bench.Open(ctx, migration.Open{Folder: c.raw, Query: &migration.Query{From: 1, Flags: true, Date: true, Size: true,
		Each: func(m migration.Message) error {
			if len(messages) < copiesMost {
				flags := m.Flags
				m.Flags = nil
				for _, flag := range flags {
					m.Flags = append(m.Flags, bench.Scrub(flag))
				}
				messages[m.UID] = m
				uids.Add(m.UID)
			}
			return nil
		}}})
	if err != nil || uids.Empty() {
		return err
	}
	return bench.Bodies(ctx, uids, func(body migration.Body) error {
		text, err := io.ReadAll(io.LimitReader(body.Reader, copyMost))
		if err == nil {
			_, err = io.Copy(io.Discard, body.Reader)
		}
		if err == nil {
			c.found(copied{messages[body.UID], bench.Scrub(string(text))})
		}
		return err
	})
}

// specimenNumber is in the subject of each specimen, which a server may have folded.
var specimenNumber = regexp.MustCompile(`mailhaul\s+specimen\s+([0-9]+)`)

// found gives a copy to the specimen that it is of. Whose subject is gone is nobody's.
func (c *calibration) found(copy copied) {
	match := specimenNumber.FindStringSubmatch(headerOf(copy.text))
	if match == nil {
		return
	}
	if n, err := strconv.Atoi(match[1]); err == nil && n < len(c.specimens) {
		c.specimens[n].copies = append(c.specimens[n].copies, copy)
	}
}

// discard deletes the folder and closes the connection. The first try may meet one that
// was lost; a refusal counts as long as the folder is listed.
func (c *calibration) discard(ctx context.Context) (err error) {
	defer c.leave()
	if c.raw == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	for range 2 {
		var bench Bench
		if bench, err = c.connected(ctx); err != nil {
			continue
		}
		if err = c.clear(ctx, bench); migration.ClassOf(err) != migration.Again || err == nil {
			return err
		}
		c.leave()
	}
	return err
}

// clear deletes the folder, and what is then listed with its token in its name: there
// are servers that move to the trash what is deleted outside. A refusal counts as long
// as the folder is listed.
func (c *calibration) clear(ctx context.Context, bench Bench) error {
	ours := []string{c.raw}
	for range 2 {
		var refusal error
		for _, raw := range ours {
			if refusal = bench.Delete(ctx, raw); refusal != nil && migration.ClassOf(refusal) == migration.Again {
				return refusal
			}
		}
		folders, err := bench.Folders(ctx)
		if err != nil {
			return err
		}
		ours = nil
		for _, f := range folders {
			if strings.Contains(f.Name, c.token) {
				c.name = bench.Scrub(f.Name)
				ours = append(ours, f.Raw)
			}
		}
		switch {
		case len(ours) == 0:
			return nil
		case refusal != nil:
			return refusal
		}
	}
	return &migration.Fault{Class: migration.OneFolder, Code: migration.CodeServerBug, Doing: "deleting the folder " + c.name + ": it is listed still"}
}

func headerOf(text string) string {
	header, _, _ := strings.Cut(text, "\r\n\r\n")
	return header
}
