// @vitest-environment jsdom
import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { expect, it, vi } from "vitest";
import type { Schema } from "../../api/client";
import { queries } from "../../api/queries";
import { useFreshLists } from "./useFreshLists";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;

const Uses = ({ name, version }: { name: string; version?: number }) => {
  useFreshLists(name, version === undefined ? undefined : ({ version } as Schema<"Batch">));
  return null;
};

it("asks for the lists when the line says something else, also where effects are run twice", async () => {
  const asked = vi.spyOn(queries, "invalidateQueries").mockResolvedValue();
  const root = createRoot(document.createElement("div"));
  const show = (name: string, version?: number) => act(async () => root.render(createElement(StrictMode, null, createElement(Uses, { name, version }))));
  await show("sales", 1);
  expect(asked).not.toHaveBeenCalled();
  await show("sales", 2);
  expect(asked.mock.calls.map(([of]) => of?.queryKey)).toEqual([["mailboxes", "sales"], ["history", "sales"]]);
  await show("north");
  await show("north", 7);
  expect(asked).toHaveBeenCalledTimes(2);
  await show("north", 8);
  expect(asked.mock.calls.slice(2).map(([of]) => of?.queryKey)).toEqual([["mailboxes", "north"], ["history", "north"]]);
  await act(async () => root.unmount());
});
