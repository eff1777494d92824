package report

import (
	"fmt"
	"strings"
)

// lineWidth is where lines of text are broken.
const lineWidth = 76

// text is the hand-over as plain text.
func (v *handoverView) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Your new mailbox: %s\n\n", v.Address)
	for _, sentence := range v.Greeting() {
		paragraph(&b, "", sentence)
	}
	heading(&b, "What to do now")
	for i, s := range v.Steps() {
		fmt.Fprintf(&b, "%d. %s.\n", i+1, s.Do)
		paragraph(&b, "   ", s.How)
	}
	v.folderTable(&b)
	v.textOfLeftOut(&b)
	bulleted(&b, "Not part of the copy", v.Chosen)
	bulleted(&b, "Good to know", v.Notes)
	if len(v.Contact) > 0 {
		heading(&b, "Whom to ask")
		fmt.Fprintln(&b, strings.Join(v.Contact, "\n"))
	}
	return b.String()
}

func heading(b *strings.Builder, text string) {
	fmt.Fprintf(b, "\n%s\n%s\n", text, strings.Repeat("-", len(text)))
}

func bulleted(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	heading(b, title)
	for _, line := range lines {
		paragraph(b, "- ", line)
	}
}

// paragraph breaks a text into lines; the first begins with the mark, the others below
// what follows it.
func paragraph(b *strings.Builder, mark, text string) {
	width, start := 0, true
	b.WriteString(mark)
	width += len(mark)
	for word := range strings.FieldsSeq(text) {
		length := len([]rune(word))
		switch {
		case start:
		case width+1+length > lineWidth:
			b.WriteString("\n" + strings.Repeat(" ", len(mark)))
			width = len(mark)
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width, start = width+length, false
	}
	b.WriteByte('\n')
}

// folderTable lists the folders, with their numbers in columns.
func (v *handoverView) folderTable(b *strings.Builder) {
	if len(v.Listed) == 0 {
		return
	}
	heading(b, "Your folders")
	rows := append(append([]Folder{}, v.Listed...), v.Total())
	name := 20
	for _, f := range rows {
		name = max(name, min(len([]rune(f.Names())), 40))
	}
	row := func(what, old, now, out string) {
		if long := len([]rune(what)); long > name { // the numbers then come below it
			fmt.Fprintln(b, what)
			what = ""
		}
		fmt.Fprintf(b, "%-*s %10s %10s %9s\n", name, what, old, now, out)
	}
	row("", "old", "new", "left out")
	for i, f := range rows {
		if more := v.MoreFolders(); more != "" && i == len(rows)-1 {
			fmt.Fprintln(b, more)
		}
		row(f.Names(), f.Old(), f.New(), f.Out())
	}
	if len(v.Renamed) > 0 {
		b.WriteString("\nThese folders have another name now:\n")
		for _, r := range v.Renamed {
			fmt.Fprintln(b, "- "+r.Text())
		}
	}
	b.WriteByte('\n')
	paragraph(b, "", v.Counted())
}

// Text is the renaming in a line.
func (r renaming) Text() string {
	if r.New == "" {
		return r.Old
	}
	return r.Old + " is now " + r.New
}

// textOfLeftOut lists the messages that were left out, by reason.
func (v *handoverView) textOfLeftOut(b *strings.Builder) {
	if len(v.Reasons) == 0 {
		return
	}
	heading(b, "What was left out")
	for i, r := range v.Reasons {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(b, "%s: %s\n", r.Why, r.Number())
		for _, m := range r.Messages {
			fmt.Fprintln(b, "- "+m.Text())
		}
		if more := r.More(); more != "" {
			fmt.Fprintln(b, "- "+more)
		}
		paragraph(b, "", r.Advice)
	}
}
