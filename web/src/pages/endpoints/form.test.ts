import { describe, expect, test } from "vitest";
import { emptyForm, formOf, loginsOf, logins, movesSecrets, patchOf, specOf, testOf, troubles, used, type Endpoint, type Form } from "./form";

const form = (changes: Partial<Form>): Form => ({ ...emptyForm(), ...changes });

const old = {
  name: "old", type: "imap", host: "imap.example.org", port: 993, security: "implicit", allowCleartext: false, minTls: "1.2", migrations: 20, incremental: 10, connections: 4, unanswered: 0, bytesPerSecond: 2_500_000,
  messagesPerSecond: 0, bytesPerDayDown: 0, bytesPerDayUp: 0, login: "master", adminUser: "root", hasAdminPassword: true, graphFolders: false, batches: [], created: "2026-01-01T00:00:00Z", createdBy: "ada", version: 3,
} as unknown as Endpoint;

describe("specOf", () => {
  test("has what is given and what the login uses, and nothing else", () => {
    expect(specOf(form({ name: "old", host: " imap.example.org ", login: "user", adminUser: "left over", adminPassword: "left over" }))).toEqual({ name: "old", type: "imap", login: "user", host: "imap.example.org", security: "implicit" });
    expect(specOf(form({ name: "o", host: "h", login: "exchange", adminUser: "admin", adminPassword: " p ", domain: "contoso", separator: "" }))).toMatchObject({ adminUser: "admin", adminPassword: " p ", domain: "contoso" });
  });

  test("an application shows a secret or a certificate, not both", () => {
    const both = form({ name: "o", type: "office365", login: "office365", tenant: "t", clientId: "c", clientSecret: "s", certificate: "PEM" });
    expect(specOf(both)).toMatchObject({ clientSecret: "s", tenant: "t", clientId: "c", cloud: "worldwide" });
    expect(specOf(both)).not.toHaveProperty("certificate");
    expect(specOf({ ...both, credential: "certificate" })).toMatchObject({ certificate: "PEM" });
    expect(specOf({ ...both, credential: "certificate" })).not.toHaveProperty("clientSecret");
  });

  test("megabytes are bytes, with a point or a comma", () => {
    expect(specOf(form({ bytesPerSecond: "2.5", bytesPerDayUp: "500,5", messagesPerSecond: "0.5" }))).toMatchObject({ bytesPerSecond: 2_500_000, bytesPerDayUp: 500_500_000, messagesPerSecond: 0.5 });
  });
});

describe("patchOf", () => {
  test("nothing changed is nothing", () => expect(patchOf(old, formOf(old))).toEqual({}));
  test("only what has changed", () => {
    expect(patchOf(old, { ...formOf(old), connections: "8", bytesPerSecond: "", adminPassword: "new" })).toEqual({ connections: 8, bytesPerSecond: 0, adminPassword: "new" });
    expect(patchOf(old, { ...formOf(old), folders: { Sent: "Gesendet" } })).toEqual({ defaultFolders: { Sent: "Gesendet" } });
  });
  test("a folder is taken away by an empty name", () => {
    const with1 = { ...old, defaultFolders: { Sent: "Gesendet" } } as Endpoint;
    expect(patchOf(with1, { ...formOf(with1), folders: {} })).toEqual({ defaultFolders: { Sent: "" } });
  });
  test("another server needs the passwords anew", () => {
    expect(movesSecrets(patchOf(old, { ...formOf(old), host: "imap2.example.org" }))).toBe(true);
    expect(movesSecrets(patchOf(old, { ...formOf(old), connections: "8" }))).toBe(false);
  });
});

test("troubles are told by field", () => {
  expect(Object.keys(troubles(form({ name: "a b", port: "x", migrations: "301" }))).sort()).toEqual(["host", "migrations", "name", "port"]);
  expect(troubles(form({ name: "g", type: "gmail", login: "google" }))).toEqual({});
});

test("every login form belongs to a type, and has its own fields only", () => {
  const all = new Set(["imap", "office365", "gmail"].flatMap(loginsOf));
  expect([...all].sort()).toEqual(Object.keys(logins).sort());
  expect(used(form({ login: "kerio" })).has("adminUser")).toBe(false);
  expect(used(form({ login: "userroot" })).has("userRoot")).toBe(true);
});

test("a password is sent along with a test only where mailboxes have their own", () => {
  expect(testOf(form({ host: "h" }), " anna ", "p")).toMatchObject({ endpoint: { name: "new" }, user: "anna", password: "p" });
  expect(testOf(form({ host: "h", login: "master" }), "anna", "p")).not.toHaveProperty("password");
});
