import { makeStyles, tokens } from "@fluentui/react-components";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import { nearest, niceTicks, timeTicks } from "./chart";
import { moment } from "./format";

export interface LineChartProps {
  /** What is drawn, such as "Bytes per second in the last hour". */
  label: string;
  points: { at: string; value: number }[];
  format(value: number): string;
  height?: number;
}

const useStyles = makeStyles({
  figure: { margin: 0, position: "relative", minWidth: 0 },
  drawing: { display: "block", width: "100%", outlineStyle: "none", borderRadius: tokens.borderRadiusMedium, ":focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  grid: { stroke: tokens.colorNeutralStroke3, strokeWidth: 1, shapeRendering: "crispEdges" },
  text: { fill: tokens.colorNeutralForeground3, fontSize: "11px", fontFamily: tokens.fontFamilyBase },
  line: { stroke: tokens.colorBrandStroke1, strokeWidth: 2, fill: "none", strokeLinejoin: "round" },
  area: { fill: tokens.colorBrandBackground2, stroke: "none", opacity: 0.6 },
  cross: { stroke: tokens.colorNeutralForeground3, strokeWidth: 1 },
  dot: { fill: tokens.colorBrandBackground, stroke: tokens.colorNeutralBackground1, strokeWidth: 2 },
  read: { minHeight: "20px", fontSize: tokens.fontSizeBase200, color: tokens.colorNeutralForeground2, textAlign: "end" },
  hidden: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" },
});

const left = 68;
const right = 12;
const top = 8;
const bottom = 22;

/**
 * A line over time. What the pointer or the arrow keys point at is read out below it, and
 * who cannot see it gets the least, the most and the newest value.
 */
export default function LineChart({ label, points, format, height = 200 }: LineChartProps) {
  const styles = useStyles();
  const id = useId();
  const box = useRef<SVGSVGElement>(null);
  const [width, setWidth] = useState(600);
  const [at, setAt] = useState<number>();
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.max(240, Math.round(entry!.contentRect.width))));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const drawn = useMemo(() => {
    const times = points.map((p) => Date.parse(p.at));
    const from = times[0] ?? 0;
    const to = Math.max(times.at(-1) ?? 1, from + 1);
    const ticks = niceTicks(Math.max(0, ...points.map((p) => p.value)));
    const x = (t: number) => left + ((t - from) / (to - from)) * (width - left - right);
    const y = (v: number) => height - bottom - (v / (ticks.at(-1) || 1)) * (height - top - bottom);
    const line = points.map((p, i) => `${i === 0 ? "M" : "L"}${x(times[i]!).toFixed(1)} ${y(p.value).toFixed(1)}`).join("");
    const area = points.length === 0 ? "" : `${line}L${x(to).toFixed(1)} ${y(0)}L${x(from).toFixed(1)} ${y(0)}Z`;
    return { times, from, to, ticks, x, y, line, area, time: timeTicks(from, to, Math.max(2, Math.floor((width - left) / 110))) };
  }, [points, width, height]);
  const chosen = at === undefined ? undefined : points[Math.min(at, points.length - 1)];
  const point = (event: PointerEvent) => {
    const rect = box.current!.getBoundingClientRect();
    const share = (event.clientX - rect.left - left) / Math.max(1, rect.width - left - right);
    const found = nearest(drawn.times, drawn.from + share * (drawn.to - drawn.from));
    setAt(found < 0 ? undefined : found);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = points.length - 1;
    const now = at ?? last;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, PageUp: now - 10, PageDown: now + 10 }[event.key];
    if (event.key === "Escape") setAt(undefined);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, to)));
  };
  const values = points.map((p) => p.value);
  const days = drawn.time.step >= 86_400_000;
  const stamp = new Intl.DateTimeFormat("en-GB", days ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit" });
  const summary = points.length === 0 ? "Nothing was measured." : `From ${format(Math.min(...values))} to ${format(Math.max(...values))}; ${format(values.at(-1)!)} at ${moment(points.at(-1)!.at)}. Arrow keys go from point to point.`;
  return (
    <figure className={styles.figure}>
      <svg
        ref={box}
        className={styles.drawing}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={label}
        aria-describedby={id}
        tabIndex={0}
        onPointerMove={point}
        onPointerLeave={() => setAt(undefined)}
        onBlur={() => setAt(undefined)}
        onKeyDown={onKeyDown}
      >
        {drawn.ticks.map((v) => (
          <g key={v}>
            <line className={styles.grid} x1={left} x2={width - right} y1={drawn.y(v)} y2={drawn.y(v)} />
            <text className={styles.text} x={left - 8} y={drawn.y(v) + 4} textAnchor="end">
              {format(v)}
            </text>
          </g>
        ))}
        {points.length > 1 &&
          drawn.time.at.map((t) => (
            <text key={t} className={styles.text} x={Math.min(Math.max(drawn.x(t), left), width - right - 14)} y={height - 6} textAnchor="middle">
              {stamp.format(t)}
            </text>
          ))}
        <path className={styles.area} d={drawn.area} />
        <path className={styles.line} d={drawn.line} />
        {chosen && (
          <>
            <line className={styles.cross} x1={drawn.x(Date.parse(chosen.at))} x2={drawn.x(Date.parse(chosen.at))} y1={top} y2={height - bottom} />
            <circle className={styles.dot} cx={drawn.x(Date.parse(chosen.at))} cy={drawn.y(chosen.value)} r={5} />
          </>
        )}
      </svg>
      <div className={styles.read} aria-live="polite">
        {chosen && `${format(chosen.value)} at ${moment(chosen.at)}`}
      </div>
      <figcaption id={id} className={styles.hidden}>
        {summary}
      </figcaption>
    </figure>
  );
}
