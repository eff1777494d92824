// Whether the server answers, for pages that have no live view which would tell.

const calm = 15_000;
const worried = 3_000;
const patience = 8_000;

/** Asks again and again whether the server answers, while the page is seen; until the function it gives is called. */
export function watchReachable(tell: (reachable: boolean) => void, ask = askHealth): () => void {
  let timer = 0;
  let ended = false;
  const look = async () => {
    window.clearTimeout(timer);
    if (ended || document.hidden) return;
    const reachable = await ask();
    if (ended) return;
    tell(reachable);
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void look(), reachable ? calm : worried);
  };
  const now = () => void look();
  document.addEventListener("visibilitychange", now);
  window.addEventListener("online", now);
  window.addEventListener("offline", now);
  now();
  return () => {
    ended = true;
    window.clearTimeout(timer);
    document.removeEventListener("visibilitychange", now);
    window.removeEventListener("online", now);
    window.removeEventListener("offline", now);
  };
}

/** Whether there is an answer of any kind: a server that says it is not well is there. */
async function askHealth(): Promise<boolean> {
  try {
    const response = await fetch("/healthz", { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(patience) });
    // What a proxy says of a server behind it that is away.
    return ![502, 504].includes(response.status);
  } catch {
    return false;
  }
}
