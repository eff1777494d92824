import { describe, expect, it } from "vitest";
import text from "../../../docs/states.md?raw";
import { refusal, states, verbs, type Kind } from "./states";


function rows(part: string): string[][] {
  return part
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice(2, -2).split(" | ").map((cell) => cell.trim()))
    .filter((cells) => cells[0] !== "state" && cells[0] !== "verb");
}

function list(cell: string | undefined): string[] {
  return (cell ?? "").split(", ").filter((name) => name !== "");
}

describe.each(["batch", "mailbox"] as Kind[])("of a %s", (kind) => {
  const section = text.split(`## The states of a ${kind}`)[1]!.split("\n## ")[0]!;
  const [stateText, verbText] = section.split("Elsewhere a verb is refused") as [string, string];

  it("every state is known, with its meaning", () => {
    expect(Object.entries(states[kind]).map(([name, s]) => [name, s.meaning])).toEqual(rows(stateText).map(([name, meaning]) => [name, meaning]));
  });

  it("every refusal is as documented", () => {
    const want = Object.fromEntries(
      rows(verbText).map((cells) => {
        const refused: Record<string, string> = {};
        for (const group of (cells[2] ?? "").split(/; (?=[A-Z])/).filter((g) => g !== "")) {
          const [names, why] = group.split(/: (.*)/) as [string, string];
          for (const name of list(names)) refused[name] = why;
        }
        return [cells[0]!, { already: list(cells[1]), refused }];
      }),
    );
    expect(verbs[kind]).toEqual(want);
  });
});

describe("a verb that is not allowed", () => {
  it("says why", () => {
    expect(refusal("batch", { state: "Created", verbs: ["start"] }, "start")).toBeUndefined();
    expect(refusal("batch", { state: "Created", verbs: ["start"] }, "stop")).toBe("It was not started yet.");
    expect(refusal("batch", { state: "Completed", verbs: [] }, "complete")).toBe("The batch is completed already.");
    expect(refusal("mailbox", { state: "New", verbs: [] }, "retry")).toBe("A mailbox that is new does not know this.");
  });
});
