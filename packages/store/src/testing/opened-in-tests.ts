import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { openStore, type Store, type StoreOptions } from '../index.ts';

/** Opens stores of a test, which are closed after it. */
export function openedInTests(): (url: string, more?: Partial<StoreOptions>) => Promise<Store> {
  const stores: Store[] = [];
  afterEach(async () => void (await Promise.all(stores.splice(0).map((store) => store.close()))));
  return async (url, more) => {
    const store = await openStore({ url, ...more });
    stores.push(store);
    return store;
  };
}

/** Waits until it holds, 20 seconds at most. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('did not become true');
    await sleep(20);
  }
}
