package mailsync

import (
	"slices"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// language is what Exchange calls the folders that each mailbox of a language has
// from the beginning, as Outlook shows them.
type language struct {
	tag string // BCP 47
	// mail are those that hold mail: sent, drafts, deleted, junk, archive. Each is
	// among useNames.
	mail []string
	// notMail are the others: calendar, contacts, tasks, notes, journal, outbox,
	// synchronisation problems, conversations; each with all its spellings.
	notMail [][]string
}

func languageOf(tag, mail, notMail string) language {
	l := language{tag: tag, mail: strings.Split(mail, "|")}
	for kind := range strings.SplitSeq(notMail, "|") {
		l.notMail = append(l.notMail, strings.Split(kind, "="))
	}
	return l
}

// english is the language of a mailbox that shows none.
var english = languageOf("en", "Sent Items|Drafts|Deleted Items|Junk Email|Junk E-mail|Archive",
	"Calendar|Contacts|Tasks|Notes|Journal|Outbox|Sync Issues|Conversation History")

// languages are those whose names are known.
var languages = []language{
	english,
	languageOf("ar", "العناصر المرسلة|المسودات|مسودات|العناصر المحذوفة|البريد غير الهام|الأرشيف",
		"التقويم|جهات الاتصال|المهام|الملاحظات|دفتر اليومية|علبة الصادر|مشكلات المزامنة|محفوظات المحادثات"),
	languageOf("bg", "Изпратени|Чернови|Изтрити|Нежелана поща|Архив",
		"Календар|Контакти|Задачи|Бележки|Дневник|Изходящи|Проблеми при синхронизиране|Хронология на разговорите"),
	languageOf("cs", "Odeslaná pošta|Koncepty|Odstraněná pošta|Nevyžádaná pošta|Archiv",
		"Kalendář|Kontakty|Úkoly|Poznámky|Deník|Pošta k odeslání|Problémy se synchronizací|Historie konverzací"),
	languageOf("da", "Sendt post|Kladder|Slettet post|Uønsket mail|Uønsket post|Arkiv",
		"Kalender|Kontakter|Opgaver|Noter|Journal|Udbakke|Synkroniseringsproblemer|Samtalehistorik"),
	languageOf("de", "Gesendete Elemente|Entwürfe|Gelöschte Elemente|Junk-E-Mail|Archiv",
		"Kalender|Kontakte|Aufgaben|Notizen|Journal|Postausgang|Synchronisierungsprobleme|Aufgezeichnete Unterhaltungen"),
	languageOf("el", "Απεσταλμένα|Πρόχειρα|Διαγραμμένα|Ανεπιθύμητη αλληλογραφία|Αρχειοθήκη",
		"Ημερολόγιο|Επαφές|Εργασίες|Σημειώσεις|Χρονικό|Εξερχόμενα|Προβλήματα συγχρονισμού|Ιστορικό συνομιλιών"),
	languageOf("es", "Elementos enviados|Borradores|Elementos eliminados|Correo no deseado|Archivo",
		"Calendario|Contactos|Tareas|Notas|Diario|Bandeja de salida|Problemas de sincronización|Historial de conversaciones"), //nolint:misspell // Spanish
	languageOf("fi", "Lähetetyt|Luonnokset|Poistetut|Roskaposti|Arkisto",
		"Kalenteri|Yhteystiedot|Tehtävät|Muistilaput|Päiväkirja|Lähtevät|Synkronointiongelmat|Keskusteluhistoria"),
	languageOf("fr", "Éléments envoyés|Brouillons|Éléments supprimés|Courrier indésirable|Archive|Archives",
		"Calendrier|Contacts|Tâches|Notes|Journal|Boîte d'envoi=Boîte d’envoi|Problèmes de synchronisation|Historique des conversations"),
	languageOf("he", "פריטים שנשלחו|טיוטות|פריטים שנמחקו|דואר זבל|ארכיון",
		"לוח שנה|אנשי קשר|משימות|פתקים|יומן|דואר יוצא|בעיות סינכרון|היסטוריית שיחות"),
	languageOf("hu", "Elküldött elemek|Piszkozatok|Törölt elemek|Levélszemét|Archívum",
		"Naptár|Névjegyek|Feladatok|Feljegyzések|Napló|Postázandó üzenetek|Szinkronizálási problémák|Beszélgetések előzményei"),
	languageOf("it", "Posta inviata|Bozze|Posta eliminata|Posta indesiderata|Archivio",
		"Calendario|Contatti|Attività|Note|Diario|Posta in uscita|Problemi di sincronizzazione|Cronologia conversazioni"),
	languageOf("ja", "送信済みアイテム|下書き|削除済みアイテム|迷惑メール|アーカイブ",
		"予定表|連絡先|タスク|メモ|履歴|送信トレイ|同期の失敗|会話の履歴"),
	languageOf("ko", "보낸 편지함|임시 보관함|지운 편지함|정크 메일|보관",
		"일정|연락처|작업|메모|업무 일지|보낼 편지함|동기화 문제|대화 내용"),
	languageOf("nb", "Sendte elementer|Kladd|Slettede elementer|Søppelpost|Arkiv",
		"Kalender|Kontakter|Oppgaver|Notater|Logg|Utboks|Synkroniseringsproblemer|Samtalelogg"),
	languageOf("nl", "Verzonden items|Concepten|Verwijderde items|Ongewenste e-mail|Archief",
		"Agenda|Contactpersonen|Taken|Notities|Logboek|Postvak UIT|Synchronisatieproblemen|Gespreksgeschiedenis"),
	languageOf("pl", "Elementy wysłane|Wersje robocze|Elementy usunięte|Wiadomości-śmieci|Archiwum",
		"Kalendarz|Kontakty|Zadania|Notatki|Dziennik|Skrzynka nadawcza|Problemy z synchronizacją|Historia konwersacji"),
	languageOf("pt-BR", "Itens Enviados|Rascunhos|Itens Excluídos|Lixo Eletrônico|Arquivo Morto",
		"Calendário|Contatos|Tarefas|Anotações|Diário|Caixa de Saída|Problemas de Sincronização|Histórico de Conversa"), //nolint:misspell // Portuguese
	languageOf("pt-PT", "Itens Enviados|Rascunhos|Itens Eliminados|Lixo eletrónico|Arquivo",
		"Calendário|Contactos|Tarefas|Notas|Diário|A Enviar|Problemas de Sincronização|Histórico de Conversações"), //nolint:misspell // Portuguese
	languageOf("ro", "Elemente trimise|Schițe|Elemente șterse|Mesaje nedorite|Arhivă",
		"Calendar|Persoane de contact|Activități|Note|Jurnal|Mesaje de trimis|Probleme de sincronizare|Istoric conversații"), //nolint:misspell // Romanian
	languageOf("ru", "Отправленные|Черновики|Удаленные|Нежелательная почта|Архив",
		"Календарь|Контакты|Задачи|Заметки|Дневник|Исходящие|Ошибки синхронизации|Журнал бесед"),
	languageOf("sk", "Odoslaná pošta|Koncepty|Odstránené položky|Nevyžiadaná pošta|Archív",
		"Kalendár|Kontakty|Úlohy|Poznámky|Denník|Pošta na odoslanie|Problémy so synchronizáciou|História konverzácií"),
	languageOf("sv", "Skickat|Utkast|Borttaget|Skräppost|Arkiv",
		"Kalender|Kontakter|Uppgifter|Anteckningar|Journal|Utkorgen|Synkroniseringsproblem|Konversationshistorik"),
	languageOf("tr", "Gönderilmiş Öğeler|Taslaklar|Silinmiş Öğeler|Gereksiz E-posta|Önemsiz E-posta|Arşiv",
		"Takvim|Kişiler|Görevler|Notlar|Günlük|Giden Kutusu|Eşitleme Sorunları|Konuşma Geçmişi"),
	languageOf("uk", "Надіслані|Чернетки|Видалені|Небажана пошта|Архів",
		"Календар|Контакти|Завдання|Нотатки|Журнал|Вихідні|Помилки синхронізації|Журнал розмов"),
	languageOf("zh-CN", "已发送邮件|草稿|已删除邮件|垃圾邮件|存档",
		"日历|联系人|任务|便笺|日记|发件箱|同步问题|对话历史记录"),
	languageOf("zh-TW", "寄件備份|草稿|刪除的郵件|垃圾郵件|封存",
		"行事曆|連絡人|工作|記事|日誌|寄件匣|同步處理問題|交談記錄"),
}

// languagesOf tells the languages of a mailbox by its folders for mail: those that
// account for the most of them, and then those that do for the most of the rest,
// since some mailboxes speak two. A single name proves nothing, and no name of a
// folder without mail does: a person may have called a folder so.
func languagesOf(folders []migration.Folder, prefix string) (spoken []language) {
	left := tops(folders, prefix)
	for {
		most := 2
		var best []language
		for _, l := range languages {
			switch n := l.accountsFor(left); {
			case n > most:
				best, most = []language{l}, n
			case n == most:
				best = append(best, l)
			}
		}
		if len(best) == 0 {
			return spoken
		}
		spoken = append(spoken, best...)
		for _, l := range best {
			for _, name := range l.mail {
				delete(left, foldName(name))
			}
		}
	}
}

// accountsFor counts the names that are those of folders for mail.
func (l language) accountsFor(names map[string]bool) (n int) {
	for _, name := range l.mail {
		if names[foldName(name)] {
			n++
		}
	}
	return n
}

// tops are the folded names of the folders at the top.
func tops(folders []migration.Folder, prefix string) map[string]bool {
	names := map[string]bool{}
	for _, f := range folders {
		if levels := f.Levels(prefix); len(levels) == 1 && f.Space == migration.Personal {
			names[foldName(levels[0])] = true
		}
	}
	return names
}

// notMail are the folded names of the folders at the top that hold no mail, in the
// languages of the mailbox. A mailbox has one folder of a kind: where there is that of
// its first language, a person has made what is called so in another.
func notMail(folders []migration.Folder, prefix string) (names []string) {
	spoken, there := languagesOf(folders, prefix), tops(folders, prefix)
	if len(spoken) == 0 {
		spoken = []language{english}
	}
	for kind := range english.notMail {
		for _, l := range spoken {
			found := false
			for _, name := range l.notMail[kind] {
				names = append(names, foldName(name))
				found = found || there[foldName(name)]
			}
			if found {
				break
			}
		}
	}
	return names
}

// notMailAnywhere reports whether a folder of the name holds no mail in some
// language.
func notMailAnywhere(name string) bool {
	return slices.ContainsFunc(languages, func(l language) bool {
		return slices.ContainsFunc(slices.Concat(l.notMail...), func(other string) bool { return sameName(name, other) })
	})
}
