import { Dropdown, makeStyles, Option, SearchBox, tokens } from "@fluentui/react-components";
import { ArrowClockwiseRegular } from "@fluentui/react-icons";
import { useMemo } from "react";
import { useSearchParams } from "react-router";
import { Empty } from "../parts/Empty";
import { counted } from "../parts/format";
import { Loading } from "../parts/Loading";
import { Problem } from "../parts/Problem";
import { states } from "../parts/states";
import { Page } from "../shell/Page";
import { BatchTable } from "./batches/BatchTable";
import { NewBatchButton } from "./batches/NewBatchButton";
import { useDashboard } from "./batches/useDashboard";

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, alignItems: "center" },
  search: { flexGrow: 1, maxWidth: "320px" },
  count: { color: tokens.colorNeutralForeground3 },
});

export default function Batches() {
  const styles = useStyles();
  const { value, problem } = useDashboard();
  const [search, setSearch] = useSearchParams();
  const text = search.get("search") ?? "";
  const state = search.get("state") ?? "";
  const filter = (name: string, to: string) =>
    setSearch(
      (now) => {
        if (to === "") now.delete(name);
        else now.set(name, to);
        return now;
      },
      { replace: true },
    );
  const all = value?.batches;
  const shown = useMemo(() => (all ?? []).filter((b) => (state === "" || b.state === state) && [b.name, b.source, b.target].some((t) => t.toLowerCase().includes(text.toLowerCase()))), [all, state, text]);
  const filtered = text !== "" || state !== "";
  return (
    <Page title="Batches" intro="A batch is a named set of mailboxes that are migrated together." actions={<NewBatchButton />}>
      {value === undefined ? (
        problem ? (
          <Problem error={problem} title="The batches could not be read" />
        ) : (
          <Loading rows={6} height={48} what="Loading the batches" />
        )
      ) : (
        <>
          {(filtered || (all ?? []).length > 0) && (
            <div className={styles.filters} role="search">
              <SearchBox className={styles.search} placeholder="Name or endpoint" aria-label="Find a batch" value={text} onChange={(_, data) => filter("search", data.value)} />
              <Dropdown aria-label="State" selectedOptions={[state]} value={state === "" ? "All states" : (states.batch[state]?.text ?? state)} onOptionSelect={(_, data) => filter("state", data.optionValue ?? "")}>
                <Option value="">All states</Option>
                {Object.entries(states.batch).map(([name, { text }]) => (
                  <Option key={name} value={name}>
                    {text}
                  </Option>
                ))}
              </Dropdown>
              <span className={styles.count} role="status">
                {counted(shown.length, "batch", "batches")}
              </span>
            </div>
          )}
          <BatchTable
            batches={shown}
            empty={
              filtered ? (
                <Empty title="No batch matches" icon={ArrowClockwiseRegular}>
                  Look for another name, or in all states.
                </Empty>
              ) : (
                <Empty title="There is no batch yet" actions={<NewBatchButton />}>
                  A batch takes its mailboxes from a migration file (CSV). Begin with a few of them: a test batch tells how long all will take.
                </Empty>
              )
            }
          />
        </>
      )}
    </Page>
  );
}
