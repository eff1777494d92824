package imapfake

import (
	"strings"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	type change func(b *Mailbox)
	for _, c := range []struct {
		name   string
		change change
		want   string
	}{
		{"nothing", func(*Mailbox) {}, ""},
		{"a lost message", func(b *Mailbox) { _ = b.Expunge("x", 1) }, "missing"},
		{"a lost duplicate", func(b *Mailbox) { _ = b.Expunge("x", 3) }, "missing"},
		{"a message twice", func(b *Mailbox) { b.Deliver("x", []byte("one"), epoch) }, "extra"},
		{"an altered message", func(b *Mailbox) { _ = b.SetRaw("x", 1, []byte("One")) }, "missing extra"},
		{"a changed date", func(b *Mailbox) { _ = b.SetDate("x", 1, epoch.Add(time.Hour)) }, "date"},
		{"the same instant in another zone", func(b *Mailbox) { _ = b.SetDate("x", 1, epoch.UTC()) }, ""},
		{"a lost flag", func(b *Mailbox) { _ = b.SetFlags("x", 1) }, "flags"},
		{"another case of a flag", func(b *Mailbox) { _ = b.SetFlags("x", 1, `\seen`, "WORK") }, ""},
		{"a folder too many", func(b *Mailbox) { b.Create("y") }, "extra folder"},
		{"a folder that is gone", func(b *Mailbox) { _ = b.Delete("x") }, "missing folder missing missing missing"},
		{"a message in another folder", func(b *Mailbox) { _, _ = b.Move("x", "INBOX", 1) }, "extra missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Options{})
			a, b := s.AddUser("a", ""), s.AddUser("b", "")
			for _, m := range []*Mailbox{a, b} {
				m.Deliver("x", []byte("one"), epoch, `\Seen`, "work")
				m.Deliver("x", []byte("two"), epoch)
				m.Deliver("x", []byte("two"), epoch)
			}
			c.change(b)
			var kinds []string
			for _, d := range Compare(a, b, CompareOptions{}) {
				kinds = append(kinds, string(d.Kind))
			}
			equals(t, strings.Join(kinds, " "), c.want)
		})
	}
}

func TestCompareOptions(t *testing.T) {
	s := serve(t, Options{})
	a, b := s.AddUser("a", ""), s.AddUser("b", "")
	a.Deliver("x", []byte("one"), epoch, "work")
	b.Deliver("INBOX.x", []byte("one"), epoch.Add(time.Hour))
	b.Deliver("INBOX.x", []byte("noise"), epoch)
	b.Create("empty")
	differences := Compare(a, b, CompareOptions{
		Rename:         func(name string) string { return strings.Replace("INBOX."+name, "INBOX.INBOX", "INBOX", 1) },
		IgnoreKeywords: true, IgnoreDates: true, IgnoreFolders: true,
		Exclude: func(_ string, m Message) bool { return string(m.Raw) == "noise" },
	})
	for _, d := range differences {
		t.Error(d)
	}
}
