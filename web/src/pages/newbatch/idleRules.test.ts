import { expect, it } from "vitest";
import { idleRules } from "./idleRules";

it("names the rules by which no folder goes", () => {
  expect(idleRules(["Old projects", "#JunkEmail#"], [{ rule: "old projects" }, {}])).toEqual(["#JunkEmail#"]);
  expect(idleRules([], [{}])).toEqual([]);
});
