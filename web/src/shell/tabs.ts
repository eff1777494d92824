/** The line to the other tabs of this browser, which share its session. What a tab says on it, it does not hear itself. */
const channel = new BroadcastChannel("mailhaul.session");

/** Tells the other tabs that somebody has signed in or out. */
export function tellOtherTabs(): void {
  channel.postMessage(null);
}

/** Calls back when somebody has signed in or out in another tab; gives how to stop that. */
export function onOtherTabs(listener: () => void): () => void {
  channel.addEventListener("message", listener);
  return () => channel.removeEventListener("message", listener);
}
