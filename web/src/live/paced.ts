/** Something that is done at most so often, however often it is asked for. */
export interface Paced {
  /** Has it done: at once, or as soon as the pace allows. */
  ask(): void;
  stop(): void;
}

/** Does something at most once in so many milliseconds, and not before the last time has ended. What is asked for is always done after it was asked for. */
export function paced(act: () => Promise<unknown>, every = 1_000): Paced {
  let timer = 0;
  let busy = false;
  let wanted = false;
  let stopped = false;
  const run = async () => {
    busy = true;
    wanted = false;
    const free = new Promise<void>((resolve) => (timer = window.setTimeout(resolve, every)));
    await act().catch(() => {});
    await free;
    busy = false;
    if (wanted && !stopped) void run();
  };
  return {
    ask: () => {
      wanted = true;
      if (!busy && !stopped) void run();
    },
    stop: () => {
      stopped = true;
      window.clearTimeout(timer);
    },
  };
}
