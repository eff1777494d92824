import { makeStyles, Select, Subtitle2, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { api, ask } from "../api/client";
import { count, rate } from "./format";
import { Loading } from "./Loading";
import { Problem } from "./Problem";

const LineChart = lazy(() => import("./LineChart"));

const useStyles = makeStyles({
  head: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "center", paddingBottom: tokens.spacingVerticalS },
  gap: { flexGrow: 1 },
  choice: { minWidth: "140px" },
});

const stretches = { hour: ["Last hour", 3600], day: ["Last 24 hours", 86_400], week: ["Last 7 days", 7 * 86_400], month: ["Last 30 days", 30 * 86_400] } as const;
type Stretch = keyof typeof stretches;
const measures = { bytes: "Data", messages: "Messages" } as const;
type Measure = keyof typeof measures;

/** How much was copied over time, of a batch or of all, measured by the minute. */
export function Throughput({ batch, height }: { batch?: string; height?: number }) {
  const styles = useStyles();
  const [stretch, setStretch] = useState<Stretch>("hour");
  const [measure, setMeasure] = useState<Measure>("bytes");
  const [words, seconds] = stretches[stretch];
  const { data, error, refetch } = useQuery({
    queryKey: ["throughput", batch ?? "", stretch],
    queryFn: () => ask(api.GET("/throughput", { params: { query: { batch, from: new Date(Date.now() - seconds * 1000).toISOString(), to: new Date().toISOString(), points: stretch === "hour" ? 60 : 120 } } })),
    refetchInterval: 60_000,
  });
  const points = useMemo(() => (data?.points ?? []).map((p) => ({ at: p.at, value: p[measure] / (data?.stepSeconds || 60) })), [data, measure]);
  const format = measure === "bytes" ? rate : messageRate;
  return (
    <section aria-label="Throughput">
      <div className={styles.head}>
        <Subtitle2 as="h2">Throughput</Subtitle2>
        <span className={styles.gap} />
        <Choice<Measure> label="What is drawn" options={measures} value={measure} onChange={setMeasure} className={styles.choice} />
        <Choice<Stretch> label="Stretch of time" options={Object.fromEntries(Object.entries(stretches).map(([k, v]) => [k, v[0]])) as Record<Stretch, string>} value={stretch} onChange={setStretch} className={styles.choice} />
      </div>
      {error ? (
        <Problem error={error} title="The throughput could not be read" retry={() => void refetch()} />
      ) : data === undefined ? (
        <Loading rows={1} height={128} what="Loading the throughput" />
      ) : (
        <Suspense fallback={<Loading rows={1} height={128} what="Loading the chart" />}>
          <LineChart label={`${measures[measure]} copied per second, ${words.toLowerCase()}`} points={points} format={format} height={height} />
        </Suspense>
      )}
    </section>
  );
}

function messageRate(n: number): string {
  return `${n >= 10 || n === 0 ? count(n) : n.toFixed(1)} msg/s`;
}

function Choice<Key extends string>({ label, options, value, onChange, className }: { label: string; options: Record<Key, string>; value: Key; onChange(key: Key): void; className: string }) {
  return (
    <Select aria-label={label} size="small" className={className} value={value} onChange={(_, data) => onChange(data.value as Key)}>
      {(Object.entries(options) as [Key, string][]).map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </Select>
  );
}
