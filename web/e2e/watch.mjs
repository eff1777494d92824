// Two people with browsers and one with commands look at one batch: what one of them
// changes all of them see within two seconds.
import { ask, done, enter, given, note, open, step, visitor, want } from "./stage.mjs";

const { batch, leaving, leavers } = given;
const limit = 2000;
const first = await visitor("first");
const second = await visitor("second");
for (const page of [first, second]) await enter(page, given.admin);
const dashboard = await second.context().newPage();
await open(first, `/batches/${batch}`);
await open(second, `/batches/${batch}`);
await open(dashboard, "/batches");

/** Waits until all show a state, and says for each how long that took after it was asked for. */
async function shownToAll(states, act) {
  const row = dashboard.getByRole("row").filter({ has: dashboard.getByRole("link", { name: batch, exact: true }) });
  const after = await ask("seen");
  await act();
  const began = performance.now();
  const took = {};
  const timed = (who, seen) => seen.then(() => (took[who] = Math.round(performance.now() - began)));
  const heading = (page) => page.getByRole("heading", { level: 1 }).getByText(states).waitFor();
  await Promise.all([timed("first", heading(first)), timed("second", heading(second)), timed("list", row.getByText(states).waitFor()), timed("commands", ask("await", { states: states.source, after }))]);
  return took;
}

const stopped = /^(Stopping|Stopped)$/;
const moving = /^(Syncing|Starting|Synced)$/;
const press = (page, name) => async () => page.getByRole("button", { name, exact: true }).click();
const command = (verb) => () => ask("ask", { verb });

/** Makes a change and then the other one, so that all is as before; the best of a few tries counts, for the machine may be busy with other things. */
async function seenInTime(what, act, states, back, before) {
  let best = Infinity;
  for (let i = 0; i < 3 && best > limit; i++) {
    const took = await shownToAll(states, act);
    note(`${what}: ${Object.entries(took).map(([who, ms]) => `${who} ${ms} ms`).join(", ")}`);
    best = Math.min(best, Math.max(...Object.values(took)));
    await ask("settle");
    await shownToAll(before, back);
    await ask("settle");
  }
  want(best <= limit, `${what}: it takes ${best} ms until all see it`);
}

await step("what the first changes all see", () => seenInTime("the first stops it", press(first, "Stop"), stopped, command("start"), moving));
await step("what is changed by commands all see", () => seenInTime("a command stops it", command("stop"), stopped, command("start"), moving));
await step("what the second changes all see", async () => {
  await shownToAll(stopped, command("stop"));
  await ask("settle");
  await seenInTime("the second starts it", press(second, "Start"), moving, command("stop"), stopped);
});

await step("what is deleted leaves the list of mailboxes, and comes into the history", async () => {
  await open(first, `/batches/${leaving}/mailboxes`);
  await open(second, `/batches/${leaving}/history`);
  const row = (page, text) => page.getByRole("row").filter({ hasText: text });
  let best = Infinity;
  for (const address of leavers) {
    await row(first, address).waitFor();
    await ask("delete", { batch: leaving, address });
    const asked = performance.now();
    const since = (moment) => Math.round(performance.now() - moment);
    const history = row(second, address).waitFor().then(() => since(asked));
    // It goes when its pass has ended and its passwords are wiped.
    const left = row(first, address).waitFor({ state: "detached" }).then(() => performance.now());
    await ask("gone", { batch: leaving, address });
    const gone = performance.now();
    const took = { list: Math.max(0, Math.round((await left) - gone)), history: await history };
    note(`a command deletes a mailbox: list ${took.list} ms, history ${took.history} ms`);
    best = Math.min(best, Math.max(took.list, took.history));
    if (best <= limit) return;
  }
  want(best <= limit, `it takes ${best} ms until both see it`);
});

await done();
