// What a form of an endpoint holds, and what is asked of the server for it. Values are as
// they are typed; what is left empty takes the server's default.
import type { Schema } from "../../api/client";

export type Endpoint = Schema<"Endpoint">;
export type EndpointSpec = Schema<"EndpointSpec">;
export type EndpointPatch = Schema<"EndpointPatch">;

export type Login = NonNullable<EndpointSpec["login"]>;
type Kind = NonNullable<EndpointSpec["type"]>;

const texts = [
  "name", "type", "host", "port", "security", "ca", "pin", "minTls", "login", "adminUser", "adminPassword", "separator", "domain", "userRoot", "tenant", "clientId", "cloud", "authority", "scope", "graph",
  "credential", "clientSecret", "certificate", "serviceAccount", "migrations", "incremental", "connections", "unanswered", "bytesPerSecond", "messagesPerSecond", "bytesPerDayDown", "bytesPerDayUp",
] as const;

export type Text = (typeof texts)[number];

/** The uses that default folders have. */
export const uses = ["Sent", "Drafts", "Trash", "Junk", "Archive"] as const;

export type Form = Record<Text, string> & { allowCleartext: boolean; graphFolders: boolean; folders: Record<string, string> };

/** The fields that hold secrets, which are kept nowhere. */
export const secrets: Text[] = ["adminPassword", "clientSecret", "certificate", "serviceAccount"];

export const types: Record<Kind, { text: string; help: string }> = {
  imap: { text: "IMAP server", help: "Dovecot, Cyrus, Courier, Zimbra, Exchange Server and any other." },
  office365: { text: "Office 365", help: "Exchange Online, by an application that is registered with the tenant." },
  gmail: { text: "Gmail", help: "Google Workspace by a service account, or Gmail by app passwords." },
};

export interface LoginForm {
  text: string;
  help: string;
  /** Its own fields, in their order. */
  fields: Text[];
}

/** The login forms: who signs in, and what that takes. */
export const logins: Record<Login, LoginForm> = {
  user: { text: "Each mailbox with its own password", help: "Every row of the migration file has a user name and a password. An app password is one.", fields: [] },
  authzid: { text: "Administrator by SASL PLAIN", help: "An administrator opens every mailbox, as with Cyrus, Zimbra and Dovecot.", fields: ["adminUser", "adminPassword"] },
  master: { text: "Master user (User*Admin)", help: "A master user's name is put behind each user name, as with Dovecot and UW-IMAP.", fields: ["adminUser", "adminPassword", "separator"] },
  exchange: { text: "Exchange Server (Domain/Admin/User)", help: "An account with full access opens every mailbox. Users are named by the alias, not by the address.", fields: ["adminUser", "adminPassword", "domain", "separator"] },
  mirapoint: { text: "Mirapoint (#User@Domain#Admin#)", help: "An administrator of the domain opens every mailbox.", fields: ["adminUser", "adminPassword", "domain"] },
  userroot: { text: "Administrator sees all folders", help: "The administrator signs in as himself and sees each person's folders below a root, as with Courier and Oracle.", fields: ["adminUser", "adminPassword", "userRoot"] },
  proxyauth: { text: "Administrator by PROXYAUTH", help: "An administrator of the message store becomes each user, as with Sun and Oracle.", fields: ["adminUser", "adminPassword"] },
  kerio: { text: "Kerio Connect's master password", help: "The master password opens every mailbox.", fields: ["adminPassword"] },
  google: { text: "Service account", help: "A service account with domain-wide delegation opens every mailbox of the domain.", fields: ["serviceAccount"] },
  office365: { text: "Application", help: "An application with the permission IMAP.AccessAsApp opens every mailbox that it may.", fields: ["tenant", "clientId", "cloud", "credential", "clientSecret", "certificate"] },
};

/** The login forms that a type of endpoint has, the usual one first. */
export function loginsOf(type: string): Login[] {
  switch (type) {
    case "office365":
      return ["office365"];
    case "gmail":
      return ["google", "user"];
    default:
      return ["user", "authzid", "master", "exchange", "mirapoint", "userroot", "proxyauth", "kerio"];
  }
}

/** Whether one credential of the endpoint opens every mailbox. */
export function hasAdmin(login: string): boolean {
  return login !== "user" && login !== "";
}

export function loginText(login: string): string {
  return logins[login as Login]?.text ?? login;
}

export function typeText(type: string): string {
  return types[type as Kind]?.text ?? type;
}

export const clouds: Record<string, string> = { worldwide: "Worldwide", gcc: "US government (GCC)", "gcc-high": "US government (GCC High)", dod: "US government (DoD)", china: "China (21Vianet)" };

export const securities: Record<string, string> = { implicit: "TLS from the first byte", starttls: "STARTTLS", none: "None: passwords and mail in clear text" };

export function emptyForm(): Form {
  const form = Object.fromEntries(texts.map((name) => [name, ""])) as Record<Text, string>;
  return { ...form, type: "imap", security: "implicit", login: "user", cloud: "worldwide", credential: "clientSecret", allowCleartext: false, graphFolders: false, folders: {} };
}

/** A form of an endpoint that there is. Secrets are never told, and stay empty. */
export function formOf(e: Endpoint): Form {
  const number = (n: number | undefined) => (n ? String(n) : "");
  return {
    ...emptyForm(),
    name: e.name, type: e.type, host: e.host, port: String(e.port), security: e.security, ca: e.ca ?? "", pin: e.pin ?? "", minTls: e.minTls === "1.2" ? "" : e.minTls, login: e.login || "user",
    adminUser: e.adminUser ?? "", separator: e.separator ?? "", domain: e.domain ?? "", userRoot: e.userRoot ?? "", tenant: e.tenant ?? "", clientId: e.clientId ?? "",
    cloud: e.cloud || "worldwide", authority: e.authority ?? "", scope: e.scope ?? "", graph: e.graph ?? "", credential: e.secret?.kind === "certificate" ? "certificate" : "clientSecret",
    migrations: String(e.migrations), incremental: String(e.incremental), connections: String(e.connections), unanswered: number(e.unanswered),
    bytesPerSecond: mega(e.bytesPerSecond), messagesPerSecond: number(e.messagesPerSecond), bytesPerDayDown: mega(e.bytesPerDayDown), bytesPerDayUp: mega(e.bytesPerDayUp),
    allowCleartext: e.allowCleartext, graphFolders: e.graphFolders, folders: { ...(e.defaultFolders ?? {}) },
  };
}

function mega(bytes: number): string {
  return bytes === 0 ? "" : String(bytes / 1e6);
}

interface NumberField {
  field: Text;
  /** What one of what is typed is to the server. */
  times: number;
  least: number;
  most: number;
  whole: boolean;
}

const numbers: NumberField[] = [
  { field: "port", times: 1, least: 1, most: 65535, whole: true },
  { field: "migrations", times: 1, least: 1, most: 300, whole: true },
  { field: "incremental", times: 1, least: 1, most: 300, whole: true },
  { field: "connections", times: 1, least: 1, most: 16, whole: true },
  { field: "unanswered", times: 1, least: 0, most: 128, whole: true },
  { field: "bytesPerSecond", times: 1e6, least: 0, most: 1e6, whole: false },
  { field: "messagesPerSecond", times: 1, least: 0, most: 1e6, whole: false },
  { field: "bytesPerDayDown", times: 1e6, least: 0, most: 1e9, whole: false },
  { field: "bytesPerDayUp", times: 1e6, least: 0, most: 1e9, whole: false },
];

/** What is wrong with a form, by field, as far as that can be said without the server. */
export function troubles(form: Form): Partial<Record<Text, string>> {
  const found: Partial<Record<Text, string>> = {};
  for (const { field, least, most, whole } of numbers) {
    const text = form[field].trim();
    if (text === "") continue;
    const n = Number(text.replace(",", "."));
    if (!Number.isFinite(n) || n < least || n > most || (whole && !Number.isInteger(n))) found[field] = whole ? `A number from ${least} to ${most}.` : "A number that is not negative.";
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(form.name)) found.name = form.name === "" ? "It needs a name." : "At most 64 letters, digits, dots, underscores and hyphens.";
  if (form.type === "imap" && form.host.trim() === "") found.host = "It needs the name of the server.";
  return found;
}

/** The fields of a form that its type and its login use. */
export function used(form: Form): Set<Text> {
  const list: Text[] = ["name", "type", "login", "host", "port", "security", "ca", "pin", "minTls", ...numbers.map((n) => n.field), ...logins[form.login as Login].fields];
  if (form.login === "office365") list.push("authority", "scope", "graph");
  const set = new Set(list);
  if (form.login === "office365") set.delete(form.credential === "certificate" ? "clientSecret" : "certificate");
  set.delete("credential");
  return set;
}

function numberOf(form: Form, n: NumberField): number {
  return Math.round(Number(form[n.field].trim().replace(",", ".")) * n.times * 1000) / 1000;
}

/** What the server is to make an endpoint of. */
export function specOf(form: Form): EndpointSpec {
  const spec: Record<string, unknown> = { name: form.name.trim(), type: form.type, login: form.login };
  const fields = used(form);
  for (const name of ["host", "security", "ca", "pin", "minTls", "adminUser", "adminPassword", "separator", "domain", "userRoot", "tenant", "clientId", "cloud", "authority", "scope", "graph", "clientSecret", "certificate", "serviceAccount"] as const) {
    const value = secrets.includes(name) ? form[name] : form[name].trim();
    if (value !== "" && fields.has(name)) spec[name] = value;
  }
  for (const n of numbers) if (form[n.field].trim() !== "") spec[n.field] = numberOf(form, n);
  if (form.security === "none") spec.allowCleartext = form.allowCleartext;
  if (form.login === "office365" && form.graphFolders) spec.graphFolders = true;
  const folders = Object.fromEntries(Object.entries(form.folders).filter(([, name]) => name.trim() !== ""));
  if (Object.keys(folders).length > 0) spec.defaultFolders = folders;
  return spec as unknown as EndpointSpec;
}

/** What has changed of an endpoint; empty when nothing has. */
export function patchOf(before: Endpoint, form: Form): EndpointPatch {
  const was = formOf(before);
  const fields = used(form);
  const patch: Record<string, unknown> = {};
  for (const name of ["host", "security", "ca", "pin", "adminUser", "separator", "domain", "userRoot", "tenant", "clientId", "cloud", "authority", "scope", "graph"] as const) {
    if (fields.has(name) && form[name].trim() !== was[name]) patch[name] = form[name].trim();
  }
  if (form.minTls !== was.minTls) patch.minTls = form.minTls || "1.2";
  for (const name of secrets) if (fields.has(name) && form[name] !== "") patch[name] = form[name];
  for (const n of numbers) {
    if (form[n.field].trim() === was[n.field]) continue;
    // What has no default of its own when it is emptied is none.
    if (form[n.field].trim() !== "") patch[n.field] = numberOf(form, n);
    else if (n.least === 0) patch[n.field] = 0;
  }
  if (form.allowCleartext !== was.allowCleartext || (form.security === "none" && was.security !== "none")) patch.allowCleartext = form.allowCleartext;
  if (form.graphFolders !== was.graphFolders) patch.graphFolders = form.graphFolders;
  const folders: Record<string, string> = {};
  for (const use of uses) if ((form.folders[use] ?? "").trim() !== (was.folders[use] ?? "")) folders[use] = (form.folders[use] ?? "").trim();
  if (Object.keys(folders).length > 0) patch.defaultFolders = folders;
  return patch as EndpointPatch;
}

/** Whether a change makes the passwords useless that were given for the server. */
export function movesSecrets(patch: EndpointPatch): boolean {
  return patch.host !== undefined || patch.port !== undefined || patch.security !== undefined || patch.tenant !== undefined || patch.clientId !== undefined || patch.cloud !== undefined || patch.authority !== undefined;
}

/** What is to be tested: an endpoint by its name, or one that is none yet. */
export function testOf(form: Form, user: string, password: string): Schema<"TestSpec"> {
  return { endpoint: { ...specOf(form), name: form.name.trim() || "new" }, ...(user.trim() === "" ? {} : { user: user.trim() }), ...(password === "" || hasAdmin(form.login) ? {} : { password }) };
}
