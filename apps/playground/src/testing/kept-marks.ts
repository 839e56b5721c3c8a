import type { Page } from 'playwright-core';

/** How many marks hold of each picture whose edit the browser has kept. */
export const keptMarks = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const ended = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve) => request.addEventListener('success', () => resolve(request.result)));
    const database = await ended(indexedDB.open('tessera-edit'));
    const drafts: { history: { done: number } }[] = await ended(
      database.transaction('drafts').objectStore('drafts').getAll(),
    );
    database.close();
    return drafts.map(({ history }) => history.done);
  });
