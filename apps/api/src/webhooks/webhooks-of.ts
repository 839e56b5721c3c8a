import type { Store } from '@tessera/store';
import { eventJson, generationJson } from '../streams/generation-json.ts';
import type { GuardOptions } from '../guard/guard-options.ts';
import { readSecret, type ImageUrls } from '../guard/image-urls.ts';
import { safeFetch, type SafeFetch } from '../guard/safe-fetch.ts';
import { openWebhooks, type Webhooks } from './webhooks.ts';

type WebhookOptions = Pick<GuardOptions, 'secret'> & { readonly fetch?: SafeFetch };

/** The webhooks of a server: their messages show generations as REST does. */
export async function webhooksOf(store: Store, urls: ImageUrls, options: WebhookOptions): Promise<Webhooks> {
  const urlOf = (sha256: string) => urls.of(sha256);
  return openWebhooks({
    store,
    fetch: options.fetch ?? safeFetch(),
    serverSecret: await readSecret(store.database, options.secret),
    async describe(id, event) {
      const generation = await store.generations.find(id, null);
      if (!generation) return null;
      const data = { generation: generationJson(generation, urlOf), event: eventJson(event, urlOf) };
      return { type: `generation.${event.kind}`, timestamp: event.at, data };
    },
  });
}
