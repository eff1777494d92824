package imapfake

import ("testing";"os";"os/exec";"fmt";"net";"strings")

func TestHand(t *testing.T) {
	for _, pers := range []Personality{Generic(), Dovecot(), Cyrus(), Courier(), ExchangeOnline(), Gmail(), Minimal()} {
	t.Run(pers.Name, func(t *testing.T) {
	pers.Limits.Throttle = nil
	pers.Before = append(pers.Before, "AUTH=LOGIN")
	src := serve(t, Options{}); dst := serve(t, Options{Personality: pers, Record: RecordOptions{Trace: func() *os.File { f, _ := os.Create("/tmp/hand/trace-"+strings.ReplaceAll(pers.Name," ","")); return f }()}})
	a, b := src.AddUser("u","p"), dst.AddUser("u","p")
	for i := range 300 { a.Deliver("INBOX", []byte(fmt.Sprintf("Subject: %d\r\nMessage-ID: <%d@x>\r\n\r\nbody %d\r\n", i, i, i)), epoch.AddDate(0,0,i), `\Seen`) 
	a.Deliver("sub/one", []byte(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n%s\r\n", i, i, strings.Repeat("x", 5000))), epoch, `\Flagged`) }
	pa, _ := src.Listen(); pb, _ := dst.Listen()
	_, porta, _ := net.SplitHostPort(pa); _, portb, _ := net.SplitHostPort(pb)
	path := ""
	if pers.Names.Prefix != "" { path = "Path INBOX.\n" }
	conf := fmt.Sprintf("IMAPStore a\nHost 127.0.0.1\nPort %s\nUser u\nPass p\nSSLType None\nAuthMechs LOGIN\n\nIMAPStore b\nHost 127.0.0.1\nPort %s\nUser u\nPass p\nSSLType None\nAuthMechs LOGIN\n%s\nChannel c\nFar :a:\nNear :b:\nPatterns *\nCreate Near\nSync Pull\nCopyArrivalDate yes\nSyncState /tmp/hand/state%s/\n", porta, portb, path, strings.ReplaceAll(pers.Name," ",""))
	os.MkdirAll("/tmp/hand/state"+strings.ReplaceAll(pers.Name," ",""), 0o755)
	os.WriteFile("/tmp/hand/rc", []byte(conf), 0o600)
	for range 2 {
	out, err := exec.Command("mbsync", "-c", "/tmp/hand/rc", "-a").CombinedOutput()
	if err != nil { t.Errorf("%v %s", err, out) }
	fmt.Println(pers.Name, strings.TrimSpace(string(out))[max(0,len(strings.TrimSpace(string(out)))-100):])
	}
	fmt.Println(b.Folders(), b.Len("INBOX"), dst.Counts().Commands)
	if len(b.Messages("INBOX"))>0 { fmt.Println(b.Messages("INBOX")[5].Date, b.Messages("INBOX")[5].Flags) }
	})
	}
}
