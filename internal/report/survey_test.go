package report

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

func bytesOf(n int64) *int64 { return &n }

func TestASurveyNamesTheTenBiggestAndWhatMostDoNotExceed(t *testing.T) {
	var s Survey
	for n := range int64(100) {
		s.Mailboxes = append(s.Mailboxes, SurveyedMailbox{EmailAddress: fmt.Sprintf("u%d", n), Status: Measured, Folders: 2, Messages: 100 - n, Bytes: bytesOf(n * n)})
	}
	s.Mailboxes = append(s.Mailboxes, SurveyedMailbox{EmailAddress: "refused", Status: Failed, Messages: 1e9}, SurveyedMailbox{EmailAddress: "empty", Status: Empty, Bytes: bytesOf(0)})
	s.Summarise()
	sum := s.Summary
	if sum.Mailboxes != 102 || sum.Counted != 101 || sum.Sized != 101 || sum.Failed != 1 || sum.Empty != 1 || sum.Folders != 200 ||
		sum.Messages != (Spread{5050, 50, 95, 100}) || sum.Bytes.Largest != 99*99 || len(sum.Biggest) != 10 || sum.Biggest[0].EmailAddress != "u99" {
		t.Errorf("%+v", sum)
	}
	s.Mailboxes[7].Bytes = nil
	if s.Summarise(); s.Summary.Sized != 100 || s.Summary.Biggest[0].EmailAddress != "u0" {
		t.Errorf("with one whose bytes are not told: %+v", s.Summary)
	}
	var none Survey
	if none.Summarise(); none.Summary.Biggest == nil || none.Summary.Messages != (Spread{}) {
		t.Errorf("of nothing: %+v", none.Summary)
	}
}

func TestTheSizesOfASurveyAreReadAsTheyWereWritten(t *testing.T) {
	s := Survey{Mailboxes: []SurveyedMailbox{{EmailAddress: "=cmd()", Status: Measured, Messages: 7, Bytes: bytesOf(900)}, {EmailAddress: "b", Status: Failed, Reason: "no, \"never\"\nagain"},
		{EmailAddress: "c", Status: Measured, Messages: 3}, {EmailAddress: "d", Status: Empty}}}
	var file bytes.Buffer
	if err := WriteSurvey(&file, s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(file.String(), "\n=cmd()") {
		t.Errorf("a cell is a formula:\n%s", file.String())
	}
	sizes, uncounted, err := ReadSurvey(&file)
	if err != nil || uncounted != 1 || fmt.Sprint(sizes) != fmt.Sprint([]migration.MailboxSize{{Messages: 7, Bytes: 900}, {Messages: 3}, {}}) {
		t.Errorf("%v, %d not counted, %v", sizes, uncounted, err)
	}
	for text, want := range map[string]string{"": "the file is empty", "EmailAddress,Messages\nx,1\n": "Bytes are missing", "Messages,Bytes\n1,2\nmany,3\n": "row 3: Messages is", "Bytes,Messages\n-1,2\n": "row 2: Bytes is"} {
		if _, _, err := ReadSurvey(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestThePageOfSurveysHasItsColumns(t *testing.T) {
	page, err := os.ReadFile("../../docs/estimate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range surveyColumns() {
		if row := fmt.Sprintf("| `%s` | %s |\n", c.name, c.meaning); !strings.Contains(string(page), row) {
			t.Errorf("the page lacks %s", row)
		}
	}
}
