// What a script of the browser tests stands on. A script is run by a test in Go, which
// has started the servers: it reads what is given to it as a line of JSON, works with
// the console in Chromium, and prints a line of JSON for each step that is done. What
// happens outside of browsers it asks the test for.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { chromium } from "playwright-core";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => JSON.parse((await lines.next()).value);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** What the test gives to the script; server is the console's address. */
export const given = await next();

/** How long a single look or click may take, and a step as a whole, in milliseconds: the machine may be busy. */
const patience = 30_000;
const stepLimit = 120_000;

/** Has the test do something, and gives what it answers. */
export async function ask(what, details = null) {
  say({ ask: what, details });
  const { answer, error } = await next();
  if (error) throw new Error(`${what}: ${error}`);
  return answer;
}

/** A figure for whoever reads the test's log. */
export const note = (text) => say({ note: text });

/** Something that is not as it must be, after which the script goes on. */
export const found = (text) => say({ found: text });

const browser = await chromium.launch({
  executablePath: given.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"],
});
const pages = new Map();
const log = [];

/**
 * A person with a browser of their own, and the page in front of them. Whatever the page
 * does that it must not is found: what the policy of the server forbids, errors on the
 * console, questions to other servers, dialogs of the browser.
 */
export async function visitor(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", ignoreHTTPSErrors: given.server.startsWith("https:"), ...options });
  context.setDefaultTimeout(patience);
  await context.exposeBinding("__violated", (_, text) => found(`${name}: the policy is violated: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) => window.__violated(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber} on ${location.pathname}`));
  });
  const page = await context.newPage();
  pages.set(name, page);
  watch(name, page);
  return page;
}

/** Pages that were without the server for a while. */
const cutOff = new Set();

/** Takes the server away from a page while something is done; what browsers log of that is as it must be. */
export async function away(page, act) {
  cutOff.add(page);
  await page.context().setOffline(true);
  try {
    await act();
  } finally {
    await page.context().setOffline(false);
  }
}

function watch(name, page) {
  const origin = new URL(given.server).origin;
  page.on("console", (message) => {
    if (!["error", "warning"].includes(message.type()) || isAnswer(message, origin) || isEndedLine(message, origin) || (cutOff.has(page) && /net::ERR_/.test(message.text()))) return;
    log.push(`${name} ${message.type()}: ${message.text()} (${message.location().url})`);
    if (message.type() === "error") found(`${name}: the console's log says: ${message.text()}`);
  });
  page.on("pageerror", (error) => found(`${name}: ${page.url()} throws ${error.stack ?? error}`));
  page.on("dialog", (dialog) => {
    if (dialog.type() !== "beforeunload") found(`${name}: a dialog says ${dialog.message()}`);
    void dialog.accept().catch(() => {});
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob|about):/.test(url)) found(`${name}: the page asks another server: ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) log.push(`${name} ${response.status()} ${response.request().method()} ${response.url()}`);
  });
  page.on("requestfailed", (request) => log.push(`${name} failed ${request.method()} ${request.url()} ${request.failure()?.errorText}`));
}

/** Browsers log each answer of the API that is a refusal; the console shows it to people. */
function isAnswer(message, origin) {
  return /^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text()) && message.location().url.startsWith(`${origin}/api/v1/`);
}

/** A live line that the server ends, as when its session has. */
function isEndedLine(message, origin) {
  const { url } = message.location();
  return message.text().includes("net::ERR_INCOMPLETE_CHUNKED_ENCODING") && url.startsWith(`${origin}/api/v1/`) && url.endsWith("/live");
}

/** Runs a step within its limit. The script ends with the first that fails. */
export async function step(name, act, limit = stepLimit) {
  const began = performance.now();
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${limit / 1000} s`)), limit);
    });
    const result = await Promise.race([act(), late]);
    say({ step: name, milliseconds: Math.round(performance.now() - began) });
    return result;
  } catch (error) {
    await give(name, error);
    process.exit(1);
  } finally {
    clearTimeout(timer);
  }
}

/** Tells a failure, with what every page shows. */
async function give(name, error) {
  const pictures = [];
  for (const [who, page] of pages) {
    const file = join(given.dir, `${who}.png`);
    try {
      await page.screenshot({ path: file, timeout: 10_000 });
      const shown = await page.locator("[role=dialog], [role=alertdialog], main").last().ariaSnapshot({ timeout: 10_000 });
      pictures.push(`${file}, ${page.url()}\n${shown.slice(0, 6_000)}`);
    } catch (e) {
      pictures.push(`no picture of ${who}: ${e.message}`);
    }
  }
  await new Promise((done) => process.stdout.write(`${JSON.stringify({ failed: name, error: String(error.stack ?? error).replace(/\x1b\[\d+m/g, ""), pictures, log: log.slice(-60) })}\n`, done));
  await browser.close().catch(() => {});
}

/** Waits until a condition is so, and gives what it gives. */
export async function until(what, condition, limit = patience) {
  const end = performance.now() + limit;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not so after ${limit / 1000} s`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** Fails unless so. */
export function want(so, text) {
  if (!so) throw new Error(text);
}

/** Ends the script well. */
export async function done() {
  await browser.close();
  say({ done: true });
  process.stdin.destroy();
}

// --- What scripts do ---

export const url = (path) => given.server + path;

/** The field of this label, whether or not it is marked as required. */
export const field = (scope, label) => scope.getByLabel(new RegExp(`^${label.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}\\s*\\*?$`)).and(scope.locator("input, textarea, select"));

/** The dialog of this title, or the one that is open. */
export const dialogOf = (page, name) => page.getByRole("dialog", { name }).or(page.getByRole("alertdialog", { name }));

/** Signs in on the page as people do. */
export async function signIn(page, { name, password }, path = "/") {
  await page.goto(url(path));
  await field(page, "Name").fill(name);
  await field(page, "Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
}

/** Signs the page's browser in without the form, for scripts that are about other pages. */
export async function enter(page, { name, password }) {
  const answer = await page.context().request.post(url("/api/v1/session"), { data: { name, password }, headers: { Origin: new URL(given.server).origin } });
  want(answer.ok(), `signing in says ${answer.status()} ${await answer.text()}`);
}

/** Goes to a page by the navigation. */
export async function goTo(page, name) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
}

/** Opens a page, and waits until it shows what it has. */
export async function open(page, path) {
  await page.goto(url(path));
  await settled(page);
}

/** Waits until nothing of the page is still being loaded. */
export async function settled(page) {
  // A dialog hides the page from roles.
  await page.locator("h1").first().waitFor();
  await page.locator("main [role=status][aria-label^=Loading], main [aria-busy=true]").first().waitFor({ state: "detached" });
}

/** Chooses a file of this name and text in the browser's own dialog. */
export async function chooseFile(page, name, text, button = "Choose the file") {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: button }).click()]);
  await chooser.setFiles({ name, mimeType: "text/csv", buffer: Buffer.from(text) });
}
