package imap_test

import (
	"testing"
)

func TestRoomIsTheLeastThatAnyQuotaLeaves(t *testing.T) {
	tests := []struct {
		name, answer string
		want         int64
	}{
		{"one root", `* QUOTAROOT INBOX \"\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n$T OK\r\n`, 502 << 10},
		{"two roots", `* QUOTAROOT INBOX a b\r\n* QUOTA a (STORAGE 10 512)\r\n* QUOTA b (MESSAGE 1 2 STORAGE 500 512)\r\n$T OK\r\n`, 12 << 10},
		{"full", `* QUOTA a (STORAGE 600 512)\r\n$T OK\r\n`, 0},
		{"no limit", `* QUOTAROOT INBOX a\r\n* QUOTA a ()\r\n$T OK\r\n`, -1},
		{"messages alone are limited", `* QUOTA a (MESSAGE 1 2)\r\n$T OK\r\n`, -1},
		{"a server that refuses", `$T NO not for you\r\n`, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := connect(t, greeted("QUOTA")+"C GETQUOTAROOT INBOX\nW \""+test.answer+`"`, nil)
			got, err := s.Room(t.Context())
			if err != nil || got != test.want {
				t.Errorf("got %d, %v; want %d", got, err, test.want)
			}
		})
	}
}

func TestRoomIsNotAskedForWhereNobodyTells(t *testing.T) {
	s := connect(t, greeted(""), nil)
	if got, err := s.Room(t.Context()); got != -1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
