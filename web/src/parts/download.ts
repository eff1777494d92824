import { sessionEnded } from "../api/client";
import { problemIn } from "../api/problem";

/** Puts what is there into the downloads under this name. */
export function save(what: Blob, name: string): void {
  const object = URL.createObjectURL(what);
  const link = document.createElement("a");
  link.href = object;
  link.download = name;
  link.click();
  // The browser has to have begun.
  setTimeout(() => URL.revokeObjectURL(object), 60_000);
}

/** Saves an answer as a file, and throws its problem where a link would save that. */
export async function download(url: string, name: string): Promise<void> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) {
    const problem = await problemIn(response);
    sessionEnded(problem);
    throw problem;
  }
  save(await response.blob(), name);
}
