// What the first visit of a page loads, as gzip, and whether that is below the limit: the
// page, its styles, the entry, the page's own part and what that draws at once, each with
// all that it imports. A browser that loads it is asked in e2e/pages.mjs.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** In bytes. */
export const limit = 300_000;

const dist = join(import.meta.dirname, "../../internal/web/dist");

/** The parts that a visit begins with, beside the entry, by the names of their sources. Who is not signed in and comes to the dashboard is led on from there. */
const visits = {
  "the dashboard": ["Dashboard", "LineChart"],
  "the dashboard, not signed in": ["Dashboard", "SignIn"],
  "/sign-in": ["SignIn"],
};

const packed = (text) => gzipSync(text, { level: 9 }).length;

/** What a visit that begins with these parts loads: bytes by file. */
export function firstLoad(parts) {
  const html = readFileSync(join(dist, "index.html"), "utf8");
  const built = readdirSync(join(dist, "assets"));
  const wanted = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((m) => m[1]);
  for (const part of parts) {
    const name = built.find((file) => new RegExp(`^${part}-[\\w-]{8}\\.js$`).test(file));
    if (!name) throw new Error(`the build has no part ${part}`);
    wanted.push(`assets/${name}`);
  }
  // The page is served as it is: its number is new with each answer.
  const sizes = new Map([["index.html", Buffer.byteLength(html)]]);
  while (wanted.length > 0) {
    const name = wanted.pop();
    if (sizes.has(name)) continue;
    const text = readFileSync(join(dist, name));
    // The server packs nothing smaller.
    sizes.set(name, text.length < 1024 ? text.length : packed(text));
    if (!name.endsWith(".js")) continue;
    for (const m of text.toString().matchAll(/(?:import|from)\s*"\.\/([^"]+\.js)"/g)) wanted.push(`assets/${m[1]}`);
  }
  return sizes;
}

if (import.meta.filename === process.argv[1]) {
  let over = false;
  for (const [visit, parts] of Object.entries(visits)) {
    const sizes = firstLoad(parts);
    const total = [...sizes.values()].reduce((a, b) => a + b, 0);
    over ||= total > limit;
    const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 5);
    for (const [name, size] of largest) console.log(`${(size / 1000).toFixed(1).padStart(8)} kB  ${name}`);
    console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  of ${limit / 1000} kB at most: the first load of ${visit}, ${sizes.size} files`);
  }
  if (over) process.exit(1);
}
