// Names, subjects, files and answers of servers that mean harm: nothing of them runs on
// any page, and they are shown as the text that they are.
import { chooseFile, done, dialogOf, enter, field, found, given, open, settled, step, until, url, visitor } from "./stage.mjs";

const { texts, folders, batch, failing, mailbox, liar, liesOf } = given;
const page = await visitor("admin");
await enter(page, given.admin);
await page.context().addInitScript(() => {
  // Whatever runs is to be told, even when the page is left at once.
  Object.defineProperty(window, "__xss", { set: () => window.__violated("a text was run") });
});

/** What is shown of a text: characters that turn the direction of others are written out. */
const shown = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase()}\u27e9`);

/** Finds what of the texts has become more than text, and which of those that belong here are not shown. */
async function harmless(where, expected = []) {
  await settled(page);
  const [harm, text] = await page.evaluate(() => {
    const harm = [];
    for (const e of document.querySelectorAll("script:not([src]), img[src=x], [onerror], [onload], [onclick], iframe, object, embed, base")) harm.push(`there is ${e.outerHTML.slice(0, 200)}`);
    for (const a of document.querySelectorAll("[href], [src], [action], [formaction]")) {
      for (const name of ["href", "src", "action", "formaction"]) if (/^\s*(javascript|data|vbscript):/i.test(a.getAttribute(name) ?? "")) harm.push(`there is ${name}=${a.getAttribute(name)}`);
    }
    const turns = /[\u202a-\u202e\u2066-\u2069]/;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (turns.test(walker.currentNode.data)) harm.push(`the direction of text is turned in ${walker.currentNode.parentElement.outerHTML.slice(0, 300)}`);
    for (const e of document.querySelectorAll("[title], [aria-label], [alt], [placeholder]")) for (const name of ["title", "aria-label", "alt", "placeholder"]) if (turns.test(e.getAttribute(name) ?? "")) harm.push(`the direction of text is turned in ${name} of ${e.outerHTML.slice(0, 300)}`);
    if (turns.test(document.title)) harm.push(`the direction of text is turned in the title, ${document.title}`);
    return [harm, document.body.innerText];
  });
  for (const h of harm) found(`${where}: ${h}`);
  for (const e of expected) if (!text.includes(shown(e))) found(`${where} does not show ${shown(e)} as text`);
}

await step("a migration file", async () => {
  await open(page, "/batches/new");
  await chooseFile(page, given.fileName, given.file);
  await page.getByRole("status").filter({ hasText: /mailbox(es)? of/ }).waitFor();
  await page.getByText("Show the rows").click();
  await harmless("the first step of the wizard", [given.fileName]);
  await page.evaluate(() => sessionStorage.clear());
});

await step("folders and subjects of a mailbox", async () => {
  const to = `/batches/${batch}`;
  await open(page, to);
  await harmless("the batch");
  await open(page, `${to}/mailboxes`);
  await harmless("the mailboxes", [mailbox]);
  await open(page, `${to}/findings`);
  await page.getByRole("button", { name: mailbox }).click();
  await page.getByText("Subject:").first().waitFor();
  await harmless("the findings", texts);
  await open(page, `${to}/mailboxes/${encodeURIComponent(mailbox)}`);
  await page.getByText("Subject:").first().waitFor();
  await page.getByLabel("What was said").waitFor();
  await harmless("the mailbox", [mailbox, ...texts, ...folders]);
  await open(page, `${to}/history`);
  await harmless("the history");
  await open(page, `${to}/settings`);
  await harmless("the settings of the batch");
});

await step("a report and a hand-over", async () => {
  for (const file of ["reports/report.html", `mailboxes/${encodeURIComponent(mailbox)}/handover.html`]) {
    await page.goto(url(`/api/v1/batches/${batch}/${file}`));
    await page.getByText(mailbox).first().waitFor();
    const harm = await page.evaluate(() => [...document.querySelectorAll("script, img, svg[onload], [onerror], [onload], a[href^='javascript:' i]")].map((e) => e.outerHTML.slice(0, 200)));
    for (const h of harm) found(`${file} has ${h}`);
  }
});

await step("answers of a server", async () => {
  await open(page, `/endpoints/${liar}`);
  const test = page.getByRole("button", { name: "Test", exact: true }).first();
  if (!(await test.isVisible())) await page.getByRole("button", { name: /^Test/ }).first().click();
  await field(page, "Mailbox to sign in to").first().fill(texts[0]);
  await field(page, "Its password").first().fill("password");
  await test.click();
  await page.getByText("did not go well").waitFor();
  await harmless("the test of an endpoint", [liesOf]);
  await open(page, `/batches/${failing}/mailboxes`);
  await harmless("the mailboxes that fail", [liesOf.slice(0, 20)]);
  await open(page, `/batches/${failing}/mailboxes/${encodeURIComponent(given.failed)}`);
  await harmless("the mailbox that fails", [liesOf]);
  for (const path of ["/", "/batches", `/batches/${failing}`]) {
    await open(page, path);
    await harmless(path);
  }
});

await step("what operators have written", async () => {
  await open(page, "/account");
  await harmless("the account", [given.tokenName]);
  await open(page, "/audit");
  await harmless("the audit log");
  await page.getByRole("searchbox").fill("approve");
  await page.getByRole("grid", { name: "Audit log" }).getByRole("row").nth(1).click();
  await dialogOf(page).waitFor();
  await harmless("a record of the audit log", [given.reason]);
});

await step("addresses of pages", async () => {
  for (const text of [texts[1], texts[2], texts.at(-1), "..%2f..%2fapi"]) {
    for (const path of [`/batches/${encodeURIComponent(text)}`, `/batches/${batch}/mailboxes/${encodeURIComponent(text)}`, `/endpoints/${encodeURIComponent(text)}`, `/batches?search=${encodeURIComponent(text)}`, `/${encodeURIComponent(text)}`]) {
      await open(page, path);
      await harmless(path);
    }
  }
  // Signing in leads to a place of the console and to nowhere else.
  await page.context().clearCookies();
  for (const next of ["javascript:window.__xss=1", "//evil.example.org/", "/\\evil.example.org", "https://evil.example.org/", "/\t/evil.example.org/", "/\n/evil.example.org/"]) {
    await page.goto(url(`/sign-in?next=${encodeURIComponent(next)}`));
    await field(page, "Name").fill(given.admin.name);
    await field(page, "Password").fill(given.admin.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    await until("the console is shown", () => page.url() === url("/"));
    await page.context().clearCookies();
  }
});

await done();
