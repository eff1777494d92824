import { Dropdown, makeStyles, Option, tokens } from "@fluentui/react-components";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { api, ask, type Schema } from "../../api/client";
import { count, duration } from "../../parts/format";
import { Loading } from "../../parts/Loading";
import { Problem } from "../../parts/Problem";
import { Card } from "./Card";
import { copiedOver, leftOver } from "./course";

const LineChart = lazy(() => import("../../parts/LineChart"));

const useStyles = makeStyles({ none: { color: tokens.colorNeutralForeground2 } });

const shapes = { copied: "Messages copied", left: "Time left" } as const;
type Shape = keyof typeof shapes;

/** The record of what was copied goes back so far. */
const kept = 30 * 86_400_000;

/** How far the batch came over time, since it was started. */
export function Course({ batch }: { batch: Schema<"Batch"> }) {
  const styles = useStyles();
  const [shape, setShape] = useState<Shape>("copied");
  const { name, started } = batch;
  const { data, error, refetch } = useQuery({
    queryKey: ["throughput", name, "course", started],
    queryFn: () => ask(api.GET("/throughput", { params: { query: { batch: name, from: new Date(Math.max(Date.parse(started!), Date.now() - kept)).toISOString(), to: new Date().toISOString(), points: 120 } } })),
    enabled: started !== undefined,
    refetchInterval: 60_000,
    placeholderData: keepPreviousData,
  });
  if (started === undefined) return null;
  const moved = batch.figures?.moved ?? 0;
  const points = data === undefined ? [] : shape === "copied" ? copiedOver(data, moved) : leftOver(data, moved, batch.figures?.messages ?? 0);
  return (
    <Card
      title="Course"
      actions={
        <Dropdown aria-label="What is drawn of the course" size="small" selectedOptions={[shape]} value={shapes[shape]} onOptionSelect={(_, d) => d.optionValue && setShape(d.optionValue as Shape)}>
          {(Object.entries(shapes) as [Shape, string][]).map(([key, text]) => (
            <Option key={key} value={key}>
              {text}
            </Option>
          ))}
        </Dropdown>
      }
    >
      {error && data === undefined ? (
        <Problem error={error} title="The course could not be read" retry={() => void refetch()} />
      ) : data === undefined ? (
        <Loading rows={1} height={128} what="Loading the course" />
      ) : points.length < 2 ? (
        <p className={styles.none}>{shape === "left" ? "Too little was copied to say how much time was left." : "There is a line when the batch has been measured for two minutes."}</p>
      ) : (
        <Suspense fallback={<Loading rows={1} height={128} what="Loading the chart" />}>
          <LineChart label={`${shapes[shape]} since the batch was started`} points={points} format={shape === "copied" ? count : duration} />
        </Suspense>
      )}
    </Card>
  );
}
