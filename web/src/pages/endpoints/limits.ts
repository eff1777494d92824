import { bytes, counted, rate } from "../../parts/format";
import type { Endpoint } from "./form";

/** The limits of an endpoint in a line. */
export function limitsText(e: Endpoint): string {
  const parts = [`at a time ${counted(e.migrations, "initial pass", "initial passes")} and ${counted(e.incremental, "later one")}`, `${counted(e.connections, "connection")} for each mailbox`];
  if (e.bytesPerSecond > 0) parts.push(`at most ${rate(e.bytesPerSecond)}`);
  if (e.messagesPerSecond > 0) parts.push(`at most ${e.messagesPerSecond} messages/s`);
  if (e.bytesPerDayDown > 0) parts.push(`reads ${bytes(e.bytesPerDayDown)} a day`);
  if (e.bytesPerDayUp > 0) parts.push(`writes ${bytes(e.bytesPerDayUp)} a day`);
  return parts.join(", ");
}
