import { expect, it } from "vitest";
import type { Schema } from "../api/client";
import { pointless } from "./pointless";

type Of = Parameters<typeof pointless>[0];
const of = (state: string, counts: Partial<Schema<"Batch">["counts"]> = {}, figures: Partial<Schema<"Figures">> = {}) =>
  ({ state, counts: { failed: 0, stopped: 0, ...counts }, figures: { skipped: 0, approved: 0, ...figures } }) as Of;

it("starts what is not started, was stopped or has failed", () => {
  expect(pointless(of("Synced"), "start")).toContain("started already");
  expect(pointless(of("Created"), "start")).toBeUndefined();
  expect(pointless(of("Waiting"), "start")).toBeUndefined();
  expect(pointless(of("Stopped"), "start")).toBeUndefined();
  expect(pointless(of("SyncedWithErrors", { failed: 1 }), "start")).toBeUndefined();
  expect(pointless(of("Syncing", { stopped: 1 }), "start")).toBeUndefined();
  expect(pointless(of("Synced"), "sync")).toBeUndefined();
});

it("approves what was left out and is not approved", () => {
  expect(pointless(of("Synced"), "approve")).toContain("No message");
  expect(pointless(of("Synced", {}, { skipped: 2, approved: 2 }), "approve")).toContain("No message");
  expect(pointless(of("Synced", {}, { skipped: 2, approved: 1 }), "approve")).toBeUndefined();
  expect(pointless({ ...of("Synced"), figures: undefined }, "approve")).toBeUndefined();
});
