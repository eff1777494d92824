package imap

import (
	"context"
	"errors"
	"strings"

	"github.com/mailhaul/mailhaul/internal/migration"
)

// The names of Credential.Mechanism, beside those of migration.SignIn.
const (
	mechanismPlain       = migration.MechanismPlain
	mechanismLogin       = "LOGIN"
	mechanismCommand     = "COMMAND"
	mechanismXOAuth2     = migration.MechanismXOAuth2
	mechanismOAuthBearer = "OAUTHBEARER"
	mechanismProxyAuth   = migration.MechanismProxyAuth
	mechanismMasterAuth  = migration.MechanismMasterAuth
)

// signIn proves who we are and opens the mailbox that is meant. What the server can
// do is asked again unless it tells by itself, because most servers can do more
// afterwards. One that has told what is of use only afterwards is asked beside the
// first command.
func (s *Session) signIn(ctx context.Context) error {
	c := s.conn
	credential := c.options.Credential
	doing := c.signingIn()
	if !c.secure() {
		return &migration.Fault{Class: migration.Login, Code: migration.CodePolicy, Doing: doing,
			Err: errors.New("the connection is not protected by verified TLS"), Remedy: "Use an imaps:// or imap:// address."}
	}
	mechanism, err := choose(credential, c.capabilities())
	if err != nil {
		return &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: doing, Err: err,
			Remedy: "Choose a way to sign in that this server offers, or allow one there."}
	}
	announced, err := c.present(ctx, mechanism, credential)
	if err == nil && credential.AuthorizeAs != "" && becomes[mechanism] != "" {
		announced, err = c.become(ctx, becomes[mechanism], credential.AuthorizeAs)
	}
	if err != nil {
		return err
	}
	known, before := c.options.Known.get(signedIn), c.capabilities()
	switch {
	case announced:
	case known != nil:
		c.setCapabilities(known)
	case (before.has("NAMESPACE") || before.has("UIDPLUS")) && !c.options.Compress:
		s.askCapabilitiesBeside()
		return nil
	default:
		if err := s.askCapabilities(ctx); err != nil {
			return err
		}
	}
	c.options.Known.put(signedIn, c.capabilities())
	return nil
}

// askCapabilitiesBeside has the question ride along with the first command.
func (s *Session) askCapabilitiesBeside() {
	c := s.conn
	cmd := s.capabilityCommand()
	cmd.finish = func(err error) {
		if err == nil {
			c.options.Known.put(signedIn, c.capabilities())
			c.budget.limit(c.traits(s.greeting))
		}
	}
	c.ride(cmd)
}

// signingIn says what is being done, for faults.
func (c *conn) signingIn() string {
	credential := c.options.Credential
	as := c.clean(credential.User)
	switch {
	case credential.AuthorizeAs != "" && as != "":
		as = c.clean(credential.AuthorizeAs) + " by " + as
	case as == "":
		as = c.clean(credential.AuthorizeAs)
	}
	return "signing in to " + c.options.Endpoint.Host + " as " + as
}

// becomes are the commands by which an administrator who has signed in becomes a
// user, by mechanism: that of iPlanet and its heirs, and that of Kerio.
var becomes = map[string]string{mechanismProxyAuth: "PROXYAUTH", mechanismMasterAuth: "X-SETUSER"}

// present shows the secret. announced is true when the server told its capabilities
// with its answer.
func (c *conn) present(ctx context.Context, mechanism string, credential Credential) (announced bool, err error) {
	cmd, heard := c.loginCommand()
	switch mechanism {
	case mechanismProxyAuth:
		admin := credential
		admin.Mechanism, admin.AuthorizeAs = "", ""
		if mechanism, err = choose(admin, c.capabilities()); err != nil {
			return false, &migration.Fault{Class: migration.Login, Code: migration.CodeLogin, Doing: cmd.doing, Err: err,
				Remedy: "Choose a way to sign in that this server offers, or allow one there."}
		}
		return c.present(ctx, mechanism, admin)
	case mechanismCommand:
		cmd.shown = "LOGIN [credentials]"
		cmd.line.Raw("LOGIN ").Quoted(credential.User).Raw(" ").Quoted(credential.Password.Reveal())
		err = c.run(ctx, cmd)
	default:
		err = c.authenticate(ctx, cmd, mechanism, credential)
	}
	return *heard || cmd.status.code == "CAPABILITY", err
}

// become has the administrator who is signed in become the user.
func (c *conn) become(ctx context.Context, verb, user string) (announced bool, err error) {
	cmd, heard := c.loginCommand()
	cmd.shown = verb + " [user]"
	cmd.line.Raw(verb + " ").Quoted(user)
	if err = c.run(ctx, cmd); migration.ClassOf(err) == migration.Login {
		fault := *migration.FaultOf(err)
		fault.Doing, fault.Code, fault.Remedy = cmd.doing+": the administrator is let in, but not to this mailbox", migration.CodeNoAccess, remedyNoAccess
		return false, c.explained(&fault)
	}
	return *heard || cmd.status.code == "CAPABILITY", err
}

// loginCommand makes a command of the sign-in; heard says whether the capabilities
// came with it.
func (c *conn) loginCommand() (cmd *command, heard *bool) {
	heard = new(bool)
	cmd = c.newCommand(kindLogin, c.signingIn())
	cmd.take = func(response any) bool {
		_, caps := response.(capabilityResponse)
		*heard = *heard || caps
		return caps
	}
	return cmd, heard
}

// choose picks the mechanism: the one asked for, or the best that is offered.
func choose(credential Credential, caps capabilities) (string, error) {
	if mechanism := strings.ToUpper(credential.Mechanism); mechanism != "" {
		if credential.AuthorizeAs != "" && (mechanism == mechanismLogin || mechanism == mechanismCommand) {
			// It would open the administrator's own mailbox.
			return "", errors.New("signing in by " + mechanism + " cannot name another's mailbox")
		}
		switch mechanism {
		case mechanismPlain, mechanismLogin, mechanismXOAuth2, mechanismOAuthBearer, mechanismProxyAuth, mechanismMasterAuth:
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
