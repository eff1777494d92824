// Every page, light and dark, on a wide and on a narrow screen: nothing serious for who
// uses assistive technology, no scrolling sideways, nothing that the policy forbids
// (which is found in every script), and pictures of what is shown.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { chooseFile, done, enter, field, found, given, note, open, settled, step, visitor } from "./stage.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const next = (page) => page.getByRole("button", { name: "Next", exact: true }).click();
const { batch, mailbox, running, endpoint } = given;

/** Every page: its name among the pictures, its path, and what brings it to where it is looked at. */
const pages = [
  ["sign-in", "/sign-in", undefined, true],
  ["setup", "/setup", undefined, true],
  ["dashboard", "/", (page) => page.getByRole("link", { name: batch }).waitFor()],
  ["batches", "/batches"],
  ["new-batch-file", "/batches/new", fileStep],
  ["new-batch-endpoints", "/batches/new", endpointsStep],
  ["new-batch-folders", "/batches/new", foldersStep],
  ["new-batch-schedule", "/batches/new", scheduleStep],
  ["new-batch-preflight", "/batches/new", preflightStep],
  ["batch", `/batches/${running}`],
  ["batch-mailboxes", `/batches/${batch}/mailboxes`],
  ["batch-findings", `/batches/${batch}/findings`, (page) => page.getByRole("button", { name: new RegExp(mailbox) }).click()],
  ["batch-reports", `/batches/${batch}/reports`],
  ["batch-settings", `/batches/${batch}/settings`],
  ["batch-history", `/batches/${batch}/history`],
  ["mailbox", `/batches/${batch}/mailboxes/${encodeURIComponent(mailbox)}`],
  ["endpoints", "/endpoints"],
  ["endpoint", `/endpoints/${endpoint}`],
  ["new-endpoint", "/endpoints/new"],
  ["cut-over", "/cut-over"],
  ["nodes", "/nodes"],
  ["operators", "/operators"],
  ["account", "/account"],
  ["audit-log", "/audit"],
  ["settings", "/settings"],
  ["not-found", "/no/such/page"],
];

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
  await next(page);
  await page.getByRole("button", { name: "Create and try" }).waitFor();
}

for (const scheme of ["light", "dark"]) {
  const guest = await visitor(`guest, ${scheme}`, { colorScheme: scheme });
  const person = await visitor(given.admin.name, { colorScheme: scheme });
  await enter(person, given.admin);
  for (const [name, path, go, alone] of pages) {
    await step(`${name}, ${scheme}`, async () => {
      const page = alone ? guest : person;
      await open(page, path);
      if (go) await go(page);
      await settled(page);
      await picture(page, `${name}-${scheme}`);
      await accessible(page, `${name}, ${scheme}`);
      await narrow(page, name);
      await leave(page);
    });
  }
  await guest.context().close();
  await person.context().close();
}
note(`${pages.length} pages`);
await done();

async function picture(page, name) {
  const file = join(given.pictures, `${name}.png`);
  if (existsSync(file)) return;
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
}

/** Finds what axe calls serious or critical. What catches the focus for Fluent hands it on at once, and is no place of the page. */
async function accessible(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(() => window.axe.run({ exclude: ["[data-tabster-dummy]"] }, { resultTypes: ["violations"] }).then((r) => r.violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, where: nodes.map((n) => `${n.target.join(" ")}: ${n.html.slice(0, 200)} (${n.any.concat(n.all, n.none).map((c) => c.message).join("; ").slice(0, 300)})`) }))));
  for (const v of violations) {
    if (v.impact !== "serious" && v.impact !== "critical") continue;
    found(`${name}: ${v.impact}: ${v.help} (${v.id}), ${v.where.length} times: ${v.where.slice(0, 3).join("\n    ")}`);
  }
}

/** Finds a page that is wider than a narrow screen. */
async function narrow(page, name) {
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const over = (e) => e !== null && e.scrollWidth > e.clientWidth + 1;
    return [document.documentElement, document.body, document.querySelector("main")].filter(over).map((e) => `${e.tagName} is ${e.scrollWidth} px wide`);
  });
  if (wide.length > 0) found(`${name} scrolls sideways at 360 px: ${wide.join(", ")}`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

/** Leaves what was entered behind. */
async function leave(page) {
  await page.evaluate(() => sessionStorage.clear());
}
