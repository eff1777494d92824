import { sessionEnded } from "../../api/client";
import { problemIn } from "../../api/problem";

/** Saves an answer as a file, and throws its problem where a link would save that. */
export async function download(url: string, name: string): Promise<void> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) {
    const problem = await problemIn(response);
    sessionEnded(problem);
    throw problem;
  }
  const object = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = object;
  link.download = name;
  link.click();
  // The browser has to have begun.
  setTimeout(() => URL.revokeObjectURL(object), 60_000);
}
