package mailsync

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// A source with labels (Gmail) has each message once, and shows it in a folder for
// each label. One of its folders, All Mail, has all messages but those in Spam,
// Trash and Chats. These are its stocks: every message is in exactly one of them,
// under one UID. The engine is shown views instead of folders: a view has the
// messages of a stock that are placed in it, under the UIDs of the stock, so that
// the ledger knows each message once, and a message that gets another label stays
// the one it was.
//
// A message of All Mail is placed in the first of its labels in this order:
//
//  1. Drafts: elsewhere nobody finishes one.
//  2. The INBOX: what is there is still to be seen to.
//  3. A person's own labels, the deepest first and then by name: Clients/Acme says
//     more than Clients. The number of messages does not decide, because it changes,
//     and mail of one kind would go to one folder today and to another tomorrow.
//  4. Sent.
//  5. All Mail, if it has none of these.
//
// Starred is the flag \Flagged already, and Important is Gmail's guess: neither is
// a place. What is placed is placed for good.

// labelCapability is that of servers whose folders are labels.
const labelCapability = "X-GM-EXT-1"

// The attributes of a message on such a server.
const (
	serialAttribute = "X-GM-MSGID"
	labelsAttribute = "X-GM-LABELS"
)

// The labels of Gmail's own that matter here.
const (
	labelInbox     = `\Inbox`
	labelImportant = `\Important`
)

// systemLabels are the labels that a folder of a special use shows.
var systemLabels = map[string][]string{
	"Sent": {`\Sent`}, "Drafts": {`\Draft`, `\Drafts`}, "Flagged": {`\Starred`, `\Flagged`}, "Important": {labelImportant},
}

// placeless are the special uses whose folders are no place for a message.
var placeless = []string{"Flagged", "Important"}

// hasLabels reports whether the folders of a server are labels.
func hasLabels(profile migration.Profile) bool {
	return slices.ContainsFunc(profile.Capabilities, func(c string) bool { return strings.EqualFold(c, labelCapability) })
}

// view is a folder as the engine sees it.
type view struct {
	folder migration.Folder
	stock  *stock
	// labels have one that puts a message here; none takes what no other view of the
	// stock does.
	labels []string
	rank   int
	taken  bool
	// former: the label is gone, and what was copied for it is still its.
	former bool
}

// between joins the raw names of a stock and of a label's folder to the raw name of
// a view, which no folder can have.
const between = "\x00"

func (v *view) raw() string { return v.folder.Raw }

// arrangement is what the folders of a server with labels are.
type arrangement struct {
	stocks []*stock
	views  []*view
	// plain folders are copied as they are.
	plain []migration.Folder
}

// arrange makes views of a server's folders. It is pure.
func arrange(all []migration.Folder, policy migration.LabelPolicy) (*arrangement, error) {
	a := &arrangement{}
	i := slices.IndexFunc(all, func(f migration.Folder) bool { return f.Use == "All" && f.Selectable })
	if policy == migration.LabelsCopies {
		a.arrangeCopies(all, i)
		return a, nil
	}
	if i < 0 {
		return nil, noAllMail()
	}
	mail := a.stock(all[i])
	for _, f := range all {
		switch {
		case !f.Selectable || f.Space != migration.Personal || slices.Contains(placeless, f.Use):
		case f.Raw == all[i].Raw:
			a.view(mail, f, nil, 4)
		case f.Use == "Junk", f.Use == "Trash", ownOfGmail(f, all[i]):
			a.view(a.stock(f), f, nil, 0)
		default:
			labels, rank := placeOf(f)
			a.view(mail, f, labels, rank)
		}
	}
	slices.SortStableFunc(mail.views, func(a, b *view) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(len(b.folder.Levels("")), len(a.folder.Levels(""))),
			strings.Compare(foldName(a.folder.Name), foldName(b.folder.Name)))
	})
	return a, nil
}

// arrangeCopies leaves all folders as they are but All Mail, the i-th, of which
// only mail without a label counts.
func (a *arrangement) arrangeCopies(all []migration.Folder, i int) {
	for n, f := range all {
		if n == i {
			mail := a.stock(f)
			a.view(mail, f, nil, 0)
			for _, other := range all {
				if labels, _ := placeOf(other); other.Selectable {
					mail.elsewhere = append(mail.elsewhere, labels...)
				}
			}
			continue
		}
		a.plain = append(a.plain, f)
	}
}

// ownOfGmail reports whether a folder without a special use is beside All Mail,
// where no label of a person can be: Chats.
func ownOfGmail(f, all migration.Folder) bool {
	levels, root := f.Levels(""), all.Levels("")
	return f.Use == "" && len(root) > 1 && len(levels) == len(root) && slices.Equal(levels[:len(levels)-1], root[:len(root)-1])
}

// placeOf gives the labels that a folder shows, and its rank as a place.
func placeOf(f migration.Folder) (labels []string, rank int) {
	switch {
	case f.IsInbox():
		return []string{labelInbox}, 1
	case f.Use == "Drafts":
		return systemLabels[f.Use], 0
	case systemLabels[f.Use] != nil:
		return systemLabels[f.Use], 3
	default:
		return []string{f.Raw}, 2
	}
}

func (a *arrangement) stock(f migration.Folder) *stock {
	s := &stock{raw: f.Raw, listed: f.Status}
	a.stocks = append(a.stocks, s)
	return s
}

func (a *arrangement) view(s *stock, f migration.Folder, labels []string, rank int) *view {
	v := &view{folder: f, stock: s, labels: labels, rank: rank}
	v.folder.Raw, v.folder.Status = s.raw+between+f.Raw, nil
	s.views, a.views = append(s.views, v), append(a.views, v)
	return v
}

// folders are those that the engine sees.
func (a *arrangement) folders() []migration.Folder {
	out := slices.Clone(a.plain)
	for _, v := range a.views {
		out = append(out, v.folder)
	}
	return out
}

// place gives the view that a message with these labels belongs to, nil for none
// that is taken, and the labels that it has beside that.
func (s *stock) place(labels []string) (in *view, beside []string) {
	if slices.ContainsFunc(s.elsewhere, func(label string) bool { return hasLabel(labels, label) }) {
		return nil, nil
	}
	candidate := false
	var rest *view
	for _, v := range s.views {
		switch {
		case v.former:
		case v.labels == nil:
			rest = v
		case v.among(labels):
			candidate = true
			if in == nil && v.taken {
				in = v
			} else {
				beside = append(beside, v.folder.Name)
			}
		}
	}
	for _, label := range labels {
		if !strings.HasPrefix(label, `\`) && !slices.ContainsFunc(s.views, func(v *view) bool { return v.among([]string{label}) }) {
			beside = append(beside, label) // it is not shown in IMAP
		}
	}
	if !candidate && rest != nil && rest.taken {
		in = rest
	}
	return in, beside
}

func (v *view) among(labels []string) bool {
	return slices.ContainsFunc(v.labels, func(label string) bool { return hasLabel(labels, label) })
}

// hasLabel compares Gmail's own labels without case.
func hasLabel(labels []string, label string) bool {
	return slices.ContainsFunc(labels, func(have string) bool {
		return have == label || strings.HasPrefix(label, `\`) && strings.EqualFold(have, label)
	})
}

// keywords are a message's labels as keywords, without those of its view.
func (v *view) keywords(labels []string) migration.Flags {
	var out migration.Flags
	for _, label := range labels {
		switch {
		case hasLabel(v.labels, label):
		case strings.EqualFold(label, labelImportant):
			out = append(out, "$Important") // RFC 8457
		case !strings.HasPrefix(label, `\`):
			out = append(out, keywordOf(label))
		}
	}
	return out
}

// keywordOf spells a label as a keyword: its name on the wire, where what no
// keyword can have (RFC 3501 section 9, atom) is "_".
func keywordOf(label string) string {
	return strings.Map(func(r rune) rune {
		if !validFlag(string(r)) {
			return '_'
		}
		return r
	}, label)
}

func noAllMail() error {
	return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeLabels, Doing: "looking for All Mail at the source",
		Err:    errors.New("its folders are labels, and it does not show the one that has all messages"),
		Remedy: "In the settings of Gmail, under Labels, let All Mail show in IMAP; or copy folder by folder, which copies a message once for each label: --labels copies."}
}
