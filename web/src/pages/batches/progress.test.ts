import { expect, it } from "vitest";
import { progressOf } from "./progress";

const none = { begun: 0, broken: 0, closed: 0, failed: 0, incrementalRunning: 0, running: 0, stopped: 0, synced: 0, total: 0, troubled: 0, validating: 0 };
const figures = (passMessages: number, passMessagesTotal: number) => ({ approved: 0, bytesPerSecond: 0, messages: 0, messagesPerSecond: 0, moved: 0, movedBytes: 0, passBytes: 0, passBytesTotal: 0, passMessages, passMessagesTotal, skipped: 0, present: 0, ready: 0, noted: 0, notReady: 0, trying: 0 });

it("counts mailboxes with their copy whole, and first passes in part", () => {
  expect(progressOf({ counts: none })).toBe(0);
  expect(progressOf({ counts: { ...none, total: 10, synced: 4, closed: 1 } })).toBe(0.5);
  expect(progressOf({ counts: { ...none, total: 10, synced: 4, running: 2 }, figures: figures(50, 100) })).toBe(0.5);
  expect(progressOf({ counts: { ...none, total: 10, synced: 10, running: 3, incrementalRunning: 3 }, figures: figures(1, 100) })).toBe(1);
});
