// The life of a batch, from a server nobody has signed in to until the batch is deleted,
// as an administrator works: everything by the console, with mail of real servers.
import { readFile } from "node:fs/promises";
import { ask, chooseFile, dialogOf, done, field, given, goTo, open, signIn, step, until, url, visitor, want } from "./stage.mjs";

const { admin, viewer, people } = given;
const name = "pilot";
const page = await visitor("admin", { acceptDownloads: true });
const button = (text, scope = page) => scope.getByRole("button", { name: text, exact: true });
/** What buttons are called that do something. */
const actions = /^(New|Start|Stop|Sync now|Complete|Approve|Delete|Retry|Rotate|Send|Mail the|Save|Add|Create|Edit|Test|Calibrate|Try again|\.eml|Download message)/;
const badge = (text) => page.getByRole("heading", { level: 1 }).getByText(text, { exact: true });

/** What the buttons of the page's own part are called that are not dimmed. */
const pressable = (other) =>
  other.evaluate(() =>
    [...document.querySelectorAll("main button, main [role=button]")].filter((b) => !b.disabled && b.getAttribute("aria-disabled") !== "true").map((b) => (b.getAttribute("aria-label") ?? b.textContent).trim()),
  );

await step("a new server is set up with its token", async () => {
  await page.goto(url("/"));
  await page.getByRole("heading", { name: "Set up this server" }).waitFor();
  await field(page, "Setup token").fill("not-the-token");
  await field(page, "Your name").fill(admin.name);
  await field(page, "Email address").fill(admin.email);
  await field(page, "Password").fill(admin.password);
  await field(page, "Password, again").fill(admin.password);
  await button("Set up").click();
  await page.getByRole("alert").filter({ hasText: "not the setup token" }).waitFor();
  await field(page, "Setup token").fill(given.token);
  await button("Set up").click();
  await page.getByRole("heading", { name: "Dashboard" }).waitFor();
});

await step("the administrator signs out, and in again", async () => {
  await button(`${admin.name}, admin`).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await field(page, "Name").fill(admin.name);
  await field(page, "Password").fill("not the password");
  await button("Sign in").click();
  await page.getByRole("alert").waitFor();
  await signIn(page, admin, "/batches");
  await page.waitForURL(url("/batches"));
});

await step("a bad migration file is told row by row, and mended in place", async () => {
  await page.getByRole("button", { name: "New batch" }).first().click();
  await chooseFile(page, "pilot.csv", given.badFile);
  const status = page.getByRole("status").filter({ hasText: /mailbox(es)? of/ });
  await status.filter({ hasText: "4 errors" }).waitFor();
  for (const [row, problem] of given.problems) await rowCard(row).getByText(problem).first().waitFor();
  await button("Next").click();
  await page.getByText("Rows of the file are wrong", { exact: false }).waitFor();
  await field(rowCard(2), "EmailAddress").fill(people[0]);
  await field(rowCard(3), "Password").fill(given.password);
  await rowCard(5).getByRole("button", { name: "Leave the row out" }).click();
  await page.getByRole("button", { name: /^Check again/ }).click();
  await status.filter({ hasText: "3 mailboxes of 3 rows; 0 errors" }).waitFor();
});

function rowCard(number) {
  return page.getByRole("listitem").filter({ hasText: new RegExp(`^Row ${number} `) });
}

await step("corrections are made again after a reload, but passwords", async () => {
  await page.reload();
  await page.getByText("Choose the file", { exact: false }).first().waitFor();
  await chooseFile(page, "pilot.csv", given.badFile);
  await page.getByText("2 corrections were made again.", { exact: false }).waitFor();
  await page.getByText("in 1 row was not kept", { exact: false }).waitFor();
  want(!(await page.evaluate(() => JSON.stringify(sessionStorage))).includes(given.password), "a password is kept in the session's storage");
  const status = page.getByRole("status").filter({ hasText: "3 mailboxes of 3 rows" }).or(page.getByRole("status").filter({ hasText: "1 error" }));
  await status.first().waitFor();
  await field(rowCard(3), "Password").fill(given.password);
  await page.getByRole("button", { name: /^Check again/ }).click();
  await page.getByRole("status").filter({ hasText: "3 mailboxes of 3 rows; 0 errors" }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the corrected file" }).click()]);
  want((await readFile(await download.path(), "utf8")).includes(people[0]), "the corrected file has not what was corrected");
});

await step("another file takes its place", async () => {
  await chooseFile(page, "pilot.csv", given.goodFile, "Choose another file");
  await page.getByRole("status").filter({ hasText: "3 mailboxes of 3 rows; 0 errors" }).waitFor();
  await button("Next").click();
});

await step("endpoints are created and tested in place", async () => {
  await endpoint("source", given.source);
  await endpoint("target", given.target);
  await button("Next").click();
});

async function endpoint(side, { name, port, security, ca }) {
  const other = side === "source" ? "New endpoint to read from" : "New endpoint to write to";
  await button(`New ${side} endpoint`).click();
  const dialog = dialogOf(page, other);
  await field(dialog, "Name").fill(name);
  await field(dialog, "Host").fill("localhost");
  await field(dialog, "Port").fill(String(port));
  await dialog.getByLabel("Security").selectOption(security);
  const test = dialog.getByRole("region", { name: "Test" });
  await field(test, "Mailbox to sign in to").fill(people[0]);
  await field(test, "Its password").fill(given.password);
  await button("Test", test).click();
  // The rig's authority is nobody's.
  await test.getByText("TLS: failed").waitFor();
  await dialog.getByRole("button", { name: "Certificates and TLS" }).click();
  await field(dialog, "Certificate authorities").fill(ca);
  await button("Test", test).click();
  await test.getByText("The test went well.").waitFor();
  await button("Test and create", dialog).click();
  await dialog.waitFor({ state: "hidden" });
}

await step("folders are left out, with a preview of a mailbox", async () => {
  await field(page, "Name of the batch").fill(name);
  const group = page.getByRole("group", { name: "Folders to leave out" });
  await group.getByRole("textbox", { name: "New folder to leave out" }).fill("Old projects");
  await group.getByRole("button", { name: "Add the folder to leave out" }).click();
  await group.getByRole("button", { name: "Well-known folders" }).click();
  await page.getByRole("menuitem", { name: /Junk/ }).click();
  await button("Show its folders").click();
  const folders = page.getByRole("table", { name: `Folders of ${people[0]}` });
  await folders.waitFor();
  await folders.getByRole("row", { name: /Old projects.*left out/ }).first().waitFor();
  await folders.getByRole("row", { name: /INBOX.*taken/ }).waitFor();
  await button("Next").click();
});

await step("reports go to an address", async () => {
  const group = page.getByRole("group", { name: "Reports go to" });
  await group.getByRole("textbox", { name: "New address" }).fill(given.notify);
  // The field takes over what was typed when it is left, and Next is pressed once.
  await button("Next").click();
  await page.getByRole("heading", { name: "Preflight" }).waitFor();
});

const starting = url(`/api/v1/batches/${name}/start`);

await step("it is created, and its preflight is told mailbox by mailbox", async () => {
  for (const text of ["pilot.csv", given.source.name, given.target.name, "Old projects", given.notify]) await page.locator("dd").filter({ hasText: text }).first().waitFor();
  await page.route(starting, (route) => route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ code: "busy", detail: "Others are served first." }) }));
  await button("Create and try").click();
  await page.getByRole("status").filter({ hasText: "3 mailboxes were tried: 3 ready" }).waitFor();
  await page.getByRole("grid", { name: "Results of the preflight" }).getByText(people[1]).waitFor();
});

await step("that it could not be started is told, and not that it starts by itself, until it is tried again", async () => {
  await page.getByText("Others are served first.").waitFor();
  want((await page.getByText("It starts by itself").count()) === 0, "what is not so stands above the error");
  await page.unroute(starting);
  await button("Try again").click();
});

await step("it starts by itself, and is synced", async () => {
  await page.getByText("Every mailbox was ready, and the batch was started.").waitFor();
  await button("Go on").click();
  await button("Go to the batch").or(page.getByRole("link", { name: "Go to the batch" })).first().click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  await badge("Synced with errors").or(badge("Synced")).first().waitFor({ timeout: 90_000 });
  for (const address of people) await ask("equal", { address, without: given.without });
});

await step("a preflight is asked for at the batch", async () => {
  want((await button("Start").getAttribute("aria-disabled")) === "true", "a batch that is synced, and of which nothing has failed, can be started");
  await button("Preflight").click();
  await page.getByText(`${name} is being tried.`).last().waitFor();
  const card = page.getByRole("region", { name: "Preflight" });
  await card.getByText("Every mailbox that was tried can be migrated.").waitFor({ timeout: 60_000 });
});

await step("a new letter at the source is brought by Sync now", async () => {
  const sum = await ask("deliver", { address: people[0], subject: "Minutes of Monday" });
  await button("Sync now").click();
  await page.getByText(`${name} is being synchronised.`).last().waitFor();
  await until("the letter is at the target", async () => (await ask("sums", { address: people[0] })).includes(sum), 60_000);
});

await step("what the target refused is told, with what to do", async () => {
  await page.getByRole("tab", { name: "Findings" }).click();
  await page.getByRole("heading", { name: "1 message was left out" }).waitFor();
  await page.getByRole("button", { name: new RegExp(people[1]) }).click();
  const finding = page.getByRole("listitem").filter({ hasText: "Scanned contract" });
  await finding.getByText("Left out").waitFor();
  await finding.getByText(given.remedy).waitFor();
  const [message] = await Promise.all([page.waitForEvent("download"), finding.getByRole("button", { name: /\.eml/ }).click()]);
  want((await readFile(await message.path(), "utf8")).includes("Subject: Scanned contract"), "the message that was downloaded is another");
  await page.getByRole("tabpanel").getByRole("button", { name: "Approve…" }).click();
  const dialog = dialogOf(page);
  await field(dialog, "Reason").fill("It is in the archive");
  await button("Approve", dialog).click();
  await page.getByText("What was left out is approved.").last().waitFor();
  await finding.getByText("Approved", { exact: true }).waitFor();
});

await step("reports are viewed and downloaded", async () => {
  await page.getByRole("tab", { name: "Reports" }).click();
  const [report] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: "Open the report in a new tab" }).click()]);
  await report.getByText(people[2]).first().waitFor();
  await report.close();
  for (const [file, what] of [["MigrationStatistics.csv", people[0]], ["MigrationErrors.csv", people[1]], ["report.json", name], ["report.html", people[2]]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: file, exact: true }).click()]);
    want((await readFile(await download.path(), "utf8")).includes(what), `${file} has nothing of ${what}`);
  }
});

await step("the report is sent again by mail", async () => {
  const before = (await ask("letters")).length;
  await page.getByRole("button", { name: "Send the report…" }).click();
  const dialog = dialogOf(page);
  await field(dialog, "To").fill("board@example.org");
  await button("Send", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  const letters = await until("the report is mailed", async () => {
    const all = await ask("letters");
    return all.slice(before).some((l) => l.to.includes("board@example.org")) && all;
  }, 60_000);
  want(letters.some((l) => l.to.includes(given.notify)), `nothing was sent to ${given.notify}`);
  want(letters.every((l) => l.subject.includes(name)), "a letter is of something else");
});

await step("owners are mailed their hand-overs", async () => {
  const [table] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "HandOver.csv", exact: true }).click()]);
  want((await readFile(await table.path(), "utf8")).includes(people[1]), `HandOver.csv has nothing of ${people[1]}`);
  const before = (await ask("letters")).length;
  await page.getByRole("button", { name: "Mail the owners…" }).click();
  const dialog = dialogOf(page);
  await field(dialog, "Only these mailboxes").fill(people[1]);
  await dialog.getByText("1 owner gets a mail.").waitFor();
  await dialog.getByRole("textbox").last().fill(name);
  want(await button("Mail the owners", dialog).isDisabled(), "owners are mailed without whom to ask");
  await field(dialog, "Whom to ask when something is missing").fill("The desk, room 7");
  const [shown] = await Promise.all([page.context().waitForEvent("page"), dialog.getByRole("link", { name: /Look at that of/ }).click()]);
  await shown.getByText("The desk, room 7").last().waitFor();
  await shown.close();
  await button("Mail the owners", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  const mailed = await until("the hand-over is mailed", async () => {
    const all = (await ask("letters")).slice(before);
    return all.some((l) => l.subject.includes("please have a look")) && all;
  }, 60_000);
  want(mailed.filter((l) => l.to.includes(people[1])).length === 1, `${people[1]} gets ${JSON.stringify(mailed)}`);
});

await step("a viewer is created, and can act nowhere", async () => {
  await goTo(page, "Operators");
  await button("New operator").click();
  const dialog = dialogOf(page, "New operator");
  await field(dialog, "Name").fill(viewer.name);
  await dialog.getByRole("radio", { name: /viewer/i }).check();
  await field(dialog, "Password").fill(viewer.password);
  await field(dialog, "Password, again").fill(viewer.password);
  await button("Create", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("row", { name: new RegExp(viewer.name) }).waitFor();
  await open(page, `/batches/${name}`);
  want((await pressable(page)).some((text) => actions.test(text)), "an admin may press nothing, either: the test looks for the wrong buttons");
  const other = await visitor("viewer");
  await signIn(other, viewer, `/batches/${name}`);
  await canActNowhere(other);
  await other.context().close();
});

/** Every button that does something is dimmed or absent, and the API refuses what it would ask. */
async function canActNowhere(other) {
  const mailbox = `/batches/${name}/mailboxes/${encodeURIComponent(people[1])}`;
  const places = ["/", "/batches", `/batches/${name}`, `/batches/${name}/mailboxes`, `/batches/${name}/findings`, `/batches/${name}/reports`, `/batches/${name}/settings`, `/batches/${name}/history`, mailbox, "/endpoints", `/endpoints/${given.source.name}`, "/endpoints/new", "/batches/new", "/cut-over", "/nodes"];
  for (const place of places) {
    await open(other, place);
    for (const text of await pressable(other)) want(!actions.test(text), `on ${place} a viewer may press ${text}`);
  }
  await open(other, "/batches");
  await button(`Actions on ${name}`, other).click();
  const items = other.getByRole("menuitem");
  await items.first().waitFor();
  for (const item of await items.all()) want((await item.getAttribute("aria-disabled")) === "true", `a viewer may choose ${await item.innerText()}`);
  await other.keyboard.press("Escape");
  want((await other.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /Operators|Audit|Settings/ }).count()) === 0, "a viewer is shown the way to what is for admins");
  for (const [method, path, body] of [["POST", `batches/${name}/start`], ["POST", `batches/${name}/stop`], ["POST", `batches/${name}/sync`], ["POST", `batches/${name}/complete`], ["DELETE", `batches/${name}`], ["POST", `batches/${name}/mailboxes/${people[1]}/sync`], ["POST", "endpoint-tests", { name: given.source.name }], ["POST", "operators", { name: "x", role: "admin", password: viewer.password }], ["PATCH", "settings", { keepCompletedSeconds: 1 }], ["GET", "operators"], ["GET", "audit"], ["POST", `batches/${name}/mailbox-actions`, { verb: "stop" }], ["POST", `batches/${name}/report-mails`, {}], ["POST", `batches/${name}/handover-mails`, { all: true, dryRun: true }]]) {
    const status = await other.evaluate(async ([m, p, b]) => (await fetch(`/api/v1/${p}`, { method: m, headers: b ? { "Content-Type": "application/json" } : {}, body: b && JSON.stringify(b) })).status, [method, path, body]);
    want(status === 403, `the API answers a viewer who asks ${method} ${path} with ${status}`);
  }
}

await step("it is completed once its name is typed", async () => {
  await page.goto(url(`/batches/${name}`));
  await button("Complete…").click();
  const dialog = dialogOf(page, `Complete ${name}?`);
  want(await button("Complete", dialog).isDisabled(), "it can be completed without its name");
  await dialog.getByRole("textbox").fill(name);
  await button("Complete", dialog).click();
  await badge("Completed").or(badge("Completed with errors")).first().waitFor({ timeout: 90_000 });
  for (const address of people) await ask("equal", { address, without: given.without });
});

await step("it is deleted once its name is typed", async () => {
  await button("Delete…").click();
  const dialog = dialogOf(page, `Delete ${name}?`);
  await dialog.getByRole("textbox").fill("pilo");
  want(await button("Delete", dialog).isDisabled(), "it can be deleted by another name");
  await dialog.getByRole("textbox").fill(name);
  await button("Delete", dialog).click();
  await page.waitForURL(url("/batches"));
  await until("it is gone", async () => (await page.evaluate((n) => fetch(`/api/v1/batches/${n}`).then((r) => r.status), name)) === 404, 60_000);
  await page.getByRole("link", { name, exact: true }).waitFor({ state: "hidden" });
});

await done();
