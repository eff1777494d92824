const name = "mailhaul.session";

/** Tells the other tabs of this browser, which share its session, that somebody has signed in or out. */
export function tellOtherTabs(): void {
  const channel = new BroadcastChannel(name);
  channel.postMessage(null);
  channel.close();
}

/** Calls back when somebody has signed in or out in another tab; gives how to stop that. */
export function onOtherTabs(listener: () => void): () => void {
  const channel = new BroadcastChannel(name);
  channel.onmessage = listener;
  return () => channel.close();
}
