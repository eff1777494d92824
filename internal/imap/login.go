package imap

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The names of Credential.Mechanism.
const (
	mechanismPlain       = "PLAIN"
	mechanismLogin       = "LOGIN"
	mechanismCommand     = "COMMAND"
	mechanismXOAuth2     = "XOAUTH2"
	mechanismOAuthBearer = "OAUTHBEARER"
)

// signIn proves who we are. What the server can do is asked again unless it
// tells by itself, because most servers can do more afterwards.
func (s *Session) signIn(ctx context.Context) error {
	c := s.conn
	credential := c.options.Credential
	doing := "signing in to " + c.options.Endpoint.Host + " as " + c.clean(credential.User)
	if !c.secure() {
		return &migration.Fault{Class: migration.Login, Code: migration.CodePolicy, Doing: doing,
			Err: errors.New("the connection is not protected by verified TLS"), Remedy: "Use an imaps:// or imap:// address."}
	}
	mechanism, err := choose(credential, c.capabilities())
	if err != nil {
		return &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: doing, Err: err,
			Remedy: "Choose a way to sign in that this server offers, or allow one there."}
	}
	announced := false
	cmd := c.newCommand(kindLogin, doing)
	cmd.take = func(response any) bool {
		_, caps := response.(capabilityResponse)
		announced = announced || caps
		return caps
	}
	if mechanism == mechanismCommand {
		cmd.shown = "LOGIN [credentials]"
		cmd.line.Raw("LOGIN ").Quoted(credential.User).Raw(" ").Quoted(credential.Password.Reveal())
		err = c.run(ctx, cmd)
	} else {
		err = c.authenticate(ctx, cmd, mechanism, credential)
	}
	if err != nil {
		return err
	}
	if announced || cmd.status.code == "CAPABILITY" {
		return nil
	}
	return s.askCapabilities(ctx)
}

// choose picks the mechanism: the one asked for, or the best that is offered.
func choose(credential Credential, caps capabilities) (string, error) {
	if mechanism := strings.ToUpper(credential.Mechanism); mechanism != "" {
		if credential.AuthorizeAs != "" && (mechanism == mechanismLogin || mechanism == mechanismCommand) {
			// It would open the administrator's own mailbox.
			return "", errors.New("signing in by " + mechanism + " cannot name another's mailbox")
		}
		switch mechanism {
		case mechanismPlain, mechanismLogin, mechanismXOAuth2, mechanismOAuthBearer:
			return mechanism, nil
		case mechanismCommand:
			if caps.has("LOGINDISABLED") {
				return "", errors.New("the server does not allow the LOGIN command")
			}
			return mechanism, nil
		}
		return "", errors.New("this way to sign in is not known: " + credential.Mechanism)
	}
	if !credential.Token.Empty() {
		if caps.has("AUTH=XOAUTH2") && !caps.has("AUTH=OAUTHBEARER") {
			return mechanismXOAuth2, nil
		}
		if caps.has("AUTH=OAUTHBEARER") {
			return mechanismOAuthBearer, nil
		}
		return "", errors.New("the server takes no bearer tokens")
	}
	switch {
	case credential.AuthorizeAs != "", caps.has("AUTH=PLAIN"):
		return mechanismPlain, nil
	case !caps.has("LOGINDISABLED"):
		return mechanismCommand, nil
	case caps.has("AUTH=LOGIN"):
		return mechanismLogin, nil
	}
	return "", errors.New("the server takes no passwords on this connection")
}

// responses gives what the client says in the exchange, in order. initial is
// false for mechanisms in which the server speaks first.
func responses(mechanism string, credential Credential, host, port string) (texts []string, initial bool) {
	password, token := credential.Password.Reveal(), credential.Token.Reveal()
	user := credential.User
	if credential.AuthorizeAs != "" && (mechanism == mechanismXOAuth2 || mechanism == mechanismOAuthBearer) {
		user = credential.AuthorizeAs
	}
	switch mechanism {
	case mechanismXOAuth2:
		return []string{"user=" + user + "\x01auth=Bearer " + token + "\x01\x01"}, true
	case mechanismOAuthBearer: // RFC 7628 section 3.1
		escaped := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user)
		return []string{"n,a=" + escaped + ",\x01host=" + host + "\x01port=" + port + "\x01auth=Bearer " + token + "\x01\x01"}, true
	case mechanismLogin:
		return []string{user, password}, false
	}
	return []string{credential.AuthorizeAs + "\x00" + user + "\x00" + password}, true // RFC 4616
}

// authenticate is AUTHENTICATE (RFC 3501 section 6.2.2), with an initial
// response where the server takes one (RFC 4959).
func (c *conn) authenticate(ctx context.Context, cmd *command, mechanism string, credential Credential) error {
	e := c.options.Endpoint
	_, port, _ := strings.Cut(e.Address()[strings.LastIndexByte(e.Address(), ':'):], ":")
	texts, initial := responses(mechanism, credential, e.Host, port)
	if mechanism == mechanismPlain && strings.Count(texts[0], "\x00") != 2 {
		return &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: cmd.doing, Err: errors.New("the user name or password holds a NUL"), Remedy: "Give this account a user name and a password without NUL."}
	}
	cmd.shown = "AUTHENTICATE " + mechanism + " [credentials]"
	cmd.line.Raw("AUTHENTICATE " + mechanism)
	if initial && c.capabilities().has("SASL-IR") {
		cmd.line.Raw(" " + base64.StdEncoding.EncodeToString([]byte(texts[0])))
		texts = texts[1:]
	}
	if err := c.lockLine(ctx); err != nil {
		return err
	}
	defer c.unlockLine()
	if err := c.write(ctx, cmd); err != nil {
		return err
	}
	for range challengesMost {
		// A server that goes on asking after the last word has an error to
		// tell (RFC 7628 section 3.2.3); an empty line ends the exchange.
		goOn, err := c.awaitChallenge(ctx, cmd)
		if err != nil {
			return err
		}
		if !goOn {
			return cmd.err
		}
		answer := ""
		if len(texts) > 0 {
			answer, texts = base64.StdEncoding.EncodeToString([]byte(texts[0])), texts[1:]
		}
		c.trace("C: [credentials]")
		if err := c.out.write(ctx, []byte(answer+"\r\n")); err != nil {
			return c.cut(ctx, err)
		}
	}
	c.kill(&migration.Fault{Class: migration.Again, Code: migration.CodeServerBug, Doing: cmd.doing,
		Err: errors.New("the server does not end the sign-in"), Remedy: "Choose another way to sign in."})
	<-cmd.done
	return c.dead()
}

// challengesMost is how often a server may ask in one sign-in.
const challengesMost = 10

// awaitChallenge waits for the next "+" of the exchange or its end.
func (c *conn) awaitChallenge(ctx context.Context, cmd *command) (goOn bool, err error) {
	before := c.roundTrips.Load()
	goOn, err = c.awaitContinuation(ctx, cmd)
	if !goOn && err == nil {
		c.roundTrips.Store(before) // the command itself was counted
	}
	return goOn, err
}
