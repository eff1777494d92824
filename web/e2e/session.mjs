// What people have entered is theirs until they give it up: it outlives sessions that
// end, others who save first, servers that are away and clicks beside a dialog. It is
// never sent in the name of somebody else.
import { ask, away, chooseFile, dialogOf, done, enter, field, given, open, signIn, step, url, until, visitor, want } from "./stage.mjs";

const { admin, viewer, batch, mailbox } = given;
const page = await visitor("admin");
await enter(page, admin);
const button = (text, scope = page) => scope.getByRole("button", { name: text, exact: true });
const valueOf = (label, scope = page) => field(scope, label).inputValue();
const told = (text, scope = page) => scope.getByText(text, { exact: false }).first().waitFor();

/** Ends the session of a page's browser, as an administrator or time does. */
async function endSession(of = page) {
  const answer = await of.context().request.delete(url("/api/v1/session"), { headers: { Origin: new URL(given.server).origin } });
  want(answer.ok(), `ending the session says ${answer.status()}`);
}

/** Signs in again above the page. */
async function again(of = page) {
  const dialog = dialogOf(of, "Sign in again");
  await field(dialog, "Password").fill(admin.password);
  await button("Sign in", dialog).click();
  await dialog.waitFor({ state: "detached" });
}

/** Has the session end, which the page sees by itself, and begins it again. */
async function interrupt() {
  await endSession();
  // The server looks after a line from time to time.
  await dialogOf(page, "Sign in again").waitFor({ timeout: 60_000 });
  await again();
}

/** Whether the browser would ask before it loads the page anew. */
const wouldAsk = () =>
  page.evaluate(() => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  });

await step("a page whose session has ended goes on being live once it is begun again", async () => {
  await open(page, `/batches/${batch}/settings`);
  await field(page, "Complete at").fill("2099-01-31T10:00");
  await interrupt();
  want((await valueOf("Complete at")) === "2099-01-31T10:00", "what was entered is gone");
  await page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
  await ask("ask", { verb: "start" });
  await page.getByRole("heading", { level: 1 }).getByText(/^(Starting|Syncing|Synced|Synced with errors|Failed|Waiting)/).waitFor();
  await button("Discard").click();
});

await step("a dialog keeps its input when the session ends, and sends it afterwards", async () => {
  await open(page, "/operators");
  await button("New operator").click();
  const dialog = dialogOf(page, "New operator");
  want(!(await wouldAsk()), "an empty dialog would be asked for");
  await field(dialog, "Name").fill("nora.stein");
  await field(dialog, "Password").fill(viewer.password);
  await field(dialog, "Password, again").fill(viewer.password);
  want(await wouldAsk(), "a reload would lose it without a question");
  await endSession();
  await button("Create", dialog).click();
  await again();
  want((await valueOf("Name", dialog)) === "nora.stein" && (await valueOf("Password", dialog)) === viewer.password, "what was entered is gone");
  await button("Create", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("row", { name: /nora\.stein/ }).waitFor();
  want(!(await wouldAsk()), "what was saved would be asked for");
});

await step("a half-entered endpoint stays in the wizard, in the memory of the page alone", async () => {
  await open(page, "/batches/new");
  await chooseFile(page, "north.csv", given.file);
  await page.getByRole("status").filter({ hasText: "2 mailboxes of 2 rows; 0 errors" }).waitFor();
  await button("Next").click();
  await button("New source endpoint").click();
  const dialog = dialogOf(page, "New endpoint to read from");
  await field(dialog, "Host").fill("imap.half.example.org");
  await button("Close", dialog).click();
  await button("Back").click();
  await page.getByRole("heading", { name: "Migration file" }).waitFor();
  await button("Next").click();
  await field(page, "Source endpoint").selectOption("old-server");
  await field(page, "Target endpoint").selectOption("new-server");
  await endSession();
  await button("Next").click();
  await again();
  await button("New source endpoint").click();
  want((await valueOf("Host", dialog)) === "imap.half.example.org", "the endpoint is gone");
  want(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes("half.example.org"), "it is in the storage of the browser");
  await button("Close", dialog).click();
  await leaveFor("Batches");
});

/** Leaves a page that holds input, with the question. */
async function leaveFor(name) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
  await button("Leave", dialogOf(page, "Leave without saving?")).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

await step("settings that somebody else has changed meanwhile are told, and nothing entered is lost", async () => {
  await open(page, "/settings");
  await field(page, "Host").fill("smtp.example.org");
  await field(page, "Sender").fill("mailhaul@example.org");
  await field(page, "User name").fill("reports");
  await field(page, "Password").fill("smtp-pass-word");
  await ask("retain", { days: 41 });
  await button("Save").click();
  await told("somebody has changed the days of retention");
  await button("Keep my input over theirs").click();
  want((await valueOf("Host")) === "smtp.example.org" && (await valueOf("Password")) === "smtp-pass-word", "what was entered is gone");
  want((await valueOf("Days")) === "41", "theirs is not shown");
  await button("Save").click();
  await told("The settings were saved.");
  const now = await ask("settings");
  want(now.smtp.host === "smtp.example.org" && now.smtp.hasPassword && now.keepCompletedSeconds === 41 * 86_400, `the settings are ${JSON.stringify(now)}`);
});

await step("days that are no number are told at the field, and not sent", async () => {
  for (const days of ["9..9", "1.2.3", ""]) {
    await field(page, "Days").fill(days);
    await told("It is 0, or a number of days");
    want((await button("Save").getAttribute("aria-disabled")) === "true", `${days || "nothing"} can be saved`);
  }
  await button("Discard changes").click();
  want((await ask("settings")).keepCompletedSeconds === 41 * 86_400, "something was sent");
});

await step("an operator whom somebody else has changed meanwhile can still be saved", async () => {
  await open(page, "/operators");
  await button(`Edit ${given.other}`).click();
  const dialog = dialogOf(page, `Edit ${given.other}`);
  await field(dialog, "Email address").fill("tom@example.org");
  await ask("demote");
  await button("Save", dialog).click();
  await told("somebody has changed the role", dialog);
  await button("Keep my input over theirs", dialog).click();
  await button("Save", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  const tom = (await ask("operators")).find((o) => o.name === given.other);
  want(tom.email === "tom@example.org" && tom.role === "viewer", `the operator is ${JSON.stringify(tom)}`);
});

await step("a dialog that holds input stays when somebody clicks beside it, and begins empty the next time", async () => {
  await open(page, `/batches/${batch}/mailboxes/${encodeURIComponent(mailbox)}`);
  await button("Rotate passwords…").click();
  const rotate = dialogOf(page, "Rotate the passwords");
  await field(rotate, "Password at the source").fill("another-pass-word");
  await page.mouse.click(5, 5);
  want((await valueOf("Password at the source", rotate)) === "another-pass-word", "what was entered is gone");
  await button("Cancel", rotate).click();
  await rotate.waitFor({ state: "hidden" });
  await open(page, `/batches/${batch}/mailboxes`);
  const approve = dialogOf(page, /^Approve what/);
  for (const reason of ["of this one only", "of the next"]) {
    await page.getByRole("row").filter({ hasText: mailbox }).getByRole("checkbox").check();
    await button("Approve…", page.getByRole("toolbar", { name: "Actions on selected mailboxes" })).click();
    want((await valueOf("Reason", approve)) === "", "another reason is there already");
    await field(approve, "Reason").fill(reason);
    await button("Cancel", approve).click();
    await approve.waitFor({ state: "hidden" });
    await page.getByRole("row").filter({ hasText: mailbox }).getByRole("checkbox").uncheck();
  }
});

await step("a file that was chosen to add the rest outlives a click beside its dialog and the end of the session", async () => {
  await open(page, `/batches/${batch}`);
  await button("Add the rest…").click();
  const rest = dialogOf(page, `Add the rest to ${batch}`);
  want(!(await wouldAsk()), "a dialog without a file would be asked for");
  await field(rest, "Migration file (CSV)").setInputFiles({ name: "north.csv", mimeType: "text/csv", buffer: Buffer.from(given.file) });
  await told("2 would be added", rest);
  want(await wouldAsk(), "a reload would lose the file without a question");
  await page.mouse.click(5, 5);
  await interrupt();
  await button("Add 2 mailboxes", rest).click();
  await rest.waitFor({ state: "hidden" });
  await told(`2 mailboxes were added to ${batch}.`);
  want(!(await wouldAsk()), "what was added would be asked for");
});

await step("a confirmation keeps what was typed when the session ends", async () => {
  await button("Delete…").click();
  const question = dialogOf(page, `Delete ${batch}?`);
  await question.getByRole("textbox").fill(batch);
  want(await wouldAsk(), "a reload would lose it without a question");
  await interrupt();
  want((await question.getByRole("textbox").inputValue()) === batch, "what was typed is gone");
  await button("Cancel", question).click();
  await question.waitFor({ state: "hidden" });
  want(!(await wouldAsk()), "what was given up would be asked for");
});

await step("settings of a batch that somebody else has changed meanwhile are told, what else becomes of it is not", async () => {
  await open(page, `/batches/${batch}/settings`);
  await field(page, "Complete at").fill("2099-01-31T10:00");
  await ask("ask", { verb: "stop" });
  await page.getByRole("heading", { level: 1 }).getByText("Stopped", { exact: true }).waitFor();
  want((await page.getByText("Changed by somebody else.").count()) === 0, "it asks whose settings are to stay, though they are the same");
  await ask("space", { seconds: 1800 });
  await told("somebody has changed the time between passes");
  await button("Keep my input over theirs").click();
  await button("Save").click();
  await told("The settings are saved.");
  const now = await ask("batch");
  want(now.intervalSeconds === 1800 && now.completeAfter.startsWith("2099-01-31T10:00"), `the settings are ${JSON.stringify(now)}`);
  await page.getByRole("tab", { name: "Overview" }).click();
  await page.getByRole("term").filter({ hasText: /^Complete at$/ }).waitFor();
});

await step("a page that cannot be loaded while the server is away is shown when it is back", async () => {
  await open(page, "/");
  await away(page, async () => {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Cut-over" }).click();
    await told("The server cannot be reached");
    want(page.url().startsWith(given.server), `the browser is at ${page.url()}`);
  });
  await page.getByRole("heading", { name: "Cut-over", level: 1 }).waitFor();
});

await step("who signs out is asked before what was entered is given up", async () => {
  await open(page, "/settings");
  await field(page, "Host").fill("smtp.unsaved.example.org");
  const out = async () => {
    await button(`${admin.name}, admin`).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
  };
  await out();
  const question = dialogOf(page, "Leave without saving?");
  want((await page.evaluate(() => fetch("/api/v1/session").then((r) => r.status))) === 200, "the session has ended before the question");
  await button("Stay", question).click();
  await question.waitFor({ state: "hidden" });
  want((await valueOf("Host")) === "smtp.unsaved.example.org", "what was entered is gone");
  await out();
  await button("Leave", question).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

await step("a page with input waits for its operator when another has signed in in another tab", async () => {
  await signIn(page, admin, "/settings");
  await field(page, "Host").fill("smtp.unsaved.example.org");
  const tab = await page.context().newPage();
  await endSession(tab);
  await signIn(tab, viewer);
  await told(`In another tab ${viewer.name} has signed in`);
  await again();
  want((await valueOf("Host")) === "smtp.unsaved.example.org", "what was entered is gone");
  await button(`${admin.name}, admin`, tab).waitFor();
  await button("Discard changes").click();
  await tab.close();
});

await step("a page without input is of who has signed in in another tab, and says what their role does not show", async () => {
  const tab = await page.context().newPage();
  await endSession(tab);
  await signIn(tab, viewer);
  await button(`${viewer.name}, viewer`).waitFor();
  await told("This page is for admins");
  for (const path of ["/operators", "/audit", "/settings"]) {
    await open(tab, path);
    await told("This page is for admins", tab);
    want((await button("Try again", tab).count()) === 0, `${path} offers what cannot help`);
  }
  await until("the first tab shows nothing else", async () => (await page.getByLabel("Host").count()) === 0);
});

await done();
