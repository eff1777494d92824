// Every page, light or dark, on a wide and on a narrow screen, with rows that are
// selected and pointed at, and with its dialogs and menus open: nothing serious for who
// uses assistive technology, no scrolling sideways, nothing that the policy forbids
// (which is found in every script), pictures of what is shown, and what a first visit loads.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { firstLoad, limit } from "../scripts/size.mjs";
import { chooseFile, dialogOf, done, enter, field, found, given, note, open, settled, step, until, url, visitor, want } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const next = (page) => page.getByRole("button", { name: "Next", exact: true }).click();
const { scheme, batch, mailbox, running, endpoint } = given;
const pictures = join(given.dir, "pictures");
await mkdir(pictures);

/**
 * Every page: its name among the pictures, its path, what brings it to where it is looked
 * at, and what opens dialogs and menus there: names of buttons, or of a table whose first row does.
 */
const pages = [
  ["sign-in", "/sign-in", undefined, { alone: true }],
  ["setup", "/setup", undefined, { alone: true }],
  ["dashboard", "/", (page) => page.getByRole("link", { name: batch }).waitFor(), { menus: ["Theme", `${given.admin.name}, admin`, `Actions on ${batch}`] }],
  ["batches", "/batches"],
  ["new-batch-file", "/batches/new", fileStep],
  ["new-batch-endpoints", "/batches/new", endpointsStep, { dialogs: ["New source endpoint"] }],
  ["new-batch-folders", "/batches/new", foldersStep, { menus: ["Well-known folders"] }],
  ["new-batch-schedule", "/batches/new", scheduleStep],
  ["new-batch-preflight", "/batches/new", preflightStep],
  ["batch", `/batches/${running}`, undefined, { dialogs: ["Delete…", "Add the rest…"] }],
  ["batch-mailboxes", `/batches/${batch}/mailboxes`, undefined, { selected: ["Approve…", "Delete…"] }],
  ["batch-findings", `/batches/${batch}/findings`, (page) => page.getByRole("button", { name: new RegExp(mailbox) }).click()],
  ["batch-reports", `/batches/${batch}/reports`, undefined, { dialogs: ["Send the report…"] }],
  ["batch-settings", `/batches/${batch}/settings`],
  ["batch-history", `/batches/${batch}/history`, undefined, { opens: "History" }],
  ["mailbox", `/batches/${batch}/mailboxes/${encodeURIComponent(mailbox)}`],
  ["endpoints", "/endpoints"],
  ["endpoint", `/endpoints/${endpoint}`],
  ["new-endpoint", "/endpoints/new"],
  ["cut-over", "/cut-over", undefined, { dialogs: ["Watch a domain…"] }],
  ["nodes", "/nodes"],
  ["operators", "/operators", undefined, { dialogs: ["New operator", "Edit hanna.vogt", "Delete hanna.vogt"] }],
  ["account", "/account", undefined, { dialogs: ["Change password", "Turn on", "New token"] }],
  ["audit-log", "/audit", undefined, { opens: "Audit log" }],
  ["settings", "/settings"],
  ["not-found", "/no/such/page"],
  ["new-batch-tried", "/batches/new", triedStep],
  ["new-batch-done", "/batches/new", doneStep],
];

await step("the first load", async () => {
  const guest = await visitor("first visit, not signed in");
  await loads(guest, "/sign-in", ["SignIn"], () => field(guest, "Password").waitFor());
  const person = await visitor("first visit");
  await enter(person, given.admin);
  await loads(person, "/", ["Dashboard", "LineChart"], async () => {
    await person.getByRole("link", { name: batch }).waitFor();
    await person.getByRole("region", { name: "Throughput" }).locator("svg[role=img]").waitFor();
  });
  for (const page of [guest, person]) await page.context().close();
});

/** Compares what a browser with nothing in its cache loads with what is counted, and with the limit. */
async function loads(page, path, parts, shown) {
  await page.goto(url(path));
  await shown();
  await page.waitForLoadState("load");
  const loaded = await page.evaluate(() => performance.getEntries().filter((e) => e.entryType === "navigation" || e.entryType === "resource").map((e) => [new URL(e.name).pathname, e.encodedBodySize]).filter(([path]) => !path.startsWith("/api/")));
  const counted = firstLoad(parts);
  const total = loaded.reduce((sum, [, size]) => sum + size, 0);
  const expected = [...counted.values()].reduce((sum, size) => sum + size, 0);
  for (const [path] of loaded) if (path.startsWith("/assets/") && !counted.has(path.slice(1))) found(`the first load of ${page.url()} has ${path}, which is not counted`);
  if (total > limit) found(`the first load of ${page.url()} has ${total} bytes, which is more than ${limit}`);
  if (Math.abs(total - expected) > expected / 50) found(`the first load of ${page.url()} has ${total} bytes; ${expected} are counted`);
  note(`the first load of ${path}: ${total} bytes in ${loaded.length} files; ${expected} bytes are counted`);
}

async function fileStep(page) {
  await chooseFile(page, "branch-offices.csv", given.badFile);
  await page.getByRole("status").filter({ hasText: /mailbox(es)? of/ }).waitFor();
}

async function endpointsStep(page) {
  await chooseFile(page, "branch-offices.csv", given.file);
  await page.getByRole("status").filter({ hasText: /mailbox(es)? of/ }).waitFor();
  await next(page);
  await field(page, "Source endpoint").selectOption(endpoint);
  await field(page, "Target endpoint").selectOption(given.target);
  await page.getByRole("status").filter({ hasText: /mailbox(es)? of/ }).waitFor();
}

async function foldersStep(page) {
  await endpointsStep(page);
  await next(page);
  await page.getByRole("textbox", { name: "New folder to leave out" }).fill("Old projects");
  await page.getByRole("button", { name: "Add the folder to leave out" }).click();
  await page.getByRole("button", { name: "Show its folders" }).click();
  await page.getByRole("table", { name: /^Folders of/ }).waitFor();
}

async function scheduleStep(page) {
  await foldersStep(page);
  await next(page);
  await page.getByRole("textbox", { name: "New address" }).fill("it-team@example.org");
  await page.getByRole("button", { name: "Add the address" }).click();
}

async function preflightStep(page) {
  await scheduleStep(page);
  await page.getByRole("radio", { name: "By hand: it is only created" }).check();
  await next(page);
  await page.getByRole("button", { name: "Create and try" }).waitFor();
}

async function triedStep(page) {
  await preflightStep(page);
  await page.getByRole("button", { name: "Create and try" }).click();
  await page.getByRole("status").filter({ hasText: "mailboxes were tried" }).waitFor();
  await page.getByRole("grid", { name: "Results of the preflight" }).getByRole("row").nth(1).click();
  want(await page.getByRole("button", { name: "Delete it and change the choices" }).isVisible(), "a batch that was not started cannot be given up");
}

async function doneStep(page) {
  await triedStep(page);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.getByRole("heading", { name: "Done" }).waitFor();
  await page.getByRole("link", { name: "Go to the batch" }).or(page.getByRole("button", { name: "Go to the batch" })).first().waitFor();
  // What has begun is not given up by a click.
  const back = page.getByRole("navigation", { name: "Steps" }).getByRole("button", { name: /Preflight/ });
  want((await back.getAttribute("aria-disabled")) === "true", "the wizard leads back to the preflight of a batch that was started");
  await page.goto(url("/batches/new?step=preflight"));
  await page.getByRole("heading", { name: "Done" }).waitFor();
  want((await page.getByRole("button", { name: "Delete it and change the choices" }).count()) === 0, "a batch that was started can be deleted in the wizard");
}

const guest = await visitor(`guest, ${scheme}`, { colorScheme: scheme });
const person = await visitor(given.admin.name, { colorScheme: scheme });
await enter(person, given.admin);
for (const [name, path, go, { alone, dialogs = [], menus = [], selected = [], opens } = {}] of pages) {
  await step(`${name}, ${scheme}`, async () => {
    const page = alone ? guest : person;
    await open(page, path);
    if (go) await go(page);
    await settled(page);
    await picture(page, `${name}-${scheme}`);
    await accessible(page, `${name}, ${scheme}`);
    await rows(page, `${name}, ${scheme}`, selected);
    for (const menu of menus) await menuOf(page, `${name}, ${scheme}`, menu);
    for (const dialog of dialogs) await dialogBy(page, `${name}, ${scheme}`, page.getByRole("button", { name: dialog, exact: true }).first());
    if (opens) await dialogBy(page, `${name}, ${scheme}`, page.getByRole("grid", { name: opens }));
    await narrow(page, `${name}, ${scheme}`);
    await leave(page);
  });
}
await guest.context().close();
await person.context().close();
note(`${pages.length} pages`);
await done();

/** Takes a picture, and keeps it where there is none or all are to be new. */
async function picture(page, name) {
  const file = join(pictures, `${name}.png`);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
  const kept = join(given.pictures, `${name}.png`);
  if (given.renew || !existsSync(kept)) await copyFile(file, kept);
}

/** Looks at the rows of each table as they are when they are pointed at, and when they are selected; selected are buttons for those. */
async function rows(page, name, selected) {
  for (const grid of await page.getByRole("grid").all()) {
    const first = grid.getByRole("row").nth(1);
    if ((await first.count()) === 0) continue;
    const link = first.getByRole("link").first();
    const pointAt = async () => ((await link.count()) > 0 ? link : first).hover();
    await pointAt();
    await accessible(page, `${name}, a row that is pointed at`, "[role=grid]");
    const all = grid.getByRole("checkbox", { name: "Select all that are loaded" });
    if ((await all.count()) === 0) continue;
    await all.check();
    await pointAt();
    await accessible(page, `${name}, with selected rows`);
    for (const button of selected) await dialogBy(page, `${name}, with selected rows`, page.getByRole("toolbar").getByRole("button", { name: button, exact: true }));
    await page.getByRole("button", { name: "Select none" }).click();
  }
  await page.mouse.move(0, 0);
}

async function menuOf(page, name, text) {
  const opener = page.getByRole("button", { name: text, exact: true }).first();
  await opener.click();
  await page.getByRole("menu").waitFor();
  await accessible(page, `${name}, the menu ${text}`);
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  await returned(page, `${name}, the menu ${text}`, opener);
}

/** Looks at the dialog that an element opens, a button or the first row of a table, and whether it gives the focus back. */
async function dialogBy(page, name, opener) {
  await opener.focus();
  await page.keyboard.press("Enter");
  const dialog = dialogOf(page);
  await dialog.waitFor();
  const title = `${name}, ${await dialog.getByRole("heading").first().innerText()}`;
  await accessible(page, title);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await returned(page, title, opener);
}

async function returned(page, name, opener) {
  const back = await until("the focus is back", () => opener.evaluate((e) => e === document.activeElement), 3_000).catch(() => false);
  if (!back) found(`${name}: the focus does not come back to what opened it, but is at ${await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 100))}`);
}

/**
 * Finds what axe calls serious or critical. Fluent puts elements around dialogs and menus
 * that catch the focus and hand it on within the same event. They are hidden from
 * assistive technology and yet focusable, which that one rule takes for a trap; keyboard.mjs
 * proves at each stop that the focus never rests there. For every other rule they count.
 */
async function accessible(page, name, within) {
  await page.evaluate(axe);
  const violations = await page.evaluate((within) => window.axe.run(within ?? document, { resultTypes: ["violations"] }).then((r) => r.violations.map((v) => (v.id === "aria-hidden-focus" ? { ...v, nodes: v.nodes.filter((n) => !document.querySelector(n.target.join(" "))?.hasAttribute("data-tabster-dummy")) } : v)).filter((v) => v.nodes.length > 0).map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.map((n) => `${n.target.join(" ")}: ${n.html.slice(0, 200)} (${n.any.concat(n.all, n.none).map((c) => c.message).join("; ").slice(0, 300)})`) }))), within);
  for (const v of violations) {
    if (v.impact !== "serious" && v.impact !== "critical") continue;
    found(`${name}: ${v.impact}: ${v.help} (${v.id}), ${v.where.length} times: ${v.where.slice(0, 3).join("\n    ")}`);
  }
}

/** Looks at the page on a narrow screen, and finds when it is wider than that. */
async function narrow(page, name) {
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const over = (e) => e !== null && e.scrollWidth > e.clientWidth + 1;
    return [document.documentElement, document.body, document.querySelector("main")].filter(over).map((e) => `${e.tagName} is ${e.scrollWidth} px wide`);
  });
  if (wide.length > 0) found(`${name} scrolls sideways at 360 px: ${wide.join(", ")}`);
  await accessible(page, `${name}, at 360 px`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

/** Leaves what was entered behind, and no batch of the wizard, so that its mailboxes can be in another. */
async function leave(page) {
  const made = await page.evaluate(() => {
    const made = JSON.parse(sessionStorage.getItem("mailhaul.new-batch") ?? "{}").created;
    sessionStorage.clear();
    return made;
  });
  if (!made) return;
  await page.evaluate((name) => fetch(`/api/v1/batches/${name}`, { method: "DELETE" }), made);
  await until(`${made} is deleted`, async () => (await page.evaluate((name) => fetch(`/api/v1/batches/${name}`).then((r) => r.status), made)) === 404);
}
