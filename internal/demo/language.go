package demo

// language is what a person writes: subjects, sentences and a farewell. A
// subject has room for a number.
type language struct {
	subjects  []string
	sentences []string
	farewell  string
}

var german = language{
	subjects: []string{"Angebot Nr. %d", "Termin in Kalenderwoche %d", "Rückfrage zur Rechnung %d", "Schlüssel für Raum %d", "Grüße aus Zürich (%d)", "Protokoll der Sitzung vom %d."},
	sentences: []string{
		"anbei die Unterlagen, um die Sie gebeten hatten.", "Könnten wir den Termin um eine Stunde verschieben?",
		"Die Lieferung kommt voraussichtlich am Donnerstag.", "Bitte prüfen Sie die Maße noch einmal, bevor wir bestellen.",
		"Für Rückfragen bin ich bis 16 Uhr erreichbar.", "Das Büro bleibt am Freitag geschlossen.",
	},
	farewell: "Mit freundlichen Grüßen",
}

var french = language{
	subjects: []string{"Devis n° %d", "Réunion de la semaine %d", "Votre facture %d", "Compte rendu %d", "Café à %d h ?", "Congés d'été, version %d"},
	sentences: []string{
		"veuillez trouver ci-joint le document demandé.", "Pourriez-vous déplacer la réunion à jeudi ?",
		"La livraison est prévue pour jeudi, sauf imprévu.", "Merci de relire le contrat avant de le signer.",
		"Nous serons fermés du 1er au 15 août.", "Le numéro de dossier a changé, voir ci-dessous.",
	},
	farewell: "Bien cordialement,",
}

var english = language{
	subjects: []string{"Quote %d", "Minutes of meeting %d", "Invoice %d overdue", "Lunch at %d?", "Draft %d of the brochure", "Parking space %d"},
	sentences: []string{
		"please find attached what we talked about on Monday.", "Could you let me know by the end of the week?",
		"The train was late again, so I may miss the first half hour.", "Everyone has agreed, so let us go ahead.",
		"I have moved the files to the shared drive.", "There is cake in the kitchen.",
	},
	farewell: "Kind regards,",
}

var russian = language{
	subjects: []string{"Договор № %d", "Встреча в %d часов", "Счёт %d", "Чертежи, лист %d", "Отпуск: %d дней", "Re: вопрос %d"},
	sentences: []string{
		"во вложении документы, о которых мы говорили.", "Пожалуйста, проверьте размеры ещё раз.",
		"Поставка ожидается в четверг.", "Совещание переносится на следующую неделю.",
		"Если будут вопросы, звоните.", "Ключи лежат у охраны.",
	},
	farewell: "С уважением,",
}

var polish = language{
	subjects: []string{"Faktura nr %d", "Spotkanie o %d", "Zamówienie %d", "Pytanie o umowę %d", "Zdjęcia z wyjazdu (%d)", "Urlop: %d dni"},
	sentences: []string{
		"w załączeniu przesyłam dokumenty.", "Proszę o potwierdzenie terminu dostawy.",
		"Faktura została już opłacona.", "Zebranie odbędzie się w małej sali.",
		"Zażółć gęślą jaźń, jak zwykle na koniec testu.", "Dziękuję za szybką odpowiedź.",
	},
	farewell: "Pozdrawiam,",
}

var japanese = language{
	subjects: []string{"お見積り %d", "会議のご案内 第%d回", "請求書 %d", "ご予約の確認 (%d)", "Anfrage %d über das Formular", "資料 %d ページ"},
	sentences: []string{
		"いつもお世話になっております。", "添付の資料をご確認ください。",
		"会議は木曜日の十時からです。", "お返事をお待ちしております。",
		"納期についてご相談があります。", "来週の月曜日は休業いたします。",
	},
	farewell: "よろしくお願いいたします。",
}
