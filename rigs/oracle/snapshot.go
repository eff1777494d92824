package oracle

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"time"
)

//go:embed snapshot.py
var program string

// Snapshot is everything in one mailbox at one time.
type Snapshot struct {
	// Folders are sorted by raw name.
	Folders []Folder
	// OnlySubscribed are raw names that are subscribed but do not exist.
	OnlySubscribed []string
}

// Folder is one folder.
type Folder struct {
	// Raw is the name as the server sends it, Name the same with modified UTF-7
	// decoded. The two are equal where Raw is not valid modified UTF-7.
	Raw        string   `json:"folder"`
	Name       string   `json:"name"`
	Separator  string   `json:"separator"`
	Attributes []string `json:"attributes"`
	Selectable bool     `json:"selectable"`
	Subscribed bool     `json:"subscribed"`
	// UIDValidity and UIDNext are 0 where the folder cannot be selected.
	UIDValidity uint32 `json:"uidvalidity"`
	UIDNext     uint32 `json:"uidnext"`
	// Messages are in the order of the folder.
	Messages []Message `json:"-"`
}

// Message is one message.
type Message struct {
	UID uint32 `json:"uid"`
	// SHA256 is the hash of BODY[] in hex, Size the number of its bytes.
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// AnnouncedSize is RFC822.SIZE, which some servers get wrong.
	AnnouncedSize int64 `json:"announcedSize"`
	// Date is INTERNALDATE in seconds since 1970, RawDate as it was sent.
	Date    int64  `json:"date"`
	RawDate string `json:"rawDate"`
	// Flags are sorted, keywords included, \Recent not.
	Flags []string `json:"flags"`
	// Churn says that the header has an X-Churn field: mail that a test
	// delivered during the run.
	Churn bool `json:"churn"`
}

// Count is the number of messages in all folders.
func (s Snapshot) Count() int {
	n := 0
	for _, f := range s.Folders {
		n += len(f.Messages)
	}
	return n
}

// Missing says what this machine lacks to run the oracle, or "" when it can.
func Missing() string {
	if _, err := exec.LookPath("python3"); err != nil {
		return "python3 is not installed"
	}
	return ""
}

// Take reads the mailbox of user on a server that speaks IMAP in the clear.
// It waits as long as ctx allows.
func Take(ctx context.Context, host string, port int, user, password string) (Snapshot, error) {
	if m := Missing(); m != "" {
		return Snapshot{}, errors.New(m)
	}
	cmd := exec.CommandContext(ctx, "python3", "-I", "-c", program, host, strconv.Itoa(port), user)
	cmd.Stdin = bytes.NewBufferString(password + "\n")
	cmd.WaitDelay = 5 * time.Second
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		return Snapshot{}, fmt.Errorf("start the oracle: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return Snapshot{}, fmt.Errorf("start the oracle: %w", err)
	}
	s, readErr := parse(out)
	if err := cmd.Wait(); err != nil {
		return s, fmt.Errorf("read the mailbox of %s: %w: %s", user, err, talk.String())
	}
	if readErr != nil {
		return s, fmt.Errorf("read the mailbox of %s: %w", user, readErr)
	}
	return s, nil
}

// parse reads the program's lines. A missing last line is an error: half a
// snapshot would look like loss.
func parse(r io.Reader) (Snapshot, error) {
	var s Snapshot
	lines := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			_, _ = io.Copy(io.Discard, r)
			return s, fmt.Errorf("the oracle ended early: %w", err)
		}
		var kind struct {
			Folder         *string `json:"folder"`
			OnlySubscribed *string `json:"onlySubscribed"`
			Done           bool    `json:"done"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return s, fmt.Errorf("read the oracle's line: %w", err)
		}
		switch {
		case kind.Done:
			return s, nil
		case kind.OnlySubscribed != nil:
			s.OnlySubscribed = append(s.OnlySubscribed, *kind.OnlySubscribed)
		case kind.Folder != nil:
			s.Folders = append(s.Folders, Folder{})
			err = json.Unmarshal(line, &s.Folders[len(s.Folders)-1])
		case len(s.Folders) > 0:
			var m Message
			err = json.Unmarshal(line, &m)
			f := &s.Folders[len(s.Folders)-1]
			f.Messages = append(f.Messages, m)
		default:
			err = errors.New("a message before a folder")
		}
		if err != nil {
			return s, fmt.Errorf("read the oracle's line: %w", err)
		}
	}
}
