package demo

// ArchivePerSecond is the ceiling, in messages a second, below which the archive takes
// about half an hour: long enough to be watched.
const ArchivePerSecond = 2

// archive is the mail of earlier years.
func archive() []person {
	var people []person
	for _, p := range []person{
		{user: "archive-2019", name: "Archive 2019", language: german}, {user: "archive-2020", name: "Archive 2020", language: english},
		{user: "archive-2021", name: "Archive 2021", language: french}, {user: "archive-2022", name: "Archive 2022", language: english},
	} {
		p.inbox, p.attachment = 420, 100<<10
		p.folders = []folder{{"Q1", 120}, {"Q2", 130}, {"Q3", 110}, {"Q4", 140}}
		people = append(people, p)
	}
	return people
}

// AddArchive gives both servers the mailboxes of the archive, and writes their migration
// file into the directory.
func (d *Demo) AddArchive(directory string) ([]Mailbox, error) {
	var mailboxes []Mailbox
	for _, p := range archive() {
		mailboxes = append(mailboxes, d.settle(p))
	}
	return mailboxes, write(directory, map[string]string{ArchiveFile: migrationFile(mailboxes)})
}
