import { beforeEach, describe, expect, test } from "vitest";
import { bounded, emailTrouble, emptyDraft, fileOptions, firstOf, furthest, keep, kept, momentOf, proposeName, ruleTrouble, specOf, stepOfField, steps, stepTroubles, type Draft } from "./draft";
import { asWindows, blobOf, commaSeparated, edited, fileOf, headerOf, mailboxRows, maybeWindows, personAt, withHeader, withoutTargetPassword } from "./file";

const draft = (changes: Partial<Draft> = {}): Draft => ({ ...emptyDraft(), fileName: "pilot.csv", source: "old", target: "new", name: "pilot", ...changes });
const bytes = (text: string) => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

beforeEach(() => sessionStorage.clear());

describe("what is kept over a reload", () => {
  test("comes back as it was", () => {
    keep(draft({ exclude: ["#JunkEmail#"], test: true }));
    expect(kept()).toEqual(draft({ exclude: ["#JunkEmail#"], test: true }));
  });
  test("has no field for passwords or rows", () => {
    expect(Object.keys(emptyDraft()).filter((name) => /password|record|row|secret/i.test(name))).toEqual([]);
  });
  test("what is broken is begun anew", () => {
    sessionStorage.setItem("mailhaul.new-batch", "{");
    expect(kept()).toEqual(emptyDraft());
    sessionStorage.setItem("mailhaul.new-batch", JSON.stringify({ name: 3, exclude: "x", source: "old", strange: 1 }));
    expect(kept()).toEqual({ ...emptyDraft(), source: "old" });
  });
});

test("a name is made of the file's, and is no other batch's", () => {
  expect(proposeName("C:\\Lists\\Müller & Söhne.CSV", new Set())).toBe("M-ller-S-hne");
  expect(proposeName("pilot.csv", new Set(["pilot", "pilot-2"]))).toBe("pilot-3");
  expect(proposeName("...csv", new Set())).toBe("batch");
  expect(proposeName("é.csv", new Set())).toBe("batch");
});

describe("steps", () => {
  test("go as far as all before them is right", () => {
    expect(furthest(draft(), false)).toBe("file");
    expect(furthest(draft({ test: true, first: "x" }), true)).toBe("file");
    expect(furthest(draft({ target: "" }), true)).toBe("endpoints");
    expect(furthest(draft({ name: "a b" }), true)).toBe("folders");
    expect(furthest(draft({ start: "later" }), true)).toBe("schedule");
    expect(furthest(draft(), true)).toBe("preflight");
    expect(furthest(draft({ created: "pilot" }), false)).toBe("done");
  });
  test("lead back to the choices never, and to the preflight only before the batch is started", () => {
    expect(bounded("done", draft(), true)).toBe("preflight");
    expect(bounded("folders", draft(), true)).toBe("folders");
    expect(bounded("file", draft({ created: "pilot" }), false)).toBe("preflight");
    expect(bounded("done", draft({ created: "pilot" }), false)).toBe("done");
    for (const step of steps) expect(bounded(step, draft({ created: "pilot", started: true }), false)).toBe("done");
  });
  test("times stand in their order", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(stepTroubles("schedule", draft({ start: "later", startAt: "2025-06-01T00:00" }), now)).toHaveProperty("startAfter");
    expect(stepTroubles("schedule", draft({ start: "later", startAt: "2027-06-01T00:00", completeAt: "2027-05-01T00:00" }), now)).toHaveProperty("completeAfter");
    expect(stepTroubles("schedule", draft({ completeAt: "2025-12-31T00:00" }), now).completeAfter).toMatch(/past already.*Complete/);
    expect(stepTroubles("schedule", draft({ completeAt: "2026-01-03T00:00" }), now)).toEqual({});
    expect(stepTroubles("folders", draft({ receivedFrom: "2025-06-01T00:00", receivedBefore: "2025-06-01T00:00" }), now)).toHaveProperty("receivedBefore");
  });
  test("a refused field is found again", () => {
    expect(stepOfField("body.completeAfter")).toBe("schedule");
    expect(stepOfField("name")).toBe("folders");
    expect(stepOfField("strange")).toBeUndefined();
  });
});

describe("the specification", () => {
  test("has what was chosen, and starts nothing", () => {
    const spec = specOf(draft({ exclude: ["Old"], notify: ["ada@example.org"], start: "later", startAt: "2027-01-02T03:04", test: true, first: "7", skipBad: true }), 123);
    expect(spec).toMatchObject({ name: "pilot", exclude: ["Old"], notify: ["ada@example.org"], startAfter: new Date("2027-01-02T03:04").toISOString(), first: 7, skipBad: true, fileBytes: 123, intervalSeconds: 86400 });
    expect(spec).not.toHaveProperty("autoStart");
    expect(spec).not.toHaveProperty("include");
  });
  test("a time of a choice that was taken back is not sent", () => expect(specOf(draft({ start: "now", startAt: "2027-01-02T03:04" }), 1)).not.toHaveProperty("startAfter"));
  test("without a test batch all rows are taken", () => {
    expect(firstOf(draft({ first: "5" }))).toBe(0);
    expect(fileOptions(draft(), 5)).toEqual({ fileName: "pilot.csv", fileBytes: 5 });
  });
  test("moments", () => expect([momentOf(""), momentOf("x")]).toEqual([undefined, undefined]));
});

test("folder rules", () => {
  expect(["Old", "#junkemail#/*", "\\#Notes\\#", "#Root#"].map(ruleTrouble)).toEqual([undefined, undefined, undefined, undefined]);
  expect([ruleTrouble("/*"), ruleTrouble("#Nothing#"), ruleTrouble("#open")].every((t) => t)).toBe(true);
});

describe("the migration file", () => {
  const file = fileOf("pilot.csv", bytes('EmailAddress,UserName,Password,TargetPassword\r\nanna@example.org,anna,"p,1",q\r\n\r\nben@example.org,ben,p,\r\n'));
  test("rows and mailboxes", () => {
    expect(mailboxRows(file)).toBe(2);
    expect(headerOf(file)).toEqual(["EmailAddress", "UserName", "Password", "TargetPassword"]);
    expect(personAt(file, 2)).toEqual({ row: 2, address: "anna@example.org", user: "anna", password: "p,1", root: "" });
    expect(withoutTargetPassword(file)).toBe(1);
  });
  test("is sent as it was, or as it was edited", () => {
    expect(file.records!.join("")).toContain('"p,1"');
    expect(blobOf(file).size).toBe(file.size);
    expect(edited(file, new Map([[4, null]])).records!.join("")).not.toContain("ben");
    expect(edited(file, new Map())).toBe(file);
  });
  test("of an old Windows program is read when that is asked for", () => {
    const old = fileOf("old.csv", new Uint8Array([...bytes("EmailAddress,UserName\r\nm@x.org,M"), 0xfc, ...bytes("ller\r\n")]));
    expect(old.records).toBeUndefined();
    expect(maybeWindows(old)).toBe(true);
    expect(asWindows(old).records![1]).toContain("Müller");
  });
  test("whose first row is not surely a header has none, since that would be shown", () => {
    expect(headerOf(fileOf("n.csv", bytes("anna@example.org,anna,secret\n")))).toEqual([]);
    expect(headerOf(fileOf("n.csv", bytes("anna,secret\n")))).toEqual([]);
    expect(headerOf(fileOf("n.csv", bytes("Password,anna@example.org\n")))).toEqual([]);
  });
  test("with semicolons, and without a header", () => {
    expect(headerOf(commaSeparated(fileOf("s.csv", bytes("EmailAddress;UserName\na@b.c;d,e\n")), ";")!)).toEqual(["EmailAddress", "UserName"]);
    expect(withHeader(fileOf("n.csv", bytes("a@b.c,a,p\n")), ["EmailAddress", "UserName", "Password"]).records).toEqual(["EmailAddress,UserName,Password\n", "a@b.c,a,p\n"]);
  });
});

test("addresses of reports are bare ones", () => {
  expect(emailTrouble("board@example.org")).toBeUndefined();
  for (const bad of ["board", "@example.org", "a b@example.org", "Board <board@example.org>", "a@example.org,b@example.org"]) expect(emailTrouble(bad)).toContain("name@example.org");
});
