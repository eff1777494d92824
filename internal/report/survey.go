package report

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// What a survey says of a mailbox, beside Failed, Stopped and Queued.
const (
	// Measured: it was counted and holds messages.
	Measured = "Measured"
	// Empty: it was counted and holds none.
	Empty = "Empty"
)

// Survey is what the mailboxes of a source hold.
type Survey struct {
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Source names the server.
	Source    string            `json:"source"`
	Summary   SurveySummary     `json:"summary"`
	Mailboxes []SurveyedMailbox `json:"mailboxes"`
}

// SurveyedMailbox is what one mailbox holds of what a first pass would copy. Bytes are
// nil where the server does not tell them.
type SurveyedMailbox struct {
	EmailAddress string `json:"emailAddress"`
	SourceUser   string `json:"sourceUser"`
	// Status is Measured, Empty, Failed, Stopped or Queued.
	Status   string `json:"status"`
	Messages int64  `json:"messages"`
	Bytes    *int64 `json:"bytes,omitempty"`
	Folders  int    `json:"folders"`
	// LeftOut are the folders that the rules leave out, Uncounted those that the
	// server does not count.
	LeftOut   int `json:"foldersLeftOut"`
	Uncounted int `json:"foldersUncounted"`
	// LargestFolder is the one with the most bytes, where they are told, else with the
	// most messages.
	LargestFolder         string `json:"largestFolder,omitempty"`
	LargestFolderMessages int64  `json:"largestFolderMessages,omitempty"`
	LargestFolderBytes    *int64 `json:"largestFolderBytes,omitempty"`
	// LargestMessage is in bytes, nil when messages were not asked for their sizes.
	LargestMessage *int64  `json:"largestMessage,omitempty"`
	RoundTrips     int64   `json:"roundTrips"`
	Seconds        float64 `json:"seconds"`
	// Code, Reason and Remedy say why it was not counted, or what to know of it.
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// counted reports whether its messages are known.
func (m SurveyedMailbox) counted() bool { return m.Status == Measured || m.Status == Empty }

// SurveySummary sums a survey up.
type SurveySummary struct {
	Mailboxes int `json:"mailboxes"`
	// Counted are those whose messages are known, Empty those of them without any,
	// Sized those whose bytes are known, and Failed those that could not be counted.
	Counted int `json:"counted"`
	Empty   int `json:"empty"`
	Sized   int `json:"sized"`
	Failed  int `json:"failed"`
	Folders int `json:"folders"`
	// Messages are of the mailboxes that are counted, Bytes of those that are sized.
	Messages Spread `json:"messages"`
	Bytes    Spread `json:"bytes"`
	// LargestMessage is nil when messages were not asked for their sizes.
	LargestMessage *int64 `json:"largestMessage,omitempty"`
	// Biggest are the ten biggest mailboxes: by bytes where all are sized, else by
	// messages.
	Biggest []SurveyedMailbox `json:"biggest"`
}

// Spread is how a figure is spread over mailboxes. P95 is what 95 of 100 do not exceed.
type Spread struct {
	Total   int64 `json:"total"`
	Median  int64 `json:"median"`
	P95     int64 `json:"p95"`
	Largest int64 `json:"largest"`
}

// spreadOf takes a percentile as the smallest figure that so many do not exceed.
func spreadOf(figures []int64) (s Spread) {
	slices.Sort(figures)
	n := len(figures)
	if n == 0 {
		return s
	}
	for _, f := range figures {
		s.Total += f
	}
	s.Median, s.P95, s.Largest = figures[(n+1)/2-1], figures[(n*95+99)/100-1], figures[n-1]
	return s
}

// biggestTold is how many of the biggest mailboxes a summary names.
const biggestTold = 10

// Summarise sums up the mailboxes of the survey.
func (s *Survey) Summarise() {
	sum := SurveySummary{Mailboxes: len(s.Mailboxes), Biggest: []SurveyedMailbox{}}
	var messages, bytes []int64
	for _, m := range s.Mailboxes {
		switch m.Status {
		case Failed:
			sum.Failed++
		case Empty:
			sum.Empty++
		}
		if !m.counted() {
			continue
		}
		sum.Counted, sum.Folders = sum.Counted+1, sum.Folders+m.Folders
		messages = append(messages, m.Messages)
		sum.Biggest = append(sum.Biggest, m)
		if m.Bytes != nil {
			sum.Sized++
			bytes = append(bytes, *m.Bytes)
		}
		if m.LargestMessage != nil && (sum.LargestMessage == nil || *m.LargestMessage > *sum.LargestMessage) {
			sum.LargestMessage = m.LargestMessage
		}
	}
	sum.Messages, sum.Bytes = spreadOf(messages), spreadOf(bytes)
	slices.SortStableFunc(sum.Biggest, func(a, b SurveyedMailbox) int {
		if sum.Sized == sum.Counted {
			return cmp.Or(cmp.Compare(*b.Bytes, *a.Bytes), cmp.Compare(b.Messages, a.Messages))
		}
		return cmp.Compare(b.Messages, a.Messages)
	})
	sum.Biggest = sum.Biggest[:min(len(sum.Biggest), biggestTold)]
	s.Summary = sum
}

// The columns of a survey that ReadSurvey reads.
const (
	surveyMessages = "Messages"
	surveyBytes    = "Bytes"
)

func surveyColumns() []column[SurveyedMailbox] {
	number := func(of func(SurveyedMailbox) int64) func(SurveyedMailbox) string {
		return func(m SurveyedMailbox) string {
			if !m.counted() {
				return ""
			}
			return strconv.FormatInt(of(m), 10)
		}
	}
	known := func(of func(SurveyedMailbox) *int64) func(SurveyedMailbox) string {
		return func(m SurveyedMailbox) string {
			if n := of(m); n != nil {
				return strconv.FormatInt(*n, 10)
			}
			return ""
		}
	}
	return []column[SurveyedMailbox]{
		{"EmailAddress", "The address of the mailbox.", func(m SurveyedMailbox) string { return m.EmailAddress }},
		{"SourceUser", "The user name at the source.", func(m SurveyedMailbox) string { return m.SourceUser }},
		{"Status", "Measured, Empty, Failed, Stopped or Queued.", func(m SurveyedMailbox) string { return m.Status }},
		{surveyMessages, "The messages that a first pass would copy; empty where they could not be counted, as are the other figures.", number(func(m SurveyedMailbox) int64 { return m.Messages })},
		{surveyBytes, "Their bytes; empty where the server does not tell them.", known(func(m SurveyedMailbox) *int64 { return m.Bytes })},
		{"Folders", "The folders that a first pass would go through.", number(func(m SurveyedMailbox) int64 { return int64(m.Folders) })},
		{"FoldersLeftOut", "The folders that the rules leave out.", number(func(m SurveyedMailbox) int64 { return int64(m.LeftOut) })},
		{"FoldersUncounted", "The folders that the server does not count; their messages are missing in the row.", number(func(m SurveyedMailbox) int64 { return int64(m.Uncounted) })},
		{"LargestFolder", "The folder with the most bytes, or with the most messages where bytes are not told.", func(m SurveyedMailbox) string { return m.LargestFolder }},
		{"LargestFolderMessages", "Its messages.", number(func(m SurveyedMailbox) int64 { return m.LargestFolderMessages })},
		{"LargestFolderBytes", "Its bytes; empty where the server does not tell them.", known(func(m SurveyedMailbox) *int64 { return m.LargestFolderBytes })},
		{"LargestMessage", "The bytes of the largest message; empty without --sizes.", known(func(m SurveyedMailbox) *int64 { return m.LargestMessage })},
		{"RoundTrips", "How often the server was waited for in IMAP, the sign-in included; not TLS and the farewell.", func(m SurveyedMailbox) string { return strconv.FormatInt(m.RoundTrips, 10) }},
		{"Seconds", "How long it took.", func(m SurveyedMailbox) string { return strconv.FormatFloat(m.Seconds, 'f', 3, 64) }},
		{"Code", "The code of what kept it from being counted, or of what to know of it.", func(m SurveyedMailbox) string { return m.Code }},
		{"Reason", "The same in words.", func(m SurveyedMailbox) string { return m.Reason }},
		{"Remedy", "What to do about it.", func(m SurveyedMailbox) string { return m.Remedy }},
	}
}

// WriteSurvey writes one row for each mailbox, in the order given.
func WriteSurvey(w io.Writer, s Survey) error {
	out, err := startTable(w, surveyColumns())
	if err != nil {
		return err
	}
	for _, m := range s.Mailboxes {
		if err := out.row(m); err != nil {
			return err
		}
	}
	return out.end()
}

// ReadSurvey reads the sizes that WriteSurvey wrote, without the mailboxes that were not
// counted, whose number it gives too. Rows and columns may have been deleted or sorted
// since, as long as Messages and Bytes are there.
func ReadSurvey(r io.Reader) (sizes []migration.MailboxSize, uncounted int, err error) {
	in := csv.NewReader(r)
	in.ReuseRecord, in.FieldsPerRecord = true, -1
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, 0, errors.New("the file is empty; want the one that mailhaul survey --output wrote")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the header: %w", err)
	}
	if len(header) > 0 {
		header[0] = strings.TrimPrefix(header[0], "\ufeff") // as Excel wants the files of this package to begin
	}
	messages, bytes := slices.Index(header, surveyMessages), slices.Index(header, surveyBytes)
	if messages < 0 || bytes < 0 {
		return nil, 0, errors.New("the columns Messages and Bytes are missing; want the file that mailhaul survey --output wrote")
	}
	for row := 2; ; row++ {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return sizes, uncounted, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if len(cells) <= max(messages, bytes) || cells[messages] == "" {
			uncounted++
			continue
		}
		size, err := readSize(cells[messages], cells[bytes])
		if err != nil {
			return nil, 0, fmt.Errorf("row %d: %w", row, err)
		}
		sizes = append(sizes, size)
	}
}

// readSize reads two figures, of which the bytes may be missing.
func readSize(messages, bytes string) (size migration.MailboxSize, err error) {
	number := func(name, text string) (n int64) {
		n, bad := strconv.ParseInt(text, 10, 64)
		if bad != nil || n < 0 {
			err = errors.Join(err, fmt.Errorf("%s is %q, want a number", name, text))
		}
		return n
	}
	size.Messages = number(surveyMessages, messages)
	if bytes != "" {
		size.Bytes = number(surveyBytes, bytes)
	}
	return size, err
}
