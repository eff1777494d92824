"""An SMTP server for tests: aiosmtpd with what it takes written to files.

Reads one line of JSON (dir, mode, cert, key, user, password, refuse) from its
standard input, prints its port, and ends when its standard input does.
"""
import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

options = json.loads(sys.stdin.readline())


class Keep:
    """Keeps each message in a file of its own, with its envelope in another."""

    def __init__(self):
        self.count = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in options.get("refuse", []):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(options["dir"], "%04d" % self.count)
        with open(name + ".json", "w") as f:
            json.dump({"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None or options["mode"] == "implicit",
                       "user": (session.auth_data or b"").decode()}, f)
        with open(name + ".part", "wb") as f:
            f.write(envelope.original_content)
        os.rename(name + ".part", name + ".eml")
        return "250 OK kept as %d" % self.count


def authenticate(server, session, envelope, mechanism, data):
    given = (data.login.decode(), data.password.decode())
    good = given == (options.get("user"), options.get("password"))
    return AuthResult(success=good, handled=good, auth_data=data.login if good else None)


async def main():
    loop = asyncio.get_running_loop()
    context = None
    if options["mode"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["cert"], options["key"])
    keep = Keep()
    settings = {"hostname": "localhost", "enable_SMTPUTF8": True}
    if options["mode"] == "starttls":
        settings.update(tls_context=context, require_starttls=True)
    if options.get("user"):
        settings.update(authenticator=authenticate, auth_required=True, auth_require_tls=options["mode"] == "starttls")
    server = await loop.create_server(lambda: SMTP(keep, loop=loop, **settings), "127.0.0.1", 0,
                                      ssl=context if options["mode"] == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
