import { expect, it } from "vitest";
import { detailLine, detailsOf } from "./detail";

it("tells why it was approved, the reason first", () => {
  expect(detailsOf({ detail: { findings: 3, reason: "It is in the archive" } })).toEqual([["Reason", "It is in the archive"], ["Findings", "3"]]);
});

it("tells what was changed, in words", () => {
  const line = detailLine({ detail: { notify: ["a@example.org", "b@example.org"], intervalSeconds: 3600, reportIntervalSeconds: 0, completeAfter: "0001-01-01T00:00:00Z" } });
  expect(line).toBe("Reports go to: a@example.org, b@example.org; Between passes: 1 h; Between reports: never; Complete at: none");
  expect(detailLine({ detail: { startAfter: "2026-12-01T20:00:00Z" } })).toMatch(/^Start at: .*2026/);
});

it("tells whose passwords are new, and no names for it", () => {
  expect(detailLine({ detail: { source: true, target: false } })).toBe("New password for the source: yes; New password for the target: no");
  expect(detailLine({ detail: { source: "old", leftOut: 0, strangeNew: { was: [], is: 1 } } })).toBe("Source: old; Rows left out: 0; Strange new: Was: none, Is: 1");
});

it("has nothing where there is nothing", () => {
  expect(detailsOf({})).toEqual([]);
});
