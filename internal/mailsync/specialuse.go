package mailsync

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// useNames are the names that folders of a special use (RFC 6154) bear on
// servers that do not mark them, in the languages of common mail programs and of
// Exchange. The first name of a use is the usual one.
var useNames = map[string][]string{
	"Sent": {"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent Objects", "Gesendet", "Gesendete Elemente", "Gesendete Objekte",
		"Envoyés", "Éléments envoyés", "Messages envoyés", "Objets envoyés", "Enviados", "Elementos enviados", "Mensajes enviados",
		"Posta inviata", "Inviata", "Inviati", "Elementi inviati", "Itens enviados", "Enviadas", "Verzonden", "Verzonden items", "Verzonden berichten",
		"Skickat", "Skickade objekt", "Sendte elementer", "Sendt", "Sendte post", "Sendt post", "Lähetetyt", "Lähetetyt kohteet",
		"Wysłane", "Elementy wysłane", "Odeslané", "Odeslaná pošta", "Odoslané", "Odoslaná pošta", "Elküldött", "Elküldött elemek", "Trimise", "Elemente trimise",
		"Отправленные", "Надіслані", "Изпратени", "Απεσταλμένα", "Gönderilmiş Öğeler", "Gönderilmiş Postalar", "Gönderilenler", "送信済みアイテム", "送信済みメール", "已发送邮件", "已发送", "寄件備份", "보낸 편지함", "פריטים שנשלחו", "العناصر المرسلة"},
	"Drafts": {"Drafts", "Draft", "Entwürfe", "Brouillons", "Borradores", "Bozze", "Rascunhos", "Concepten", "Utkast", "Kladd", "Kladder", "Luonnokset",
		"Kopie robocze", "Wersje robocze", "Szkice", "Koncepty", "Rozepsané", "Piszkozatok", "Ciorne", "Schițe", "Черновики", "Чернетки", "Чернови", "Πρόχειρα", "Taslaklar", "下書き", "草稿", "草稿箱", "임시 보관함", "טיוטות", "مسودات", "المسودات"},
	"Trash": {"Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin", "Papierkorb", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöscht",
		"Corbeille", "Éléments supprimés", "Papelera", "Elementos eliminados", "Cestino", "Posta eliminata", "Elementi eliminati", "Lixeira", "Lixo", "Itens excluídos", "Itens Eliminados",
		"Prullenbak", "Verwijderde items", "Papperskorgen", "Borttaget", "Borttagna objekt", "Papirkurv", "Slettet post", "Slettede elementer", "Slettede elementer", "Roskakori", "Poistetut", "Poistetut kohteet",
		"Kosz", "Elementy usunięte", "Koš", "Odstraněná pošta", "Kôš", "Odstránené položky", "Lomtár", "Kuka", "Törölt elemek", "Coș de gunoi", "Elemente șterse", "Удаленные", "Удалённые", "Корзина", "Видалені", "Изтрити", "Кошче", "Διαγραμμένα", "Çöp Kutusu", "Silinmiş Öğeler", "ごみ箱", "削除済みアイテム", "已删除邮件", "垃圾桶", "刪除的郵件", "휴지통", "지운 편지함", "פריטים שנמחקו", "العناصر المحذوفة"},
	"Junk": {"Junk", "Spam", "Junk Email", "Junk E-mail", "Junk E-Mail", "Junk Mail", "Bulk Mail", "Bulk", "Junk-E-Mail", "Spamverdacht", "Courrier indésirable", "Indésirables", "Pourriel",
		"Correo no deseado", "Correo basura", "Posta indesiderata", "Lixo Eletrônico", "Lixo eletrónico", "Ongewenste e-mail", "Ongewenst", "Skräppost", "Søppelpost", "Uønsket e-post", "Uønsket mail", "Uønsket post", "Roskaposti",
		"Wiadomości-śmieci", "Nevyžádaná pošta", "Nevyžiadaná pošta", "Levélszemét", "Mesaje nedorite", "Нежелательная почта", "Спам", "Небажана пошта", "Нежелана поща", "Ανεπιθύμητη αλληλογραφία", "Gereksiz E-posta", "Önemsiz E-posta", "迷惑メール", "垃圾邮件", "垃圾郵件", "정크 메일", "דואר זבל", "البريد غير الهام"},
	"Archive": {"Archive", "Archives", "Archiv", "Archivo", "Archivio", "Arquivo", "Arquivo Morto", "Archief", "Arkiv", "Arkisto", "Archiwum", "Archív", "Archívum", "Arhivă", "Архив", "Архів", "Αρχειοθήκη", "Arşiv", "アーカイブ", "存档", "封存", "보관", "ארכיון", "الأرشيف"},
}

// foldName is how names compare where case and Unicode form do not count.
func foldName(name string) string { return strings.ToLower(norm.NFC.String(name)) }

// sameName reports whether names fold alike. It is quick about most that do not.
func sameName(a, b string) bool {
	return strings.EqualFold(a, b) || !isASCII(a) && !isASCII(b) && foldName(a) == foldName(b)
}

func isASCII(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 })
}

// guide leads to the default folders of a mailbox where neither marks nor common
// names do.
type guide struct {
	// named are default folders by name, as people or the server's service have it;
	// of each use the first that is there counts.
	named []migration.DefaultFolders
	// local: the server names them in the language of the mailbox.
	local bool
}

// uses finds the folder of each special use: the named one, or else the marked one,
// or else the top-level folder with the best known name, in the language of the
// mailbox before others.
func (g guide) uses(folders []migration.Folder, prefix string) map[string]migration.Folder {
	found, taken := map[string]migration.Folder{}, map[string]bool{}
	take := func(use string, f migration.Folder) {
		if _, has := found[use]; !has && !taken[f.Raw] {
			found[use], taken[f.Raw] = f, true
		}
	}
	for _, names := range g.named {
		for _, use := range migration.DefaultUses() {
			if f, there := called(folders, prefix, names[use]); there {
				take(use, f)
			}
		}
	}
	for _, f := range folders {
		if f.Use != "" && f.Selectable {
			take(f.Use, f)
		}
	}
	own := g.ownNames(folders, prefix)
	free := slices.DeleteFunc(slices.Clone(folders), func(f migration.Folder) bool { return taken[f.Raw] })
	for use, names := range useNames { // no name has two uses
		if f, there := bestNamed(free, prefix, slices.Concat(among(names, own), names)); there {
			take(use, f)
		}
	}
	return found
}

// called finds a person's own folder by its name, exactly before without case.
func called(folders []migration.Folder, prefix, name string) (found migration.Folder, there bool) {
	for _, f := range folders {
		path := strings.Join(f.Levels(prefix), "/")
		switch {
		case name == "" || f.IsInbox() || !f.Selectable || f.Space != migration.Personal:
		case path == name || f.Name == name:
			return f, true
		case !there && (sameName(path, name) || sameName(f.Name, name)):
			found, there = f, true
		}
	}
	return found, there
}

// ownNames are the names of folders for mail in the languages of the mailbox.
func (g guide) ownNames(folders []migration.Folder, prefix string) (names []string) {
	if !g.local {
		return nil
	}
	for _, l := range languagesOf(folders, prefix) {
		names = append(names, l.mail...)
	}
	return names
}

func among(names, own []string) (both []string) {
	for _, name := range names {
		if slices.ContainsFunc(own, func(other string) bool { return sameName(name, other) }) {
			both = append(both, name)
		}
	}
	return both
}

// bestNamed finds the top-level folder that has the earliest of the names.
func bestNamed(folders []migration.Folder, prefix string, names []string) (migration.Folder, bool) {
	var candidates []migration.Folder
	var tops []string
	for _, f := range folders {
		levels := f.Levels(prefix)
		if len(levels) == 2 && strings.EqualFold(levels[0], "INBOX") {
			levels = levels[1:]
		}
		if len(levels) == 1 && f.Use == "" && f.Selectable {
			candidates, tops = append(candidates, f), append(tops, levels[0])
		}
	}
	for _, name := range names {
		if i := slices.IndexFunc(tops, func(other string) bool { return sameName(name, other) }); i >= 0 {
			return candidates[i], true
		}
	}
	return migration.Folder{}, false
}
