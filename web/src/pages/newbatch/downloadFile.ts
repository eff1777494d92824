import { save } from "../../parts/download";
import { blobOf, type MigrationFile } from "./file";

/** Puts the migration file as it is now, with its passwords, into the downloads. */
export function downloadCorrected(file: MigrationFile): void {
  save(blobOf(file), file.name.replace(/(\.[^.]*)?$/, "-corrected$1"));
}
