import { makeStyles, SearchBox, Switch, Tab, TabList, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { api, ask } from "../../api/client";
import { useMay } from "../../api/queries";
import { CopyButton } from "../../parts/CopyButton";
import { counted, duration, moment, visible } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Card } from "../batch/Card";
import { useDebounced } from "../batch/useDebounced";

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flexGrow: 1, maxWidth: "320px" },
  quiet: { color: tokens.colorNeutralForeground2 },
  text: { margin: 0, padding: tokens.spacingHorizontalM, maxHeight: "60vh", overflow: "auto", fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200, lineHeight: tokens.lineHeightBase200, backgroundColor: tokens.colorNeutralBackground3, borderRadius: tokens.borderRadiusMedium, ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  // Each line is isolated: text of one that goes the other way changes no other.
  line: { display: "block", whiteSpace: "pre-wrap", overflowWrap: "anywhere", unicodeBidi: "isolate", direction: "ltr" },
  hit: { backgroundColor: tokens.colorPaletteYellowBackground2, color: tokens.colorNeutralForeground1 },
});

/** What was said on the lines of the last passes. For operators and admins. */
export function Transcript({ batch, address, passes }: { batch: string; address: string; passes: number }) {
  const styles = useStyles();
  const may = useMay("operator");
  const [chosen, setChosen] = useState(0);
  const [text, setText] = useState("");
  const [only, setOnly] = useState(false);
  const search = useDebounced(text, 150).toLowerCase();
  const { data, error, refetch } = useQuery({
    queryKey: ["transcript", batch, address, passes],
    queryFn: () => ask(api.GET("/batches/{batch}/mailboxes/{address}/transcript", { params: { path: { batch, address } } })),
    enabled: may,
    placeholderData: (before) => before,
  });
  const list = data?.passes ?? [];
  const pass = list[chosen] ?? list[0];
  const all = useMemo(() => (pass?.text ?? "").replace(/\n$/, "").split("\n"), [pass]);
  const matching = useMemo(() => (search === "" ? all : all.filter((line) => line.toLowerCase().includes(search))), [all, search]);
  if (!may) return null;
  return (
    <Card title="Transcript" actions={pass && <CopyButton text={pass.text} label="Copy all" />}>
      {error && !data ? (
        <Problem error={error} title="The transcript could not be read" retry={() => void refetch()} />
      ) : !data ? (
        <Loading rows={3} what="Loading the transcript" />
      ) : !pass ? (
        <p className={styles.quiet}>Nothing is on record: no pass has ended yet.</p>
      ) : (
        <>
          <p className={styles.quiet}>Commands and answers of the last passes, without secrets and messages. C is mailhaul, S the server.</p>
          {list.length > 1 && (
            <TabList size="small" selectedValue={list.indexOf(pass)} onTabSelect={(_, d) => setChosen(d.value as number)} aria-label="Passes">
              {list.map((p, i) => (
                <Tab key={p.at} value={i}>
                  {i === 0 ? "Last pass" : `Before (${i})`}
                </Tab>
              ))}
            </TabList>
          )}
          <p className={styles.quiet}>
            {pass.kind}, {moment(pass.at)}, {duration(pass.seconds)}
          </p>
          <div className={styles.bar} role="search">
            <SearchBox className={styles.search} placeholder="Find in the transcript" aria-label="Find in the transcript" value={text} onChange={(_, d) => setText(d.value)} />
            <Switch label="Only lines that match" checked={only} onChange={(_, d) => setOnly(d.checked)} />
            <span role="status" className={styles.quiet}>
              {search === "" ? counted(all.length, "line") : counted(matching.length, "line matches", "lines match")}
            </span>
          </div>
          <pre className={styles.text} tabIndex={0} aria-label="What was said">
            {(only ? matching : all).map((line, i) => (
              <span key={i} className={styles.line}>
                <Marked text={visible(line)} search={search} className={styles.hit} />
              </span>
            ))}
          </pre>
        </>
      )}
    </Card>
  );
}

function Marked({ text, search, className }: { text: string; search: string; className: string }) {
  // A text that gets longer in small letters could not be cut by them.
  const small = text.toLowerCase();
  if (search === "" || small.length !== text.length) return <>{text}</>;
  const parts = [];
  let from = 0;
  for (let at = small.indexOf(search); at >= 0; at = small.indexOf(search, from)) {
    parts.push(
      text.slice(from, at),
      <mark key={at} className={className}>
        {text.slice(at, at + search.length)}
      </mark>,
    );
    from = at + search.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}
