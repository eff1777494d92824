import { blobOf, type MigrationFile } from "./file";

/** Puts something made here into the downloads. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Puts the migration file as it is now, with its passwords, into the downloads. */
export function downloadCorrected(file: MigrationFile): void {
  download(blobOf(file), file.name.replace(/(\.[^.]*)?$/, "-corrected$1"));
}
