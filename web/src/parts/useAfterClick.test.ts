// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { useAfterClick } from "./useAfterClick";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

async function hook() {
  let after: (act: () => void) => void = () => undefined;
  const Uses = () => {
    after = useAfterClick();
    return null;
  };
  await act(async () => createRoot(document.createElement("div")).render(createElement(Uses)));
  return after;
}

const fire = (type: string) => document.body.dispatchEvent(new Event(type, { bubbles: true }));

it("does it at once when nothing is pressed", async () => {
  const after = await hook();
  const done: string[] = [];
  after(() => done.push("left"));
  expect(done).toEqual(["left"]);
});

it("waits for the click, and is done before the button's own handler", async () => {
  const after = await hook();
  const done: string[] = [];
  const clicked = () => done.push("clicked");
  document.body.addEventListener("click", clicked, { once: true });
  fire("pointerdown");
  after(() => done.push("left"));
  fire("pointerup");
  expect(done).toEqual([]);
  fire("click");
  expect(done).toEqual(["left", "clicked"]);
  fire("click");
  expect(done).toEqual(["left", "clicked"]);
});

it("does it when the pointer is up without a click", async () => {
  const after = await hook();
  const done = new Promise<void>((resolve) => {
    fire("pointerdown");
    after(resolve);
    fire("pointerup");
  });
  await done;
});
