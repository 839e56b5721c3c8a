import { readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** Nothing of these is published, or changes by hand. */
const LEFT_OUT = ['node_modules', '.git'];
/** An editor or a compiler writes several files at once. */
const REST_MS = 300;

interface Watch {
  readonly signal: AbortSignal;
  /** Files that are written here, but are no change. */
  readonly written: readonly string[];
}

/**
 * Resolves after the next change of a file in a folder, when it has been quiet for a moment. Ends silently with the signal: `throwIfAborted`
 * tells the caller.
 */
export function nextChange(folder: string, { signal, written }: Watch): Promise<void> {
  const folders = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !LEFT_OUT.includes(entry.name),
  );
  return new Promise((done) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
      done();
    };
    const changedIn = (below: string) => (_: string, file: string | null) => {
      const path = join(folder, below, file ?? '');
      if (written.includes(path) || (below === '' && LEFT_OUT.includes(file ?? ''))) return;
      clearTimeout(timer);
      timer = setTimeout(end, REST_MS);
    };
    const watchers: FSWatcher[] = [
      watch(folder, changedIn('')),
      ...folders.map(({ name }) => watch(join(folder, name), { recursive: true }, changedIn(name))),
    ];
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
  });
}
