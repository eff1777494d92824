import { expect, it } from "vitest";
import { placeAfter } from "./SignIn";

it("leads to the console only, and not back to signing in", () => {
  expect(placeAfter("/batches/a?x=1#y")).toBe("/batches/a?x=1#y");
  for (const bad of [null, "", "https://example.org", "//example.org", "/\\example.org", "/sign-in", "/sign-in?next=/", "/setup", "/\t/example.org/", "/\n/example.org", "/\r/example.org", "/batches\u0000", "/\u0085/example.org"]) expect(placeAfter(bad)).toBe("/");
  expect(placeAfter("/settings")).toBe("/settings");
});
