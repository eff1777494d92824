// The life of a batch, from an empty server to a deleted batch, as an administrator
// works: everything by the console.
import { ask, done, given, note, signIn, step, until, url, visitor, want } from "./stage.mjs";

const { admin } = given;
const page = await visitor("admin");

await step("a new server is set up with its token", async () => {
  await page.goto(url("/"));
  await page.getByRole("heading", { name: "Set up this server" }).waitFor();
  await page.getByLabel("Setup token").fill("not-the-token");
  await page.getByLabel("Your name").fill(admin.name);
  await page.getByLabel("Email address").fill(admin.email);
  await page.getByLabel("Password", { exact: true }).fill(admin.password);
  await page.getByLabel(/again/i).fill(admin.password);
  const go = page.getByRole("button", { name: "Set up" });
  await go.click();
  await page.getByText(/setup token/i).nth(1).waitFor();
  await page.getByLabel("Setup token").fill(given.token);
  await go.click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
});

await step("the administrator signs out and in again", async () => {
  await page.getByRole("button", { name: `${admin.name}, admin` }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(page, { ...admin, password: "not the password" }).then(
    () => { throw new Error("a wrong password signs in"); },
    () => {},
  );
  await signIn(page, admin);
});
await done();
