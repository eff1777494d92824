import { newKey, path, send, type Schema } from "../../api/client";
import { fileOptions, specOf, type Draft } from "./draft";
import { blobOf, type MigrationFile } from "./file";

export type FileSummary = Schema<"FileSummary">;
export type FileProblem = Schema<"MigrationProblem">;

/** What is created, or only looked at. */
type Created = Schema<"BatchCreated">;

function form(spec: Record<string, unknown>, blob: Blob, name: string, targetPassword: string): FormData {
  const data = new FormData();
  data.append("batch", JSON.stringify(targetPassword === "" ? spec : { ...spec, targetPassword }));
  data.append("file", blob, name);
  return data;
}

/** Asks what is wrong with a file: as far as that can be said without the endpoints, as long as they are not chosen. */
export async function checkFile(draft: Draft, file: MigrationFile, targetPassword: string, signal?: AbortSignal): Promise<FileSummary> {
  const blob = blobOf(file);
  // The name is a matter of a later step: here it is one that no batch has.
  const ends = draft.source !== "" && draft.target !== "" ? { name: `check-${newKey()}`, source: draft.source, target: draft.target } : {};
  const answer = await send<Created>(path`/batch-checks`, form({ ...fileOptions(draft, blob.size), ...ends }, blob, file.name, targetPassword), { signal });
  return answer.file!;
}

/** Makes the batch. It is not started. */
export async function createBatch(draft: Draft, file: MigrationFile, targetPassword: string, headers: HeadersInit): Promise<Schema<"Batch">> {
  const blob = blobOf(file);
  const answer = await send<Created>(path`/batches`, form(specOf(draft, blob.size), blob, file.name, targetPassword), { headers });
  return answer.batch!;
}

// What a file without endpoints can be told of, but is no mistake with a source that has
// an administrator.
const bySource = ["csv-no-password", "csv-no-user"];

/** Whether all that is wrong may be right, depending on the source that is still to be chosen. */
export function openToSource(summary: FileSummary): boolean {
  const errors = (summary.problems ?? []).filter((p) => p.severity === "error");
  return !summary.refused && summary.rows > 0 && errors.length === summary.errors && errors.every((p) => bySource.includes(p.code));
}

/** Whether mailboxes can be made of a file. */
export function usable(summary: FileSummary, skipBad: boolean): boolean {
  return !summary.refused && summary.mailboxes > 0 && (summary.errors === 0 || skipBad);
}

// Remedies of the server speak of its commands as well; here other things help.
const remedies: Record<string, string> = {
  "csv-no-password": "Enter the password that the person signs in with at the source. Where one sign-in opens every mailbox of the source, choose that endpoint in the next step: no password is needed then.",
  "csv-no-user": "Enter the name the person signs in with at the source. Where one sign-in opens every mailbox of the source, choose that endpoint in the next step: no name is needed then.",
  "csv-no-target-password": "Fill the column TargetPassword, or give one password for all rows without one.",
  "csv-no-user-root": "Add the column UserRoot with the path of each person's folders, or say at the source endpoint where they are for all, with {user} in the path.",
  "csv-one-target-password": "They sign in at the target with the one password for all.",
  "csv-empty": "Choose a file with a header and a row for each mailbox; the template shows how it looks.",
  "csv-same-file": "Go on only if the mailboxes are meant to be copied once more.",
};

// Of a batch that is there, whose endpoints are settled.
const bound: Record<string, string> = {
  "csv-no-password": "Enter the password that the person signs in with at the source.",
  "csv-no-user": "Enter the name the person signs in with at the source.",
  "csv-no-target-password": "Enter the password that the person signs in with at the target.",
};

/** What to do about a problem, here; of a batch that is there, where its endpoints are settled. */
export function remedyOf(problem: FileProblem, settled = false): string {
  if (settled && bound[problem.code]) return bound[problem.code]!;
  if (problem.code === "csv-unknown-column") return `${problem.remedy.replace("--source and --target", "the endpoints")} Or tick that such columns are left out.`;
  return remedies[problem.code] ?? problem.remedy.replace("the servers are those of --source and --target", "the servers are those of the endpoints").replace(/; where one sign-in opens every mailbox of the source it is not needed.*$/, "; where one sign-in opens every mailbox of the source it is not needed.");
}
