// Signing in, opening a batch and acting on it without a mouse. Wherever the focus stops,
// it can be seen.
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dialogOf, done, field, found, given, open, settled, step, until, url, visitor, want } from "./stage.mjs";

const { admin, batch } = given;
const page = await visitor("keyboard");
const keys = page.keyboard;
const focused = page.locator(":focus");
const button = (text, scope = page) => scope.getByRole("button", { name: text, exact: true });

/** Presses Tab until the focus is at the target, and sees it at each stop. */
async function tabTo(target, key = "Tab") {
  for (let i = 0; i < 60; i++) {
    await keys.press(key);
    await seen();
    if ((await target.count()) === 1 && (await target.evaluate((e) => e === document.activeElement))) return;
  }
  throw new Error(`${key} does not lead to ${target}`);
}

/** Compares what is around the element that has the focus with how that is without it. */
async function seen() {
  if ((await focused.count()) === 0) return; // the browser's own part of the window
  const element = await focused.elementHandle();
  // Fluent's own catchers of the focus hand it on at once.
  want(!(await element.evaluate((e) => e.hasAttribute("data-tabster-dummy"))), "the focus rests at what is no place of the page");
  await element.scrollIntoViewIfNeeded();
  const box = await element.boundingBox();
  if (!box) return;
  const clip = { x: Math.max(0, box.x - 4), y: Math.max(0, box.y - 4), width: box.width + 8, height: box.height + 8 };
  const picture = () => page.screenshot({ clip, caret: "hide", animations: "disabled" });
  const name = await element.evaluate((e) => `${e.tagName} ${e.getAttribute("aria-label") ?? e.textContent.slice(0, 40)}`);
  const having = await picture();
  await element.evaluate((e) => e.blur());
  const not = await picture();
  await element.evaluate((e) => e.focus());
  want(!having.equals(not), `the focus cannot be seen at ${name}`);
}

await step("signing in", async () => {
  await page.goto(url("/"));
  await field(page, "Name").waitFor();
  await page.evaluate(() => document.activeElement?.blur());
  await tabTo(field(page, "Name"));
  await keys.type(admin.name);
  await tabTo(field(page, "Password"));
  await keys.type(admin.password);
  await tabTo(button("Sign in"));
  await keys.press("Enter");
  await page.getByRole("heading", { name: "Dashboard" }).waitFor();
});

await step("the way past the navigation", async () => {
  await page.reload();
  await settled(page);
  const skip = page.getByRole("link", { name: "Skip to the page" });
  await tabTo(skip);
  await until("the way past the navigation is shown", async () => {
    const box = await skip.boundingBox();
    return box.x >= 0 && box.y >= 0;
  });
  await keys.press("Enter");
  want(await page.getByRole("main").evaluate((e) => e === document.activeElement), "the focus is not at the page");
});

await step("a batch is opened", async () => {
  const grid = page.getByRole("grid", { name: "Batches" });
  await grid.getByText(batch, { exact: true }).waitFor();
  await tabTo(grid);
  await keys.press("Home");
  await keys.press("Enter");
  await page.getByRole("heading", { name: batch, level: 1 }).waitFor();
  await settled(page);
  if (!(await page.getByRole("heading", { level: 1 }).evaluate((e) => e === document.activeElement))) found(`the focus is not at the heading of the page that was opened, but at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 100))}`);
});

await step("an action that cannot be asked for says why", async () => {
  await tabTo(button("Complete…"));
  want((await button("Complete…").getAttribute("aria-disabled")) === "true", "a batch that was not started can be completed");
  const why = page.getByRole("tooltip");
  await why.waitFor();
  want((await why.innerText()).length > 10, "it does not say why");
});

await step("an action is begun", async () => {
  await tabTo(button("Start"), "Shift+Tab");
  await keys.press("Enter");
  await page.getByRole("heading", { level: 1 }).getByText(/^Sync(ing|ed)/).waitFor();
});

await step("parts of the batch are gone through", async () => {
  await tabTo(page.getByRole("tab", { name: "Overview" }));
  await keys.press("ArrowRight");
  await keys.press("Enter");
  await page.waitForURL(url(`/batches/${batch}/mailboxes`));
});

await step("a dialog keeps the focus, and gives it back", async () => {
  const opener = button("Delete…").first(); // the others are for selected mailboxes
  await tabTo(opener, "Shift+Tab");
  await keys.press("Enter");
  const dialog = dialogOf(page, `Delete ${batch}?`);
  await dialog.waitFor();
  for (let i = 0; i < 8; i++) {
    await keys.press("Tab");
    want((await dialog.locator(":focus").count()) === 1, `the focus has left the dialog after ${i + 1} stops`);
    await seen();
  }
  await keys.press("Escape");
  if (await dialog.isVisible()) {
    // A question of much weight is not left by chance.
    await tabTo(button("Cancel", dialog));
    await keys.press("Enter");
  }
  await dialog.waitFor({ state: "hidden" });
  want(await opener.evaluate((e) => e === document.activeElement), "the focus does not come back to what opened the dialog");
});

await step("who stays on a page with input is where they were", async () => {
  await open(page, "/settings");
  const question = dialogOf(page, "Leave without saving?");
  const stay = async (opener) => {
    await question.waitFor();
    await button("Stay", question).press("Enter");
    await question.waitFor({ state: "detached" });
    await until("the focus is back", () => opener.evaluate((e) => e === document.activeElement));
  };
  await field(page, "Host").fill("smtp.unsaved.example.org");
  const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Nodes" });
  await link.press("Enter");
  await stay(link);
  const who = button(`${admin.name}, admin`);
  await who.press("Enter");
  await page.getByRole("menuitem", { name: "Sign out" }).press("Enter");
  await stay(who);
  await button("Discard changes").press("Enter");
});

await step("a token that is shown once stays until it is kept", async () => {
  await open(page, "/account");
  const opener = button("New token");
  await opener.focus();
  await keys.press("Enter");
  const form = dialogOf(page, "New API token");
  await field(form, "Name").fill("nightly");
  await keys.press("Enter");
  await keep("The token nightly", "I have kept the token", opener);
});

await step("recovery codes stay until they are kept", async () => {
  const opener = button("Turn on");
  await opener.focus();
  await keys.press("Enter");
  await field(dialogOf(page, "Turn on the second factor"), "Your password").fill(admin.password);
  await keys.press("Enter");
  const scan = dialogOf(page, "Scan the picture");
  const secret = (await scan.getByText(/^([A-Z2-7]{4} )+[A-Z2-7]{1,4}$/).innerText()).replaceAll(" ", "");
  await field(scan, "Code").fill(codeOf(secret));
  await keys.press("Enter");
  const text = await keep("Your recovery codes", "I have kept the codes", button("Turn off"));
  want(text.trim().split("\n").length >= 8, `the download has ${text.trim().split("\n").length} codes`);
});

/** Tries to lose what a dialog shows once, then keeps it; gives what was downloaded. */
async function keep(title, box, opener) {
  const dialog = dialogOf(page, title);
  await dialog.waitFor();
  const close = button("Close", dialog);
  await keys.press("Escape");
  await page.mouse.click(5, 5);
  await close.press("Enter");
  want(await dialog.isVisible(), `${title} is gone before it is kept`);
  const [file] = await Promise.all([page.waitForEvent("download"), button("Download", dialog).press("Enter")]);
  const text = await readFile(await file.path(), "utf8");
  for (const line of text.trim().split("\n")) want((await dialog.innerText()).includes(line), `the download of ${title} has another text`);
  await field(dialog, box).press("Space");
  await close.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await until("the focus is back", () => opener.evaluate((e) => e === document.activeElement));
  return text;
}

/** What an authenticator app shows now (RFC 6238). */
function codeOf(secret) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash.at(-1) & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

await done();
