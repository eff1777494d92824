import type { Schema } from "../../api/client";

/** The rules by which no folder goes: they may be misspelt, or mean a folder that this mailbox does not have. */
export function idleRules(rules: string[], hits: Pick<Schema<"FolderHit">, "rule">[]): string[] {
  const used = new Set(hits.map((hit) => hit.rule?.toLowerCase()));
  return rules.filter((rule) => !used.has(rule.toLowerCase()));
}
