package mailsync

import (
	"context"
	"testing"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// counter is a source with the folders that it is given, of which one breaks off when
// its messages are asked for their sizes.
type counter struct {
	Session
	folders []migration.Folder
	sizes   map[string][]int64
	broken  string
}

func (c *counter) Profile() migration.Profile {
	return migration.Profile{Capabilities: []string{"STATUS=SIZE"}}
}

func (c *counter) Folders(context.Context) ([]migration.Folder, error) { return c.folders, nil }

func (c *counter) Open(_ context.Context, open migration.Open) (migration.FolderStatus, error) {
	for _, size := range c.sizes[open.Folder] {
		if err := open.Query.Each(migration.Message{Size: size}); err != nil {
			return migration.FolderStatus{}, err
		}
	}
	if open.Folder == c.broken {
		return migration.FolderStatus{}, &migration.Fault{Class: migration.OneFolder, Code: migration.CodeFolderRefused}
	}
	return migration.FolderStatus{}, nil
}

func listedFolder(name string, messages uint32, bytes int64) migration.Folder {
	return migration.Folder{Name: name, Raw: name, Delimiter: '/', Selectable: true, Status: &migration.FolderStatus{Messages: messages, Size: bytes}}
}

func TestAFolderThatBreaksOffIsNotMeasured(t *testing.T) {
	c := &counter{folders: []migration.Folder{listedFolder("INBOX", 2, 0), listedFolder("Work", 3, 0)},
		sizes: map[string][]int64{"INBOX": {10, 20}, "Work": {1000, 1000}}, broken: "Work"}
	got, err := Survey(t.Context(), c, Job{}, true)
	want := Extent{Folders: 2, Uncounted: 1, Messages: 2, Sized: true, Bytes: 30, Largest: FolderExtent{Name: "INBOX", Messages: 2, Bytes: 30}, LargestMessage: 20}
	if err != nil || got != want {
		t.Errorf("%+v, want %+v: %v", got, want, err)
	}
}

func TestTheLargestFolderGoesByMessagesWhereASizeIsNotTold(t *testing.T) {
	c := &counter{folders: []migration.Folder{listedFolder("INBOX", 2, 5000), listedFolder("Work", 3, 0)}}
	got, err := Survey(t.Context(), c, Job{}, false)
	want := Extent{Folders: 2, Messages: 5, Largest: FolderExtent{Name: "Work", Messages: 3}}
	if err != nil || got != want {
		t.Errorf("%+v, want %+v: %v", got, want, err)
	}
}
