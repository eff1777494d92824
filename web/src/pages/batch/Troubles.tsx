import { makeStyles, tokens } from "@fluentui/react-components";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask, type Schema } from "../../api/client";
import { count, counted } from "../../parts/format";
import { To } from "../../parts/Link";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Said } from "../../parts/Said";
import { stateOf } from "../../parts/states";
import { Card } from "./Card";
import { failedStates, groupTroubles } from "./troubles";

const useStyles = makeStyles({
  list: { listStyle: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  item: { borderLeft: `3px solid ${tokens.colorStatusDangerBorder2}`, paddingLeft: tokens.spacingHorizontalM, overflowWrap: "anywhere" },
  reason: { fontWeight: tokens.fontWeightSemibold },
  quiet: { color: tokens.colorNeutralForeground2 },
});

const looked = 200;

/** Why mailboxes have failed, by reason, with what to do. Nothing when none has. */
export function Troubles({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const failed = failedStates.reduce((sum, state) => sum + (batch.states?.[state] ?? 0), 0);
  const { data, error, refetch } = useQuery({
    queryKey: ["mailboxes", batch.name, "troubles", failed],
    queryFn: () => ask(api.GET("/mailboxes", { params: { query: { batch: batch.name, state: failedStates, limit: looked } } })),
    enabled: failed > 0,
    placeholderData: keepPreviousData,
  });
  if (failed === 0) return null;
  const to = `/batches/${encodeURIComponent(batch.name)}`;
  const groups = groupTroubles(data?.items ?? []);
  return (
    <Card title={`${counted(failed, "mailbox needs", "mailboxes need")} attention`} actions={<To to={`${to}/mailboxes?state=${failedStates.join()}`}>Show them</To>}>
      {error ? (
        <Problem error={error} title="What has failed could not be read" retry={() => void refetch()} />
      ) : data === undefined ? (
        <Loading rows={2} height={48} what="Loading what has failed" />
      ) : (
        <>
          <ul className={styles.list}>
            {groups.map((g) => (
              <li key={g.code} className={styles.item}>
                <div className={styles.reason}>{g.reason ? <Said text={g.reason} /> : stateOf("mailbox", g.code).meaning}</div>
                {g.remedy && (
                  <div>
                    <Said text={g.remedy} />
                  </div>
                )}
                <div className={styles.quiet}>
                  {counted(g.mailboxes.length, "mailbox", "mailboxes")}:{" "}
                  {g.mailboxes.slice(0, 3).map((m, i) => (
                    <span key={m.address}>
                      {i > 0 && ", "}
                      <To to={`${to}/mailboxes/${encodeURIComponent(m.address)}`}>
                        <Said text={m.address} />
                      </To>
                    </span>
                  ))}
                  {g.mailboxes.length > 3 && ` and ${count(g.mailboxes.length - 3)} more`}
                </div>
              </li>
            ))}
          </ul>
          {failed > looked && <div className={styles.quiet}>These are the reasons of the first {count(looked)} of them.</div>}
        </>
      )}
    </Card>
  );
}
