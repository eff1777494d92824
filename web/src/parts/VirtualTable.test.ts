import { expect, test } from "vitest";
import { leastWidth } from "./VirtualTable";

test("a row is as wide as the least of its tracks, with gaps and padding", () => {
  expect(leastWidth("20px minmax(120px, 1fr) 1fr minmax(80px,2fr)")).toBe(20 + 120 + 80 + 5 * 12);
});
