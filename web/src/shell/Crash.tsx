import { Button } from "@fluentui/react-components";
import { ErrorCircleRegular, PlugDisconnectedRegular } from "@fluentui/react-icons";
import { useEffect, useState } from "react";
import { useRouteError } from "react-router";
import { backOff } from "../live/stream";
import { Empty } from "../parts/Empty";
import { Page } from "./Page";

const place = "mailhaul.reloaded";

/** Whether a part of the console could not be loaded: the server is away, or has a newer console. */
function isMissingPart(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script|preload/i.test(error.message);
}

/** Whether the console can be loaded anew; a page that is reloaded while it cannot is the browser's own. */
async function reachable(signal: AbortSignal): Promise<boolean> {
  try {
    return (await fetch(window.location.pathname, { cache: "no-store", credentials: "same-origin", signal })).ok;
  } catch {
    return false;
  }
}

/** Asks for the console until it answers, and loads it anew then; when it was there all the time once a minute at most. */
async function reloadOnceReachable(signal: AbortSignal, onAway: () => void, onAgain: () => void): Promise<void> {
  let tries = 0;
  for (; !(await reachable(signal)); tries++) {
    if (signal.aborted) return;
    onAway();
    await new Promise((next) => setTimeout(next, Math.min(5_000, backOff(tries))));
    if (signal.aborted) return;
  }
  if (tries === 0 && Date.now() - Number(sessionStorage.getItem(place) ?? 0) < 60_000) return onAgain();
  sessionStorage.setItem(place, String(Date.now()));
  window.location.reload();
}

/** What is shown where a page has broken. */
export function Crash() {
  const error = useRouteError();
  return isMissingPart(error) ? <MissingPart /> : <Broken title="This page has broken">{`${error instanceof Error ? error.message : String(error)} – nothing that runs on the server is touched by this.`}</Broken>;
}

function Broken({ title, children }: { title: string; children: string }) {
  return (
    <Page title="Something broke">
      <Empty title={title} icon={ErrorCircleRegular} actions={<Button appearance="primary" onClick={() => window.location.reload()}>Load it again</Button>}>
        {children}
      </Empty>
    </Page>
  );
}

/** A page that was not loaded yet, and cannot be now. */
function MissingPart() {
  const [how, setHow] = useState<"asking" | "away" | "again">("asking");
  useEffect(() => {
    const left = new AbortController();
    void reloadOnceReachable(left.signal, () => setHow("away"), () => setHow("again"));
    return () => left.abort();
  }, []);
  if (how === "again") return <Broken title="This page could not be loaded">The server answers, but not with this page. Look into its log if loading it again does not help.</Broken>;
  return (
    <Page title="This page is not there yet">
      <Empty title={how === "asking" ? "Asking the server…" : "The server cannot be reached"} icon={PlugDisconnectedRegular}>
        The page is loaded as soon as the server answers. Check that it runs and that your network reaches it. What it does goes on without this page.
      </Empty>
    </Page>
  );
}
