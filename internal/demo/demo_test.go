package demo

import (
	"testing"
)

func TestX(t *testing.T) {
	d, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, m := range d.Mailboxes {
		t.Logf("%+v", m)
	}
	t.Log(d.Messages(), d.Bytes())
}
