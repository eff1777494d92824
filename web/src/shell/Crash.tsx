import { Button } from "@fluentui/react-components";
import { ErrorCircleRegular } from "@fluentui/react-icons";
import { useEffect } from "react";
import { useRouteError } from "react-router";
import { Empty } from "../parts/Empty";
import { Page } from "./Page";

const place = "mailhaul.reloaded";

/** Whether a part of the console could not be loaded, as after the server got a newer one. */
function isOutdated(error: unknown): boolean {
  return error instanceof Error && /dynamically imported module|module script|preload/i.test(error.message);
}

/** What is shown where a page has broken. A console that is older than the server is loaded anew, once a minute at most. */
export function Crash() {
  const error = useRouteError();
  const outdated = isOutdated(error);
  useEffect(() => {
    if (!outdated || Date.now() - Number(sessionStorage.getItem(place) ?? 0) < 60_000) return;
    sessionStorage.setItem(place, String(Date.now()));
    window.location.reload();
  }, [outdated]);
  return (
    <Page title="Something broke">
      <Empty title={outdated ? "This page could not be loaded" : "This page has broken"} icon={ErrorCircleRegular} actions={<Button appearance="primary" onClick={() => window.location.reload()}>Load it again</Button>}>
        {outdated ? "The server cannot be reached, or has a newer console." : `${error instanceof Error ? error.message : String(error)} – nothing that runs on the server is touched by this.`}
      </Empty>
    </Page>
  );
}
