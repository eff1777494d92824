package report

import (
	"fmt"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// leftOutWords say to the owner of a mailbox why messages were left out, and what to
// do. The reasons and remedies of findings are for who runs the migration.
func leftOutWords(code string) (why, advice string) {
	switch code {
	case migration.CodeTooLarge:
		return "Larger than the new mailbox accepts", "If you need one, open it in your old mailbox and save its attachments."
	case migration.CodeRejected, migration.CodeGroupRefused:
		return "Not accepted by the new mailbox", "If you need one, open it in your old mailbox and forward it to yourself."
	case migration.CodeUnreadable, migration.CodeSubstitute, migration.CodeServerBug:
		return "Could not be read in the old mailbox", "See whether it opens in your old mailbox. If it does not, it is damaged."
	case migration.CodeQuota:
		return "No room left in the new mailbox", "Ask for more room; then they are brought over."
	case migration.CodeFolderRefused, migration.CodeFolderMissing, migration.CodeFolderRules:
		return "In a folder that could not be brought over", "If you need one, move it to another folder of your old mailbox, and say so."
	case migration.CodeFurther:
		return "Others, which are too many to be named", "Ask for the whole list."
	default:
		return "Could not be brought over", "If you need one, open it in your old mailbox and forward it to yourself."
	}
}

// notes say what else the owner may notice, by how often there was a finding of a code.
func notes(told map[string]int) (list []string) {
	messages := func(code string) string { return plural(told[code], "message", "messages") }
	for _, note := range []struct{ code, text string }{
		{migration.CodeFlagsUnknown, "The old mailbox did not tell the marks of " + messages(migration.CodeFlagsUnknown) + ": they may show as unread."},
		{migration.CodeKeywordDropped, "Some tags or coloured categories could not be kept. The messages themselves are there."},
		{migration.CodeDateUnknown, "The old mailbox did not tell when " + messages(migration.CodeDateUnknown) + " came: they may be sorted under another day."},
		{migration.CodeLabels, "Messages with more than one label may be in one folder only. Search finds them by their subject or sender."},
		{migration.CodeFolderLimit, "Some folders of the old mailbox may not have shown all of their messages. Look there for what is missing."},
		{migration.CodeRepaired, "The form of " + messages(migration.CodeRepaired) + " was corrected a little, so that the new mailbox accepts them."},
		{migration.CodeNotMail, "Folders for calendars, contacts, tasks or notes were left out: they hold no mail."},
		{migration.CodeShared, "Folders of other people, and those shared by all, were left out: they are not part of your mailbox."},
	} {
		if told[note.code] > 0 {
			list = append(list, note.text)
		}
	}
	return list
}

// chosen says what was not to be copied.
func chosen(o migration.BatchOptions) (list []string) {
	if names := ruleNames(o.Include); names != "" {
		list = append(list, "Only these folders were to be copied, with those below them: "+names+".")
	}
	if names := ruleNames(o.Exclude); names != "" {
		list = append(list, "These folders, if you have them, were left out on purpose, with those below them: "+names+".")
	}
	switch from, before := day(o.ReceivedFrom), day(o.ReceivedBefore); {
	case from != "" && before != "":
		list = append(list, fmt.Sprintf("Only messages that came from %s on and before %s were to be copied.", from, before))
	case from != "":
		list = append(list, "Only messages that came from "+from+" on were to be copied; older ones stay in the old mailbox.")
	case before != "":
		list = append(list, "Only messages that came before "+before+" were to be copied.")
	}
	return list
}

// ruleNames are the folders of rules as people know them.
func ruleNames(rules []string) string {
	const most = 10
	var names []string
	for _, rule := range rules[:min(len(rules), most)] {
		names = append(names, ruleName(rule))
	}
	if more := len(rules) - len(names); more > 0 {
		names = append(names, thousands(more)+" more")
	}
	return strings.Join(names, ", ")
}

// ruleName is a folder rule (migration.FolderRule) in words.
func ruleName(rule string) string {
	name := strings.Trim(strings.TrimSuffix(rule, "/*"), "/")
	words := map[string]string{
		"#root#": "all folders", "#inbox#": "Inbox", "#sentitems#": "Sent", "#deleteditems#": "Trash", "#drafts#": "Drafts", "#junkemail#": "Junk", "#archive#": "Archive",
		"#allitems#": "All mail", "#outbox#": "Outbox", "#calendar#": "Calendar", "#contacts#": "Contacts", "#journal#": "Journal", "#tasks#": "Tasks", "#notes#": "Notes",
	}
	if known, ok := words[strings.ToLower(name)]; ok {
		return known
	}
	return folderNamed(strings.ReplaceAll(name, `\#`, "#"))
}

// Greeting says what has happened, in some sentences.
func (v *handoverView) Greeting() []string {
	text := "Your mail was copied to your new mailbox. Your old mailbox is as it was."
	if v.Moved {
		text = "Your mail has moved to your new mailbox. Nothing was deleted in your old one."
	}
	list := []string{text + " Please take a few minutes to see that everything is there.", v.standing()}
	if v.Followed {
		list = append(list, "Mail that still comes to your old mailbox is brought over regularly.")
	}
	return list
}

// standing says whether all messages are there.
func (v *handoverView) standing() string {
	source := plural(int(v.Source), "message", "messages")
	open := v.Source - v.Target - v.Left
	switch {
	case v.Source == 0 && v.Target == 0:
		return "Your old mailbox held no messages."
	case v.Left > 0 && open > 0:
		return fmt.Sprintf("Of %s in your old mailbox, %s could not be brought over, and %s not there yet. Below you see which and why.", source, thousands(int(v.Left)), areNot(open))
	case v.Left > 0:
		return fmt.Sprintf("Of %s in your old mailbox, %s could not be brought over. Below you see which and why.", source, thousands(int(v.Left)))
	case open > 0:
		return fmt.Sprintf("Of %s in your old mailbox, %s not there yet.", source, areNot(open))
	case v.Source == 1:
		return "The one message of your old mailbox is there; nothing was left out."
	default:
		return fmt.Sprintf("All %s of your old mailbox are there; nothing was left out.", source)
	}
}

func areNot(n int64) string {
	if n == 1 {
		return "1 is"
	}
	return thousands(int(n)) + " are"
}

// step is one thing to do.
type step struct{ Do, How string }

// Steps are the check-list.
func (v *handoverView) Steps() []step {
	look := "Open some folders, and look for a message that you know: a new one and an old one."
	if n := len(v.Largest); n > 0 {
		look = "Most of your messages are in " + inWords(v.Largest) + ". Open them, and look for a message that you know: a new one and an old one."
		if n == 1 {
			look = "Most of your messages are in " + v.Largest[0] + ". Open it, and look for a message that you know: a new one and an old one."
		}
	}
	test := "One to yourself, and one to somebody outside your organisation, whom you ask to answer."
	if v.Moved {
		test += " The first and the answer should both come to the Inbox of your new mailbox."
	} else {
		test += " Until the day of the switch, what is sent to you may still come to your old mailbox."
	}
	missing := "Search for it in your new mailbox: it may be in a folder with another name."
	if len(v.Reasons) > 0 {
		missing += " Then see below what was left out."
	}
	return []step{
		{"Sign in to your new mailbox", "Your user name there is " + v.User + ". Your password comes to you in another way: it is never in a message like this one, and nobody needs to know it but you."},
		{"Set your time zone and your language", "They are in the settings of your new mailbox. With another time zone, messages seem to have come at another hour."},
		{"Look at your folders", look},
		{"Send two messages", test},
		{"Look at your calendar and your contacts", "They are not part of this move: only mail is. If you need them in the new place, ask how they get there."},
		{"If something is missing", missing + " If you do not find it, ask: " + v.ask()},
	}
}

// ask is the contact in a line.
func (v *handoverView) ask() string {
	if len(v.Contact) == 0 {
		return "who has told you of this move."
	}
	return strings.Join(v.Contact, ", ")
}

// inWords is a list such as "a, b and c".
func inWords(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Counted says how the numbers are to be read.
func (v *handoverView) Counted() string {
	text := "The numbers stay when you move or delete messages in your new mailbox."
	if v.Synced != "" {
		return "Last brought over on " + v.Synced + ". " + text
	}
	return text
}
