import { Button, Field, Input, makeStyles, MessageBar, MessageBarBody, Text, tokens } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { meQuery, useMe } from "../../api/queries";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { FormDialog } from "../../parts/FormDialog";
import { counted } from "../../parts/format";
import { ShownOnce } from "../../parts/ShownOnce";
import { ToneBadge } from "../../parts/StateBadge";
import { useToasts } from "../../parts/Toasts";

const QrCode = lazy(() => import("./QrCode"));

const useStyles = makeStyles({
  codes: { columnCount: 2, columnGap: tokens.spacingHorizontalXL, margin: 0, paddingLeft: tokens.spacingHorizontalXL, fontFamily: tokens.fontFamilyMonospace, "@media (max-width: 480px)": { columnCount: 1 } },
  secret: { fontFamily: tokens.fontFamilyMonospace, overflowWrap: "anywhere" },
  picture: { display: "grid", placeItems: "center", minHeight: "200px" },
  row: { display: "flex", gap: tokens.spacingHorizontalS, flexWrap: "wrap", alignItems: "center" },
});

type Step = "closed" | "password" | "confirm" | "codes" | "end";

/** The second factor of who is signed in: codes of an authenticator app. */
export function SecondFactorCard() {
  const styles = useStyles();
  const me = useMe();
  const client = useQueryClient();
  const toasts = useToasts();
  const [step, setStep] = useState<Step>("closed");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [begun, setBegun] = useState<Schema<"TOTPBegun">>();
  const [codes, setCodes] = useState<string[]>([]);
  const go = (to: Step) => {
    setPassword("");
    setCode("");
    setStep(to);
  };
  const close = () => {
    setBegun(undefined);
    setCodes([]);
    go("closed");
  };
  const refresh = () => client.invalidateQueries({ queryKey: meQuery.queryKey });
  const left = me.recoveryCodes;
  const passwordField = (problem?: string) => (
    <Field label="Your password" required validationMessage={problem}>
      <Input type="password" value={password} onChange={(_, data) => setPassword(data.value)} autoComplete="current-password" />
    </Field>
  );
  const codeField = (problem?: string, hint = "6 digits that the app shows") => (
    <Field label="Code" hint={hint} required validationMessage={problem}>
      <Input value={code} onChange={(_, data) => setCode(data.value)} autoComplete="one-time-code" spellCheck={false} />
    </Field>
  );
  return (
    <Card
      title="Second factor"
      intro="With it, who knows your password cannot sign in without your authenticator app."
      actions={me.totp ? <Button onClick={() => go("end")}>Turn off</Button> : <Button appearance="primary" onClick={() => go("password")}>Turn on</Button>}
    >
      <div className={styles.row}>
        {me.totp ? <ToneBadge tone="success" text="It is on." /> : <ToneBadge tone="warning" text="It is off." />}
        {me.totp && <Text>{counted(left, "recovery code is", "recovery codes are")} left.</Text>}
      </div>
      {me.totp && left < 3 && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>Few recovery codes are left. Turn the second factor off and on again to get new ones.</MessageBarBody>
        </MessageBar>
      )}
      <FormDialog
        open={step === "password"}
        onClose={close}
        title="Turn on the second factor"
        action="Continue"
        ready={password !== ""}
        shownFields={["password"]}
        onSubmit={async () => {
          setBegun(await ask(api.POST("/session/totp", { body: { password } })));
          go("confirm");
          return "stay";
        }}
      >
        {(problem) => passwordField(problem?.field("password"))}
      </FormDialog>
      <FormDialog
        open={step === "confirm"}
        onClose={close}
        title="Scan the picture"
        action="Confirm"
        ready={code.trim().length >= 6}
        shownFields={["code"]}
        onSubmit={async () => {
          setCodes((await ask(api.PUT("/session/totp", { body: { code: code.trim() } }))).recoveryCodes ?? []);
          go("codes");
          void refresh();
          return "stay";
        }}
      >
        {(problem) => (
          <>
            <p>Scan it with an authenticator app, or give the app the secret. Then enter the code that it shows.</p>
            <div className={styles.picture}>{begun && <Suspense fallback={null}><QrCode text={begun.uri} label="The secret as a picture for an authenticator app" /></Suspense>}</div>
            <div className={styles.row}>
              <span className={styles.secret}>{begun?.secret.replace(/(.{4})(?=.)/g, "$1 ")}</span>
              <CopyButton text={begun?.secret ?? ""} label="Copy the secret" />
            </div>
            {codeField(problem?.field("code"))}
          </>
        )}
      </FormDialog>
      <ShownOnce open={step === "codes"} onClose={close} title="Your recovery codes" text={codes.join("\n")} fileName="mailhaul-recovery-codes.txt" kept="I have kept the codes">
        <p>
          The second factor is on. Each of these codes signs you in once when you do not have the app. They are shown <b>only now</b>: keep them where the app is not.
        </p>
        <ol className={styles.codes}>
          {codes.map((c) => (
            <li key={c}>{c}</li>
          ))}
        </ol>
      </ShownOnce>
      <FormDialog
        open={step === "end"}
        onClose={close}
        title="Turn off the second factor"
        action="Turn off"
        ready={password !== "" && code.trim() !== ""}
        shownFields={["password", "code"]}
        onSubmit={async () => {
          await ask(api.DELETE("/session/totp", { body: { password, code: code.trim() } }));
          await refresh();
          toasts.done("The second factor is off.");
        }}
      >
        {(problem) => (
          <>
            <p>From then on your password is enough to sign in.</p>
            {passwordField(problem?.field("password"))}
            {codeField(problem?.field("code"), "6 digits, or one of your recovery codes")}
          </>
        )}
      </FormDialog>
    </Card>
  );
}
