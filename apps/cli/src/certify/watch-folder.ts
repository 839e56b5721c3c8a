import { readdirSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';

/** Nothing of these is published, or changes by hand. */
const LEFT_OUT = ['node_modules', '.git'];
/** An editor or a compiler writes several files at once. */
const REST_MS = 300;

/** Resolves after the next change of a file in a folder, when it has been quiet for a moment. */
export async function nextChange(folder: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const folders = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !LEFT_OUT.includes(entry.name),
  );
  return new Promise((done, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    };
    const changed = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        end();
        done();
      }, REST_MS);
    };
    const watchers: FSWatcher[] = [
      watch(folder, (_, file) => (LEFT_OUT.includes(String(file)) ? undefined : changed())),
      ...folders.map(({ name }) => watch(join(folder, name), { recursive: true }, changed)),
    ];
    signal.addEventListener('abort', () => {
      end();
      reject(signal.reason as Error);
    });
  });
}
