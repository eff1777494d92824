package control

// Settings are what all nodes share. What the server was started with is fixed: it is
// shown, and can't be changed here.
type Settings struct {
	SMTP                 SMTP  `json:"smtp" doc:"The mail server that reports go through"`
	KeepCompletedSeconds int64 `json:"keepCompletedSeconds" doc:"How long the records of a batch stay that completed without errors; 0: until they are deleted"`
	KeepCompletedFixed   bool  `json:"keepCompletedFixed" doc:"The server was started with it"`
	Version              int64 `json:"version"`
}

// SMTP is the mail server that reports go through. Without a host none are sent.
type SMTP struct {
	Host        string `json:"host"`
	Port        int    `json:"port"`
	Security    string `json:"security" enum:"starttls,implicit,none"`
	User        string `json:"user" doc:"Empty: nobody signs in"`
	HasPassword bool   `json:"hasPassword"`
	From        string `json:"from" doc:"Where reports come from"`
	CA          string `json:"ca" doc:"PEM of its authorities; empty: the system's"`
	Fixed       bool   `json:"fixed" doc:"The server was started with it"`
}

// SettingsPatch changes settings; what is missing stays.
type SettingsPatch struct {
	SMTP                 *SMTPPatch `json:"smtp,omitempty"`
	KeepCompletedSeconds *int64     `json:"keepCompletedSeconds,omitempty" doc:"0: until they are deleted; else from an hour to ten years"`
}

// SMTPPatch changes the mail server; what is missing stays. With another host, port,
// security or user the password is to be given again, since it was given for these.
type SMTPPatch struct {
	Host     *string   `json:"host,omitempty" doc:"Empty: no mail is sent, and the rest is forgotten"`
	Port     *int      `json:"port,omitempty" doc:"0: 465 for implicit, else 587"`
	Security *string   `json:"security,omitempty" enum:"starttls,implicit,none"`
	User     *string   `json:"user,omitempty" doc:"Empty: nobody signs in"`
	Password *Password `json:"password,omitempty" maxLength:"4096"`
	From     *string   `json:"from,omitempty"`
	CA       *string   `json:"ca,omitempty"`
}

// MailTest is whom to send a test mail to.
type MailTest struct {
	To string `json:"to,omitempty" maxLength:"254" doc:"Default: one's own address"`
}

// MailTested is what became of a test mail.
type MailTested struct {
	OK     bool   `json:"ok" doc:"The server has taken it for delivery"`
	Code   string `json:"code,omitempty" doc:"Why not, for programs, such as connect, tls, login or message-rejected"`
	Detail string `json:"detail" doc:"What the server said"`
	Remedy string `json:"remedy,omitempty"`
}
