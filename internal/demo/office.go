package demo

// person is somebody of the office, with the folders their mail program made.
type person struct {
	user, name string
	language   language
	// inbox is how many messages are in the INBOX.
	inbox   int
	folders []folder
	// attachment is the size of the largest message, in bytes before it is
	// encoded.
	attachment int
}

// folder is a folder below INBOX.
type folder struct {
	// name has "." between the levels, as the source has it, in UTF-8.
	name     string
	messages int
}

// domain is reserved for examples (RFC 2606).
const domain = "ark.example"

func (p person) address() string { return p.user + "@" + domain }

// office is the six mailboxes.
func office() []person {
	return []person{
		{"anna", "Anna Berger", german, 84, []folder{
			{"Gesendet", 41}, {"Entwürfe", 3}, {"Papierkorb", 12}, {"Spam", 9},
			{"Kunden & Partner", 22}, {"Kunden & Partner.Müller GmbH", 14}, {"Kunden & Partner.Mu\u0308ller GmbH", 5},
			{`Angebote "neu"`, 11}, {"Projekte.2019.Umzug", 18}, {"100 % Rabatt", 8}, {"Leer", 0},
		}, 1 << 20},
		{"luc", "Luc Lefèvre", french, 61, []folder{
			{"Éléments envoyés", 33}, {"Brouillons", 2}, {"Corbeille", 8}, {"Courrier indésirable", 6},
			{"Réunions.Procès-verbaux", 17}, {"Réunions.E\u0301te\u0301 2021", 7}, {"À classer", 13}, {"C:\\Anciens", 4},
		}, 300 << 10},
		{"emma", "Emma Clarke", english, 92, []folder{
			{"Sent Items", 55}, {"Drafts", 4}, {"Deleted Items", 21}, {"Junk E-mail", 15},
			{"🎉 Parties & trips ✈️", 9}, {"Clients.A-Z.Zephyr Ltd", 26}, {"Clients.Old & gone", 0}, {"sent items", 3}, {"To do (today!)", 12},
		}, 4 << 20},
		{"vera", "Вера Орлова", russian, 47, []folder{
			{"Отправленные", 24}, {"Черновики", 1}, {"Удаленные", 6}, {"Проекты.Мост через реку", 19}, {"Договоры & счета", 15},
		}, 500 << 10},
		{"jan", "Jan Zieliński", polish, 38, []folder{
			{"Elementy wysłane", 20}, {"Kopie robocze", 2}, {"Kosz", 5}, {"Faktury.2022", 12}, {"Faktury.2023", 16}, {"Żółw & Łódź", 3},
		}, 200 << 10},
		{"info", "Empfang Ark", japanese, 120, []folder{
			{"送信済みメール", 44}, {"下書き", 2}, {"ごみ箱", 10}, {"お客様.東京", 31}, {"お客様.大阪", 27}, {"Archiv.Ärger", 9}, {"~misc #1", 6},
		}, 600 << 10},
	}
}
