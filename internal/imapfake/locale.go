package imapfake

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// exchangeFolders are the default folders of an Exchange mailbox beside the
// INBOX, in the order of the columns of localNames.
var exchangeFolders = []string{
	"Archive", "Calendar", "Contacts", "Conversation History", "Deleted Items", "Drafts", "Journal", "Junk Email", "Notes", "Outbox",
	"Sent Items", "Tasks",
}

// localNames are their names by the language of the mailbox, as Outlook and
// Exchange show them.
var localNames = map[string]string{
	"cs-CZ": "Archiv|Kalendář|Kontakty|Historie konverzací|Odstraněná pošta|Koncepty|Deník|Nevyžádaná pošta|Poznámky|Pošta k odeslání|Odeslaná pošta|Úkoly",
	"da-DK": "Arkiv|Kalender|Kontakter|Samtalehistorik|Slettet post|Kladder|Journal|Uønsket mail|Noter|Udbakke|Sendt post|Opgaver",
	"de-DE": "Archiv|Kalender|Kontakte|Aufgezeichnete Unterhaltungen|Gelöschte Elemente|Entwürfe|Journal|Junk-E-Mail|Notizen|Postausgang|Gesendete Elemente|Aufgaben",
	"en-US": "Archive|Calendar|Contacts|Conversation History|Deleted Items|Drafts|Journal|Junk Email|Notes|Outbox|Sent Items|Tasks",
	"es-ES": "Archivo|Calendario|Contactos|Historial de conversaciones|Elementos eliminados|Borradores|Diario|Correo no deseado|Notas|Bandeja de salida|Elementos enviados|Tareas", //nolint:misspell // Spanish
	"fi-FI": "Arkisto|Kalenteri|Yhteystiedot|Keskusteluhistoria|Poistetut|Luonnokset|Päiväkirja|Roskaposti|Muistilaput|Lähtevät|Lähetetyt|Tehtävät",
	"fr-FR": "Archive|Calendrier|Contacts|Historique des conversations|Éléments supprimés|Brouillons|Journal|Courrier indésirable|Notes|Boîte d'envoi|Éléments envoyés|Tâches",
	"hu-HU": "Archívum|Naptár|Névjegyek|Beszélgetések előzményei|Törölt elemek|Piszkozatok|Napló|Levélszemét|Feljegyzések|Postázandó üzenetek|Elküldött elemek|Feladatok",
	"it-IT": "Archivio|Calendario|Contatti|Cronologia conversazioni|Posta eliminata|Bozze|Diario|Posta indesiderata|Note|Posta in uscita|Posta inviata|Attività",
	"ja-JP": "アーカイブ|予定表|連絡先|会話の履歴|削除済みアイテム|下書き|履歴|迷惑メール|メモ|送信トレイ|送信済みアイテム|タスク",
	"ko-KR": "보관|일정|연락처|대화 내용|지운 편지함|임시 보관함|업무 일지|정크 메일|메모|보낼 편지함|보낸 편지함|작업",
	"nb-NO": "Arkiv|Kalender|Kontakter|Samtalelogg|Slettede elementer|Kladd|Logg|Søppelpost|Notater|Utboks|Sendte elementer|Oppgaver",
	"nl-NL": "Archief|Agenda|Contactpersonen|Gespreksgeschiedenis|Verwijderde items|Concepten|Logboek|Ongewenste e-mail|Notities|Postvak UIT|Verzonden items|Taken",
	"pl-PL": "Archiwum|Kalendarz|Kontakty|Historia konwersacji|Elementy usunięte|Wersje robocze|Dziennik|Wiadomości-śmieci|Notatki|Skrzynka nadawcza|Elementy wysłane|Zadania",
	"pt-BR": "Arquivo Morto|Calendário|Contatos|Histórico de Conversa|Itens Excluídos|Rascunhos|Diário|Lixo Eletrônico|Anotações|Caixa de Saída|Itens Enviados|Tarefas",
	"ru-RU": "Архив|Календарь|Контакты|Журнал бесед|Удаленные|Черновики|Дневник|Нежелательная почта|Заметки|Исходящие|Отправленные|Задачи",
	"sv-SE": "Arkiv|Kalender|Kontakter|Konversationshistorik|Borttaget|Utkast|Journal|Skräppost|Anteckningar|Utkorgen|Skickat|Uppgifter",
	"zh-CN": "存档|日历|联系人|对话历史记录|已删除邮件|草稿|日记|垃圾邮件|便笺|发件箱|已发送邮件|任务",
}

// Languages are those that Mailbox.SetLanguage knows, in order.
func Languages() []string { return slices.Sorted(maps.Keys(localNames)) }

// DefaultFolders are the names of Exchange's default folders in a language, in
// UTF-8, by their English names; nil for a language that is not known.
func DefaultFolders(language string) map[string]string {
	names, ok := localNames[language]
	if !ok {
		return nil
	}
	local := map[string]string{}
	for i, name := range strings.Split(names, "|") {
		local[exchangeFolders[i]] = name
	}
	return local
}

// SetLanguage names the default folders of a mailbox of Exchange as one with
// that language has them: "de-DE", see Languages. They may have another
// language's names now, and hold messages.
func (m *Mailbox) SetLanguage(language string) error {
	to := DefaultFolders(language)
	if to == nil {
		return fmt.Errorf("language %q is not one of %s", language, strings.Join(Languages(), ", "))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	from := DefaultFolders(m.language)
	for _, english := range exchangeFolders {
		f, name := m.folders[m.rules.key(encodeUTF7(from[english]))], encodeUTF7(to[english])
		if f == nil || f.name == name {
			continue
		}
		if m.folders[m.rules.key(name)] != nil {
			return fmt.Errorf("folder %q: the mailbox has one of that name already", to[english])
		}
		m.rename(f, name)
	}
	m.language = language
	return nil
}

// encodeUTF7 is modified UTF-7 (RFC 3501 section 5.1.3).
func encodeUTF7(name string) string {
	encoding := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)
	var out strings.Builder
	var run []rune
	end := func() {
		if run == nil {
			return
		}
		var raw []byte
		for _, unit := range utf16.Encode(run) {
			raw = append(raw, byte(unit>>8), byte(unit))
		}
		out.WriteString("&" + encoding.EncodeToString(raw) + "-")
		run = nil
	}
	for _, r := range name {
		if r < 0x20 || r > 0x7e {
			run = append(run, r)
			continue
		}
		end()
		if out.WriteRune(r); r == '&' {
			out.WriteByte('-')
		}
	}
	end()
	return out.String()
}
