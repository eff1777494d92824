import { webDarkTheme, webLightTheme, type Theme } from "@fluentui/react-components";
import { useSyncExternalStore } from "react";

export type Choice = "system" | "light" | "dark";

const place = "mailhaul.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function stored(): Choice {
  try {
    const text = localStorage.getItem(place);
    return text === "light" || text === "dark" ? text : "system";
  } catch {
    return "system";
  }
}

let choice = stored();

export function choose(next: Choice): void {
  choice = next;
  try {
    if (next === "system") localStorage.removeItem(place);
    else localStorage.setItem(place, next);
  } catch {
    // Where nothing may be kept, the choice lasts as long as the page.
  }
  listeners.forEach((tell) => tell());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  dark.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    dark.removeEventListener("change", listener);
  };
}

export function useChoice(): Choice {
  return useSyncExternalStore(subscribe, () => choice);
}

/** The theme as chosen, else as the system has it. */
export function useTheme(): Theme {
  const isDark = useSyncExternalStore(subscribe, () => (choice === "system" ? dark.matches : choice === "dark"));
  document.documentElement.style.colorScheme = isDark ? "dark" : "light";
  return isDark ? webDarkTheme : webLightTheme;
}
