// Measures what the first visit loads before the first page, and fails above the limit:
// the page, its styles, its entry and all that the entry imports at once.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const limit = 300 * 1024;
const dist = join(import.meta.dirname, "../../internal/web/dist");
const html = readFileSync(join(dist, "index.html"), "utf8");
const wanted = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((m) => m[1]);
const seen = new Set();
let total = gzipSync(html).length;
while (wanted.length > 0) {
  const name = wanted.pop();
  if (seen.has(name)) continue;
  seen.add(name);
  const text = readFileSync(join(dist, name));
  const packed = gzipSync(text).length;
  total += packed;
  console.log(`${(packed / 1024).toFixed(1).padStart(8)} kB  ${name}`);
  if (!name.endsWith(".js")) continue;
  for (const m of text.toString().matchAll(/(?:import|from)\s*"\.\/([^"]+\.js)"/g)) wanted.push(`assets/${m[1]}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(8)} kB  the first load as gzip, of ${limit / 1024} kB at most`);
if (total > limit) process.exit(1);
