import { Accordion, AccordionHeader, AccordionItem, AccordionPanel, Checkbox, Field, Input, makeStyles, Radio, RadioGroup, Select, tokens, type InputProps } from "@fluentui/react-components";
import type { ReactNode } from "react";
import type { ApiProblem } from "../../api/problem";
import { clouds, logins, loginsOf, securities, troubles, types, used, uses, type Form, type Login, type Text } from "./form";
import { TextFromFile } from "./TextFromFile";

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  row: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "flex-start" },
  wide: { flex: "3 1 220px", minWidth: 0, gridTemplateColumns: "minmax(0, 1fr)" },
  slim: { flex: "1 1 140px", minWidth: 0, gridTemplateColumns: "minmax(0, 1fr)" },
  input: { width: "100%", minWidth: 0 },
  panel: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, paddingBottom: tokens.spacingVerticalM },
});

const labels: Partial<Record<Text, string>> = {
  adminUser: "Administrator's name", adminPassword: "Administrator's password", separator: "Separator", domain: "Domain", userRoot: "Where a person's folders are", tenant: "Directory (tenant) ID", clientId: "Application (client) ID",
  clientSecret: "Client secret", certificate: "Certificate with its private key", serviceAccount: "Key file of the service account",
};

const hints: Partial<Record<Text, string>> = {
  separator: "One character. Usually * with a master user, and / with Exchange.", userRoot: "A path with {user} in it, such as #shared/{user}. A row's UserRoot comes before it.", tenant: "The ID, or a domain of the tenant.",
  clientId: "As the admin centre shows it at the app registration.", certificate: "In PEM form, with the private key. It is stored sealed, and never shown again.", serviceAccount: "The JSON file that Google gave. It is stored sealed, and never shown again.",
  clientSecret: "The value, not the ID of the secret. It is stored sealed, and never shown again.", adminPassword: "It is stored sealed, and never shown again.",
};

export interface EndpointFormProps {
  form: Form;
  onChange(changes: Partial<Form>): void;
  /** An endpoint that there is: its name, type and login stay. */
  existing?: boolean;
  /** Its secret is there and may stay. */
  hasSecret?: boolean;
  /** What the server said of the fields. */
  problem?: ApiProblem;
  /** What is missing is told, and not only what is wrong. */
  strict?: boolean;
}

/** The fields of an endpoint: those that its type and its login use. */
export function EndpointForm({ form, onChange, existing, hasSecret, problem, strict }: EndpointFormProps) {
  const styles = useStyles();
  const own = troubles(form);
  const wrong = (name: Text) => problem?.field(name) ?? (strict || form[name] !== "" ? own[name] : undefined);
  const text = (name: Text, label: ReactNode, extra: { hint?: ReactNode; required?: boolean; className?: string } & Omit<InputProps, "onChange" | "value" | "size"> = {}) => {
    const { hint, required, className, ...input } = extra;
    return (
      <Field label={label as string} hint={hint as string} required={required} className={className} validationMessage={wrong(name)}>
        <Input {...input} className={styles.input} value={form[name]} onChange={(_, data) => onChange({ [name]: data.value })} autoComplete={input.type === "password" ? "new-password" : "off"} spellCheck={false} autoCapitalize="off" />
      </Field>
    );
  };
  const setType = (type: string) => {
    const login = loginsOf(type)[0]!;
    onChange({ type, login, ...(type === "imap" ? {} : { host: "", port: "", security: "implicit" }) });
  };
  const fields = used(form);
  const login = logins[form.login as Login];
  const required = !(existing && hasSecret);
  const kept = existing && hasSecret ? " Leave it empty to keep the present one." : "";
  const field = (name: Text) => {
    if (name === "credential") {
      return (
        <Field key={name} label="It proves itself by">
          <RadioGroup layout="horizontal" value={form.credential} onChange={(_, data) => onChange({ credential: data.value })}>
            <Radio value="clientSecret" label="a client secret" />
            <Radio value="certificate" label="a certificate" />
          </RadioGroup>
        </Field>
      );
    }
    if (!fields.has(name)) return null;
    if (name === "cloud") {
      return (
        <Field key={name} label="Cloud" validationMessage={wrong(name)}>
          <Select value={form.cloud} onChange={(_, data) => onChange({ cloud: data.value })}>
            {Object.entries(clouds).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
      );
    }
    if (name === "certificate" || name === "serviceAccount") {
      return <TextFromFile key={name} label={labels[name]!} hint={hints[name] + kept} required={required} problem={wrong(name)} value={form[name]} onChange={(value) => onChange({ [name]: value })} accept={name === "certificate" ? ".pem,.crt,.cer,.key,.txt" : ".json"} />;
    }
    const secret = name === "adminPassword" || name === "clientSecret";
    const optional = name === "separator" || name === "domain" || name === "userRoot";
    const label = form.login === "kerio" && name === "adminPassword" ? "Master password" : labels[name];
    return <div key={name}>{text(name, label, { hint: (hints[name] ?? "") + (secret ? kept : ""), required: secret ? required : !optional, type: secret ? "password" : "text" })}</div>;
  };
  return (
    <div className={styles.form}>
      {!existing && (
        <>
          {text("name", "Name", { hint: "Yours, such as old-server. It stays as it is.", required: true })}
          <Field label="Type" hint={types[form.type as keyof typeof types].help}>
            <RadioGroup layout="horizontal" value={form.type} onChange={(_, data) => setType(data.value)}>
              {Object.entries(types).map(([value, { text: label }]) => (
                <Radio key={value} value={value} label={label} />
              ))}
            </RadioGroup>
          </Field>
        </>
      )}
      {form.type === "imap" && <Server text={text} form={form} onChange={onChange} problem={problem} styles={styles} />}
      {!existing && loginsOf(form.type).length > 1 && (
        <Field label="Login form" hint={login.help} validationMessage={wrong("login")}>
          <Select value={form.login} onChange={(_, data) => onChange({ login: data.value })}>
            {loginsOf(form.type).map((value) => (
              <option key={value} value={value}>
                {logins[value].text}
              </option>
            ))}
          </Select>
        </Field>
      )}
      {login.fields.map(field)}
      <Accordion collapsible multiple>
        <AccordionItem value="limits">
          <AccordionHeader as="h3">Limits</AccordionHeader>
          <AccordionPanel className={styles.panel}>
            <div className={styles.row}>
              {text("migrations", "Initial passes at a time", { placeholder: "20", hint: "Mailboxes, 1 to 300", inputMode: "numeric", className: styles.slim })}
              {text("incremental", "Later passes at a time", { placeholder: "10", hint: "At most as many as initial ones", inputMode: "numeric", className: styles.slim })}
              {text("connections", "Connections of a mailbox", { placeholder: form.type === "office365" ? "2" : "4", hint: "1 to 16", inputMode: "numeric", className: styles.slim })}
            </div>
            <div className={styles.row}>
              {text("bytesPerSecond", "Ceiling, MB/s", { placeholder: "none", hint: "Of all mailboxes together", inputMode: "decimal", className: styles.slim })}
              {text("messagesPerSecond", "Ceiling, messages/s", { placeholder: "none", hint: "Of all mailboxes together", inputMode: "decimal", className: styles.slim })}
              {text("unanswered", "Unanswered messages", { placeholder: "as its make bears", hint: "On their way on one connection, 1 to 128", inputMode: "numeric", className: styles.slim })}
            </div>
            <div className={styles.row}>
              {text("bytesPerDayDown", "Read by an account in 24 hours, MB", { placeholder: form.type === "gmail" ? "2500" : "any number", inputMode: "decimal", className: styles.slim })}
              {text("bytesPerDayUp", "Written by an account in 24 hours, MB", { placeholder: form.type === "gmail" ? "500" : "any number", inputMode: "decimal", className: styles.slim })}
            </div>
          </AccordionPanel>
        </AccordionItem>
        <AccordionItem value="trust">
          <AccordionHeader as="h3">Certificates and TLS</AccordionHeader>
          <AccordionPanel className={styles.panel}>
            {form.type !== "imap" && text("host", "Host", { hint: "Only where it is not the service's own", placeholder: "the service's own" })}
            <TextFromFile label="Certificate authorities" hint="In PEM form. They are trusted instead of the system's." problem={wrong("ca")} value={form.ca} onChange={(ca) => onChange({ ca })} accept=".pem,.crt,.cer" shown />
            {text("pin", "Pinned key", { hint: "Base64 SHA-256 of the server's public key, trusted whoever signed it. A test shows it." })}
            <Field label="Lowest TLS version" validationMessage={wrong("minTls")}>
              <Select value={form.minTls} onChange={(_, data) => onChange({ minTls: data.value })}>
                <option value="">1.2 (default)</option>
                <option value="1.0">1.0</option>
                <option value="1.1">1.1</option>
                <option value="1.3">1.3</option>
              </Select>
            </Field>
          </AccordionPanel>
        </AccordionItem>
        <AccordionItem value="folders">
          <AccordionHeader as="h3">Default folders</AccordionHeader>
          <AccordionPanel className={styles.panel}>
            <p>Where the server does not mark its default folders, and they have names of their own, name them here. They come before marks and known names.</p>
            <div className={styles.row}>
              {uses.map((use) => (
                <Field key={use} label={use} className={styles.slim} validationMessage={use === "Sent" ? problem?.field("defaultFolders") : undefined}>
                  <Input className={styles.input} value={form.folders[use] ?? ""} onChange={(_, data) => onChange({ folders: { ...form.folders, [use]: data.value } })} spellCheck={false} />
                </Field>
              ))}
            </div>
            {form.login === "office365" && (
              <Checkbox
                checked={form.graphFolders}
                onChange={(_, data) => onChange({ graphFolders: data.checked === true })}
                label="Ask Microsoft Graph for the default folders of each mailbox, which takes the application permission Mail.ReadBasic.All"
              />
            )}
          </AccordionPanel>
        </AccordionItem>
        {form.login === "office365" && (
          <AccordionItem value="authority">
            <AccordionHeader as="h3">Other authorities</AccordionHeader>
            <AccordionPanel className={styles.panel}>
              {text("authority", "Authority", { hint: "Where tokens come from, instead of the cloud's", placeholder: "the cloud's" })}
              {text("scope", "Scope", { hint: "What tokens are asked for, instead of the cloud's", placeholder: "the cloud's" })}
              {text("graph", "Microsoft Graph", { hint: "Where it is, instead of the cloud's address", placeholder: "the cloud's" })}
            </AccordionPanel>
          </AccordionItem>
        )}
      </Accordion>
    </div>
  );
}

type TextField = (name: Text, label: ReactNode, extra?: { hint?: ReactNode; required?: boolean; className?: string } & Omit<InputProps, "onChange" | "value" | "size">) => ReactNode;

function Server({ text, form, onChange, problem, styles }: { text: TextField; form: Form; onChange(changes: Partial<Form>): void; problem?: ApiProblem; styles: Record<"row" | "wide" | "slim", string> }) {
  return (
    <>
      <div className={styles.row}>
        {text("host", "Host", { required: true, placeholder: "imap.example.org", className: styles.wide })}
        {text("port", "Port", { placeholder: form.security === "implicit" ? "993" : "143", inputMode: "numeric", className: styles.slim })}
      </div>
      <Field label="Security" validationMessage={problem?.field("security")}>
        <Select value={form.security} onChange={(_, data) => onChange({ security: data.value })}>
          {Object.entries(securities).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {form.security === "none" && (
        <Field validationMessage={problem?.field("allowCleartext")}>
          <Checkbox checked={form.allowCleartext} onChange={(_, data) => onChange({ allowCleartext: data.checked === true })} label="The line is safe: passwords and mail may go in clear text" />
        </Field>
      )}
    </>
  );
}

/** The names of the fields that the form shows itself when something is wrong with them. */
export const shownFields = ["name", "host", "port", "security", "allowCleartext", "ca", "pin", "minTls", "login", "adminUser", "adminPassword", "separator", "domain", "userRoot", "tenant", "clientId", "cloud", "authority", "scope", "graph", "clientSecret", "certificate", "serviceAccount", "migrations", "incremental", "connections", "unanswered", "bytesPerSecond", "messagesPerSecond", "bytesPerDayDown", "bytesPerDayUp", "defaultFolders"];
