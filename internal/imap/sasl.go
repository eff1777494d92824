package imap

import (
	"context"
	"crypto/md5" //nolint:gosec // Kerio's challenge wants it
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// exchange is what a mechanism says: a command, and then an answer to each of the
// server's challenges.
type exchange struct {
	verb string
	// initial may go out with the command (RFC 4959), where it is not empty.
	initial string
	answers []func(challenge string) string
}

// exchangeOf gives the exchange of a mechanism.
func exchangeOf(mechanism string, credential Credential, host, port string) exchange {
	password, token := credential.Password.Reveal(), credential.Token.Reveal()
	user := credential.User
	if credential.AuthorizeAs != "" && (mechanism == mechanismXOAuth2 || mechanism == mechanismOAuthBearer) {
		user = credential.AuthorizeAs
	}
	x := exchange{verb: "AUTHENTICATE " + mechanism}
	switch mechanism {
	case mechanismMasterAuth:
		// The answer is the MD5 of challenge and master password in hexadecimal digits.
		x.verb = mechanismMasterAuth
		x.answers = []func(string) string{func(challenge string) string {
			sum := md5.Sum([]byte(challenge + password)) //nolint:gosec // as above
			return hex.EncodeToString(sum[:])
		}}
		return x
	case mechanismLogin:
		x.answers = []func(string) string{coded(user), coded(password)}
		return x
	case mechanismXOAuth2:
		x.initial = "user=" + user + "\x01auth=Bearer " + token + "\x01\x01"
	case mechanismOAuthBearer: // RFC 7628 section 3.1
		escaped := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user)
		x.initial = "n,a=" + escaped + ",\x01host=" + host + "\x01port=" + port + "\x01auth=Bearer " + token + "\x01\x01"
	default:
		x.initial = credential.AuthorizeAs + "\x00" + user + "\x00" + password // RFC 4616
	}
	x.answers = []func(string) string{coded(x.initial)}
	return x
}

// coded answers any challenge with the text.
func coded(text string) func(string) string {
	return func(string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
}

// authenticate is AUTHENTICATE (RFC 3501 section 6.2.2), with an initial
// response where the server takes one (RFC 4959), or a command like it.
func (c *conn) authenticate(ctx context.Context, cmd *command, mechanism string, credential Credential) error {
	e := c.options.Endpoint
	_, port, _ := strings.Cut(e.Address()[strings.LastIndexByte(e.Address(), ':'):], ":")
	x := exchangeOf(mechanism, credential, e.Host, port)
	if mechanism == mechanismPlain && strings.Count(x.initial, "\x00") != 2 {
		return &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: cmd.doing, Err: errors.New("the user name or password holds a NUL"), Remedy: "Give this account a user name and a password without NUL."}
	}
	cmd.shown = x.verb + " [credentials]"
	cmd.line.Raw(x.verb)
	if x.initial != "" && c.capabilities().has("SASL-IR") {
		cmd.line.Raw(" " + x.answers[0](""))
		x.answers = nil
	}
	if err := c.lockLine(ctx); err != nil {
		return err
	}
	defer c.unlockLine()
	if _, err := c.writeHead(ctx, cmd); err != nil { // without a literal, it is never refused half-way
		return err
	}
	answer := ""
	c.endsAfter(cmd, 2)
	for range challengesMost {
		// A server that goes on asking after the last word has an error to
		// tell (RFC 7628 section 3.2.3); an empty line ends the exchange.
		goOn, err := c.awaitChallenge(ctx, cmd, answer)
		if err != nil {
			return err
		}
		if !goOn {
			return cmd.err
		}
		answer = ""
		if len(x.answers) > 0 {
			answer, x.answers = x.answers[0](cmd.challenge), x.answers[1:]
		}
		c.trace("C: [credentials]")
	}
	c.kill(&migration.Fault{Class: migration.Again, Code: migration.CodeServerBug, Doing: cmd.doing,
		Err: errors.New("the server does not end the sign-in"), Remedy: "Choose another way to sign in."})
	<-cmd.done
	return c.dead()
}

// challengesMost is how often a server may ask in one sign-in.
const challengesMost = 10

// awaitChallenge sends a line and waits for the next "+" of the exchange or its end.
func (c *conn) awaitChallenge(ctx context.Context, cmd *command, line string) (goOn bool, err error) {
	before := c.roundTrips.Load()
	goOn, err = c.ask(ctx, cmd, []byte(line+"\r\n"))
	if !goOn && err == nil {
		c.roundTrips.Store(before) // the command itself was counted
	}
	return goOn, err
}
