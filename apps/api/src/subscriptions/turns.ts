/** How many go on in one turn of the event loop: a few hundred microseconds of work. */
const AT_ONCE = 8;

/** A queue in which many wait to do a little each, so that everything else gets its turn in between: who waits first goes first. */
export function turns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const serve = (): void => {
    for (const go of waiting.splice(0, AT_ONCE)) go();
    if (waiting.length > 0) setImmediate(serve);
  };
  return () =>
    new Promise((resolve) => {
      if (waiting.push(resolve) === 1) setImmediate(serve);
    });
}
