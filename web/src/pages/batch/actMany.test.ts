import { expect, it } from "vitest";
import { states } from "../../parts/states";
import { requests, sum } from "./actMany";

it("asks for nothing when nothing is chosen, never for all", () => {
  expect(requests({ verb: "delete" }, { addresses: [] })).toEqual([]);
});

it("sends no more addresses than a request takes", () => {
  const addresses = Array.from({ length: 5001 }, (_, i) => `a${i}`);
  expect(requests({ verb: "start" }, { addresses }).map((r) => r.addresses!.length)).toEqual([5000, 1]);
});

it("means the filter, and all states only where there is none", () => {
  expect(requests({ verb: "stop" }, { states: ["Queued"], search: "" })).toEqual([{ verb: "stop", states: ["Queued"] }]);
  expect(requests({ verb: "stop" }, { states: [], search: "anna" })).toEqual([{ verb: "stop", search: "anna" }]);
  expect(requests({ verb: "approve", reason: "old" }, { states: [], search: "" })).toEqual([{ verb: "approve", reason: "old", states: Object.keys(states.mailbox) }]);
});

it("adds answers up", () => {
  const refused = [{ address: "a", detail: "no" }];
  expect(sum([{ done: 1, refused, refusedCount: 1 }, { done: 2, refused: null, refusedCount: 0 }])).toEqual({ done: 3, refused, refusedCount: 1 });
});
