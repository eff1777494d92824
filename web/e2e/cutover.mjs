// What is completed or deleted while mail may still come to the old system is told first:
// the button waits for the answer, and where there is none for who goes on all the same.
import { dialogOf, done, enter, given, open, step, url, visitor, want } from "./stage.mjs";

const { admin, batch, mailbox, domain } = given;
const page = await visitor("admin");
await enter(page, admin);
const button = (text, scope = page) => scope.getByRole("button", { name: text, exact: true });
const asked = (address) => address.pathname === "/api/v1/cutovers";
const warning = (dialog) => dialog.getByText(`It is not safe yet for the mail of ${domain}.`);

/** Types what a dialog asks for, if it does. */
async function typed(dialog) {
  const word = dialog.getByRole("textbox");
  if ((await word.count()) > 0) await word.fill(await dialog.locator("label b").innerText());
}

async function cancelled(dialog) {
  await button("Cancel", dialog).click();
  await dialog.waitFor({ state: "hidden" });
}

/** Opens a dialog, types what it asks for, and sees when its button may be pressed. */
async function waits(title, action, opens) {
  let answer;
  const held = new Promise((go) => (answer = go));
  await page.route(asked, (route) => held.then(() => route.continue()));
  await opens();
  const dialog = dialogOf(page, title);
  await dialog.waitFor();
  await typed(dialog);
  want(await button(action, dialog).isDisabled(), `${title}: ${action} does not wait for the answer`);
  answer();
  await warning(dialog).waitFor();
  want(await button(action, dialog).isEnabled(), `${title}: ${action} is not let through once it is told`);
  await page.unroute(asked);
  await cancelled(dialog);
}

/** Opens it while the answer cannot be had. */
async function isTold(title, action, opens) {
  await page.route(asked, (route) => route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ status: 409, title: "Conflict", detail: "somebody else is at it" }) }));
  await opens();
  const dialog = dialogOf(page, title);
  await dialog.getByText("Whether it is safe for the mail of its domains is not known").waitFor();
  await typed(dialog);
  const allTheSame = dialog.getByRole("checkbox", { name: "Go on all the same" });
  want(await button(action, dialog).isDisabled(), `${title}: ${action} goes on though nobody knows`);
  await allTheSame.check();
  want(await button(action, dialog).isEnabled(), `${title}: who goes on all the same cannot`);
  await allTheSame.uncheck();
  want(await button(action, dialog).isDisabled(), `${title}: ${action} goes on after all`);
  await page.unroute(asked);
  await button("Try again", dialog).click();
  await warning(dialog).waitFor();
  want(await button(action, dialog).isEnabled(), `${title}: ${action} is not let through once it is told`);
  await cancelled(dialog);
}

const places = [
  ["a batch is completed", `/batches/${batch}`, `Complete ${batch}?`, "Complete", () => button("Complete…").click()],
  ["a batch is deleted", `/batches/${batch}`, `Delete ${batch}?`, "Delete", () => button("Delete…").click()],
  ["a mailbox is deleted", `/batches/${batch}/mailboxes/${encodeURIComponent(mailbox)}`, /^Delete/, "Delete", () => button("Delete…").click()],
  ["selected mailboxes are deleted", `/batches/${batch}/mailboxes`, /^Delete/, "Delete", async () => {
    await page.getByRole("checkbox", { name: `Select ${mailbox}` }).check();
    await page.getByRole("toolbar").getByRole("button", { name: "Delete…", exact: true }).click();
  }],
];
for (const [what, path, title, action, opens] of places) {
  await step(`${what}: the button waits for the answer`, async () => {
    await open(page, path);
    await waits(title, action, opens);
  });
  await step(`${what}: who goes on without an answer says so`, async () => {
    await open(page, path);
    await isTold(title, action, opens);
  });
}

await step("what was told is no lock: the mailbox is deleted", async () => {
  await open(page, places[2][1]);
  await places[2][4]();
  const dialog = dialogOf(page, places[2][2]);
  await warning(dialog).waitFor();
  await dialog.getByRole("textbox").fill(mailbox);
  await button("Delete", dialog).click();
  await page.waitForURL(url(`/batches/${batch}/mailboxes`));
});
await done();
