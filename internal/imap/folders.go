package imap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/imap/wire"
	"github.com/mailhaul/mailhaul/internal/migration"
)

// listing gathers the answers of Folders.
type listing struct {
	session *Session
	// order, folders and subscribed are by keyOf.
	order      []string
	folders    map[string]*migration.Folder
	subscribed map[string]bool
	// bytes is what the names of folders take.
	bytes   int
	tooMany bool
}

// listingMost is how many bytes the names of a listing may take together.
const listingMost = 6 << 20

// Folders lists every folder, in one burst: with what RFC 5258, 5819 and 6154
// offer where they are announced, otherwise with LIST and LSUB.
func (s *Session) Folders(ctx context.Context) ([]migration.Folder, error) {
	folders, err := s.list(ctx, s.conn.capabilities())
	if migration.ClassOf(err) == migration.OneFolder && err != nil {
		// Some servers announce extensions of LIST that they do not have.
		return s.list(ctx, nil)
	}
	return folders, err
}

// list lists the folders with what the capabilities offer.
func (s *Session) list(ctx context.Context, caps capabilities) ([]migration.Folder, error) {
	l := &listing{session: s, folders: map[string]*migration.Folder{}, subscribed: map[string]bool{}}
	commands := l.commands(caps, "*")
	s.mu.Lock()
	if !s.spaced && s.conn.capabilities().has("NAMESPACE") {
		commands = append(commands, s.namespaceCommand())
	}
	s.mu.Unlock()
	if err := l.ask(ctx, commands); err != nil {
		return nil, err
	}
	if pattern := l.apart(); pattern != "" {
		if err := l.ask(ctx, l.commands(caps, pattern)); err != nil {
			return nil, err
		}
	}
	return l.result(), nil
}

// ask sends the commands of a listing, of which the first has to succeed.
func (l *listing) ask(ctx context.Context, commands []*command) error {
	if err := l.session.conn.send(ctx, commands...); err != nil {
		return err
	}
	err := l.session.conn.wait(ctx, commands...)
	switch {
	case l.tooMany:
		return &migration.Fault{Class: migration.OneMailbox, Code: migration.CodeServerBug, Doing: "listing the folders",
			Err: errors.New("there are more folders than the limit allows"), Remedy: "Raise the limit of folders, or look at what the server lists."}
	case failed(err):
		return err
	}
	return commands[0].err
}

// apart is the pattern that lists what is at or below the wanted root, in a namespace
// whose name begins with "#" and which LIST therefore leaves out unless it is named
// (RFC 3501 section 5.1.2), as Courier's "#shared." is. It is empty where the root is
// in no such namespace, or that was listed already.
func (l *listing) apart() string {
	root := strings.Trim(l.session.conn.options.Root, "/")
	l.session.mu.Lock()
	defer l.session.mu.Unlock()
	for _, n := range l.session.namespaces {
		if n.Delimiter == 0 || !strings.HasPrefix(n.Prefix, "#") {
			continue
		}
		path := strings.ReplaceAll(root, "/", string(n.Delimiter))
		if !strings.HasPrefix(path+string(n.Delimiter), n.Prefix) {
			continue
		}
		if slices.ContainsFunc(l.order, func(raw string) bool { return strings.HasPrefix(raw, n.Prefix) }) {
			return ""
		}
		// From an "&" on it may be spelt as people see it or as the server does.
		path, _, _ = strings.Cut(path, "&")
		return wire.EncodeName(path) + "*"
	}
	return ""
}

func (s *Session) namespaceCommand() *command {
	cmd := s.conn.newCommand(kindPlain, "asking for the namespaces")
	cmd.line.Raw("NAMESPACE")
	cmd.take = func(response any) bool {
		namespaces, ok := response.(namespaceResponse)
		if ok {
			s.mu.Lock()
			s.namespaces, s.spaced = namespaces, true
			s.mu.Unlock()
		}
		return ok
	}
	return cmd
}

// commands makes the LIST of what fits a pattern, and the LSUB where LIST cannot tell.
func (l *listing) commands(caps capabilities, pattern string) []*command {
	list := l.session.conn.newCommand(kindFolder, "listing the folders")
	list.take = l.take
	if !caps.has("LIST-EXTENDED") && !caps.has("LIST-STATUS") {
		if caps.has("XLIST") && !caps.has("SPECIAL-USE") {
			list.line.Raw("XLIST")
		} else {
			list.line.Raw("LIST")
		}
		matching(list, pattern)
		lsub := l.session.conn.newCommand(kindFolder, "listing the subscriptions")
		lsub.take = l.takeSubscribed
		lsub.line.Raw("LSUB")
		matching(lsub, pattern)
		return []*command{list, lsub}
	}
	options := []string{"SUBSCRIBED"}
	if caps.has("SPECIAL-USE") {
		options = append(options, "SPECIAL-USE")
	}
	if caps.has("LIST-STATUS") {
		options = append(options, "STATUS ("+statusItems(caps)+")")
	}
	list.line.Raw("LIST")
	matching(list, pattern)
	list.line.Raw(" RETURN (" + strings.Join(options, " ") + ")")
	return []*command{list}
}

// matching adds the reference and the pattern of a listing.
func matching(cmd *command, pattern string) { cmd.line.Raw(` "" `).Quoted(pattern) }

func (l *listing) take(response any) bool {
	switch answer := response.(type) {
	case listResponse:
		if answer.subscribed {
			return false
		}
		return l.add(answer)
	case folderStatusResponse:
		folder := l.folders[keyOf(answer.raw)]
		if folder == nil || folder.Status != nil {
			return false
		}
		folder.Status, folder.ID = &answer.status, answer.status.ID
		return true
	}
	return false
}

// add keeps a folder. What is too much, or comes twice, counts as not asked for.
func (l *listing) add(answer listResponse) bool {
	key := keyOf(answer.folder.Raw)
	if _, known := l.folders[key]; known {
		return false
	}
	l.bytes += len(answer.folder.Raw)
	if len(l.order) >= l.session.conn.options.Limits.Folders || l.bytes > listingMost {
		l.tooMany = true
		return false
	}
	l.order = append(l.order, key)
	l.folders[key] = &answer.folder
	return true
}

func (l *listing) takeSubscribed(response any) bool {
	answer, ok := response.(listResponse)
	if !ok || !answer.subscribed {
		return false
	}
	key := keyOf(answer.folder.Raw)
	if l.folders[key] == nil || l.subscribed[key] || len(l.subscribed) >= l.session.conn.options.Limits.Folders {
		return false
	}
	l.subscribed[key] = true
	return true
}

func (l *listing) result() []migration.Folder {
	l.session.mu.Lock()
	namespaces := l.session.namespaces
	l.session.mu.Unlock()
	folders := make([]migration.Folder, 0, len(l.order))
	for _, key := range l.order {
		folder := *l.folders[key]
		folder.Subscribed = folder.Subscribed || l.subscribed[key]
		folder.Space = spaceOf(folder, namespaces)
		folders = append(folders, folder)
	}
	return folders
}

// spaceOf finds the namespace with the longest prefix of the name (RFC 2342).
func spaceOf(folder migration.Folder, namespaces []migration.Namespace) migration.Space {
	space, longest := migration.Personal, -1
	for _, n := range namespaces {
		prefix := n.Prefix
		without := strings.TrimSuffix(prefix, string(n.Delimiter))
		if (strings.HasPrefix(folder.Raw, prefix) || n.Delimiter != 0 && without != "" && folder.Raw == without) && len(prefix) > longest {
			space, longest = n.Space, len(prefix)
		}
	}
	return space
}

// statusItems are the counters to ask for.
func statusItems(caps capabilities) string {
	items := "MESSAGES UIDNEXT UIDVALIDITY"
	if caps.has("CONDSTORE") || caps.has("QRESYNC") {
		items += " HIGHESTMODSEQ"
	}
	if caps.has("OBJECTID") {
		items += " MAILBOXID"
	}
	if caps.has("STATUS=SIZE") {
		items += " SIZE"
	}
	return items
}

// Status asks for the counters of the folders, all in one burst. A folder that
// the server refuses has a nil status.
func (s *Session) Status(ctx context.Context, rawNames []string) ([]*migration.FolderStatus, error) {
	statuses := make([]*migration.FolderStatus, len(rawNames))
	var commands []*command
	var places []int // of the commands in rawNames
	items := statusItems(s.conn.capabilities())
	for i, raw := range rawNames {
		cmd := s.statusCommand(raw, items, &statuses[i])
		if _, _, err := cmd.line.Bytes(); err != nil {
			continue // opening it says why
		}
		commands, places = append(commands, cmd), append(places, i)
	}
	if len(commands) == 0 {
		return statuses, nil
	}
	if err := s.conn.send(ctx, commands...); err != nil {
		return nil, err
	}
	if err := s.conn.wait(ctx, commands...); err != nil {
		for i, cmd := range commands {
			switch migration.ClassOf(cmd.err) {
			case migration.Again, migration.Later, migration.Login, migration.OneMailbox:
				if cmd.err != nil {
					return nil, cmd.err
				}
			default:
				statuses[places[i]] = nil
			}
		}
	}
	return statuses, nil
}

// statusCommand makes a STATUS whose answer goes to status.
func (s *Session) statusCommand(raw, items string, status **migration.FolderStatus) *command {
	cmd := s.conn.newCommand(kindFolder, "asking for the state of "+s.named(raw))
	cmd.line.Raw("STATUS ").String(raw).Raw(" (" + items + ")")
	cmd.take = func(response any) bool {
		answer, ok := response.(folderStatusResponse)
		if !ok || *status != nil || keyOf(answer.raw) != keyOf(raw) {
			return false
		}
		*status = &answer.status
		return true
	}
	return cmd
}

// keyOf is what a raw name is compared by: INBOX has no case (RFC 3501 section
// 5.1), and what is spelt in two ways must not be copied twice.
func keyOf(raw string) string {
	if strings.EqualFold(raw, "INBOX") {
		return "INBOX"
	}
	return raw
}

// named is a folder's name for people.
func (s *Session) named(raw string) string {
	name, ok := wire.DecodeName(raw)
	if !ok {
		name = raw
	}
	return "folder " + s.conn.clean(name)
}

// Create makes a folder. That it exists already is a fault with
// CodeFolderExists.
func (s *Session) Create(ctx context.Context, rawName string) error {
	return s.conn.run(ctx, s.folderCommand("CREATE", "making ", rawName))
}

// Subscribe makes the folder visible to clients that show only subscribed ones.
func (s *Session) Subscribe(ctx context.Context, rawName string) error {
	return s.conn.run(ctx, s.folderCommand("SUBSCRIBE", "subscribing to ", rawName))
}

func (s *Session) folderCommand(verb, doing, raw string) *command {
	cmd := s.conn.newCommand(kindFolder, doing+s.named(raw))
	cmd.line.Raw(verb + " ").String(raw)
	return cmd
}

// Delete removes a folder with all that is in it (RFC 3501 section 6.3.4). It is left
// first if it is the open one, because servers may refuse to delete that, or end the
// connection (RFC 2180 section 3.1).
func (s *Session) Delete(ctx context.Context, rawName string) error {
	s.mu.Lock()
	open := keyOf(s.opened.raw) == keyOf(rawName)
	s.mu.Unlock()
	if open {
		if err := s.Unselect(ctx); err != nil {
			return err
		}
	}
	return s.conn.run(ctx, s.folderCommand("DELETE", "deleting ", rawName))
}
