"""Reads a mailbox over IMAP and writes what is in it as JSON lines.

Only the standard library. The first line of standard input is the password;
arguments are host, port and user. Every folder gives one line
{"folder": ...}, followed by one line per message; a last line {"done": true}
says that nothing is missing.
"""

import base64
import hashlib
import imaplib
import json
import re
import sys
from datetime import datetime, timezone

BATCH = 200
LITERAL = re.compile(rb"~?\{(\d+)\}$")  # with "~" a literal8 (RFC 3516)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DATE = re.compile(r"([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$")


def decode_name(raw):
    """Modified UTF-7 (RFC 3501, section 5.1.3); text that is not stays as it is."""
    def run(match):
        body = match.group(1)
        if not body:
            return "&"
        padded = body.replace(",", "/") + "=" * (-len(body) % 4)
        return base64.b64decode(padded).decode("utf-16-be")
    try:
        return re.sub(r"&([^-]*)-", run, raw)
    except (ValueError, UnicodeDecodeError):
        return raw


def quote(raw):
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def instant(raw):
    """An INTERNALDATE as seconds since 1970."""
    match = DATE.match(raw)
    if not match:
        raise ValueError("the date %r cannot be read" % raw)
    day, month, year, hour, minute, second, sign, zh, zm = match.groups()
    local = datetime(int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute),
                     int(second), tzinfo=timezone.utc)
    offset = (int(zh) * 60 + int(zm)) * 60
    return int(local.timestamp()) - (offset if sign == "+" else -offset)


class Tokens:
    """The parenthesised values of one response line with its literals."""

    def __init__(self, parts):
        self.parts = parts  # bytes of lines and Literal objects, in order
        self.text = b""
        self.pos = 0

    def _fill(self):
        while self.pos >= len(self.text) and self.parts:
            head = self.parts[0]
            if isinstance(head, Literal):
                return
            self.parts.pop(0)
            self.text, self.pos = head, 0

    def value(self):
        while True:
            self._fill()
            if self.pos >= len(self.text):
                return self.parts.pop(0) if self.parts else None
            char = self.text[self.pos:self.pos + 1]
            if char == b" ":
                self.pos += 1
                continue
            break
        if char == b"(":
            self.pos += 1
            out = []
            while True:
                item = self.value()
                if item is CLOSE:
                    return out
                if item is None:
                    raise ValueError("a list does not end")
                out.append(item)
        if char == b")":
            self.pos += 1
            return CLOSE
        if char == b'"':
            match = re.compile(rb'"((?:[^"\\]|\\.)*)"').match(self.text, self.pos)
            self.pos = match.end()
            return re.sub(rb"\\(.)", rb"\1", match.group(1))
        match = re.compile(rb"[^ ()\[]*(\[[^\]]*\])?[^ ()]*").match(self.text, self.pos)
        self.pos = match.end()
        return match.group(0)


CLOSE = object()


class Literal:
    """A literal: its size and hash, and its start, which holds the header."""

    def __init__(self, size):
        self.size, self.sum, self.head = size, hashlib.sha256(), b""

    def read(self, stream):
        left = self.size
        while left:
            data = stream.read(min(left, 1 << 16))
            if not data:
                raise EOFError("the connection ended inside a literal")
            self.sum.update(data)
            if len(self.head) < 1 << 18:
                self.head += data
            left -= len(data)

    def has_header(self, name):
        header = re.split(rb"\r?\n\r?\n", self.head, maxsplit=1)[0]
        return re.search(rb"(?im)^" + name + rb":", header) is not None


class Reader(imaplib.IMAP4):
    """imaplib for the login; answers are read here, to hash as they come."""

    def ask(self, command):
        """Yields the values of each untagged response, raises unless OK."""
        tag = self._new_tag()
        self.send(tag + b" " + command + b"\r\n")
        while True:
            parts = []
            while True:
                line = self.file.readline()
                if not line.endswith(b"\n"):
                    raise EOFError("the connection ended")
                line = line.rstrip(b"\r\n")
                parts.append(LITERAL.sub(b"", line))
                match = LITERAL.search(line)
                if not match:
                    break
                literal = Literal(int(match.group(1)))
                literal.read(self.file)
                parts.append(literal)
            if parts[0].startswith(tag + b" "):
                if not parts[0].startswith(tag + b" OK"):
                    raise RuntimeError("%r: %r" % (command[:200], parts[0]))
                return
            if parts[0].startswith(b"* "):
                parts[0] = parts[0][2:]
                yield parts


def name_bytes(value):
    return value.head if isinstance(value, Literal) else value


def folders(conn, command):
    """Yields (attributes, raw name) of a LIST or LSUB answer."""
    for parts in conn.ask(command + b' "" "*"'):
        if parts[0].split(b" ", 1)[0].upper() not in (b"LIST", b"LSUB"):
            continue
        tokens = Tokens(parts)
        tokens.value()
        attributes = [a.decode("latin-1") for a in tokens.value()]
        separator = tokens.value()
        raw = name_bytes(tokens.value())
        yield attributes, separator, b"INBOX" if raw.upper() == b"INBOX" else raw


def examine(conn, raw):
    state = {"messages": 0, "uidvalidity": 0, "uidnext": 0}
    for parts in conn.ask(b"EXAMINE " + quote(raw)):
        line = parts[0].upper()
        for key in (b"UIDVALIDITY", b"UIDNEXT"):
            match = re.match(rb"OK \[" + key + rb" (\d+)\]", line)
            if match:
                state[key.decode().lower()] = int(match.group(1))
        match = re.match(rb"(\d+) EXISTS", line)
        if match:
            state["messages"] = int(match.group(1))
    return state


def messages(conn, count):
    for first in range(1, count + 1, BATCH):
        last = min(count, first + BATCH - 1)
        command = b"FETCH %d:%d (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])" % (first, last)
        seen = 0
        for parts in conn.ask(command):
            if not re.match(rb"\d+ FETCH ", parts[0]):
                continue
            tokens = Tokens(parts)
            tokens.value(), tokens.value()
            message = describe(tokens.value())
            if message:
                seen += 1
                yield message
        if seen != last - first + 1:
            raise RuntimeError("%r answered %d messages" % (command, seen))


def describe(values):
    """The JSON value of one FETCH answer; None where it has no body."""
    fields = {}
    for key, value in zip(values[::2], values[1::2]):
        fields[key.upper()] = value
    body = fields.get(b"BODY[]")
    if body is None:
        return None
    if not isinstance(body, Literal):
        text, body = (b"" if body == b"NIL" else body), Literal(0)
        body.size, body.head = len(text), text
        body.sum.update(text)
    raw = fields[b"INTERNALDATE"].decode("latin-1")
    flags = [f.decode("latin-1") for f in fields[b"FLAGS"]]
    return {
        "uid": int(fields[b"UID"]),
        "sha256": body.sum.hexdigest(),
        "size": body.size,
        "announcedSize": int(fields[b"RFC822.SIZE"]),
        "date": instant(raw),
        "rawDate": raw,
        "flags": sorted(f for f in flags if f.lower() != "\\recent"),
        "churn": body.has_header(b"X-Churn"),
    }


def emit(value):
    sys.stdout.write(json.dumps(value) + "\n")


def main():
    host, port, user = sys.argv[1:4]
    password = sys.stdin.readline().rstrip("\n")
    conn = Reader(host, int(port), timeout=120)
    conn.login(conn._quote(user), password)  # imaplib quotes the password only
    subscribed = {raw for _, _, raw in folders(conn, b"LSUB")}
    listed = sorted(folders(conn, b"LIST"), key=lambda f: f[2])
    existing = {raw for _, _, raw in listed}
    for attributes, separator, raw in listed:
        lower = {a.lower() for a in attributes}
        selectable = not lower & {"\\noselect", "\\nonexistent"}
        folder = {
            "folder": raw.decode("latin-1"), "name": decode_name(raw.decode("latin-1")),
            "separator": separator.decode("latin-1"), "attributes": sorted(attributes),
            "selectable": selectable, "subscribed": raw in subscribed,
        }
        if selectable:
            folder.update(examine(conn, raw))
        emit(folder)
        if selectable:
            for message in messages(conn, folder["messages"]):
                emit(message)
    for raw in sorted(subscribed - existing):
        emit({"onlySubscribed": raw.decode("latin-1")})
    emit({"done": True})
    conn.logout()


main()
