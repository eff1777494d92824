import { describe, expect, test, vi } from "vitest";
import { ApiProblem } from "../api/problem";
import { differing, over, rebegun, sendEdit } from "./editing";

const begun = { form: { host: "a", port: "25", tags: ["x"] }, version: 1 };
const kept = (changes: Partial<typeof begun.form>) => ({ form: { ...begun.form, ...changes }, version: 2 });

test("fields differ by what they hold", () => {
  expect(differing(begun.form, { host: "a", port: "26", tags: ["x"] })).toEqual(["port"]);
});

test("what one has not touched is theirs", () => {
  expect(over(begun.form, { ...begun.form, host: "mine", tags: ["x", "y"] }, { host: "theirs", port: "587", tags: [] })).toEqual({ host: "mine", port: "587", tags: ["x", "y"] });
});

describe("when somebody else has saved", () => {
  test("a form without input follows", () => expect(rebegun(begun, begun.form, kept({ host: "b" }))).toEqual(kept({ host: "b" }).form));
  test("input stays when they have changed nothing of the form", () => expect(rebegun(begun, { ...begun.form, host: "mine" }, kept({}))).toEqual({ ...begun.form, host: "mine" }));
  test("whoever has input decides", () => expect(rebegun(begun, { ...begun.form, host: "mine" }, kept({ port: "587" }))).toBeUndefined());
});

describe("an edit of an old version", () => {
  const refused = new ApiProblem(412, { code: "changed" });
  const send = () => vi.fn((version: number) => (version === 2 ? Promise.resolve("saved") : Promise.reject(refused)));
  test("is sent again when nothing of the form was changed", async () => expect(await sendEdit(begun, send(), async () => kept({}))).toBe("saved"));
  test("is not sent over what others have changed", async () => {
    const sent = send();
    expect(await sendEdit(begun, sent, async () => kept({ host: "b" }))).toBeUndefined();
    expect(sent.mock.calls).toEqual([[1]]);
  });
  test("is told when it is refused for something else", async () => {
    const other = new ApiProblem(422, { code: "invalid" });
    await expect(sendEdit(begun, () => Promise.reject(other), async () => kept({}))).rejects.toBe(other);
  });
});
