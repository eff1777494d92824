import { expect, it } from "vitest";
import { pinIn } from "./pin";

it("finds the pin that a remedy names", () => {
  const pin = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
  expect(pinIn(`If you know that this is the right server, trust its key: --pin ${pin}, or bring its CA.`)).toBe(pin);
  expect(pinIn("the name is wrong")).toBeUndefined();
  expect(pinIn(`x${pin}`)).toBeUndefined();
});
