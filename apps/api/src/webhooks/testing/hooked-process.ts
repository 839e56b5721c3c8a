import { startServer } from '../../index.ts';
import { safeFetch } from '../../guard/safe-fetch.ts';
import { hookCertificate } from '../../guard/testing/hook-certificate.ts';

/*
 * An API process for tests whose receiver of webhooks is on this machine, which stands for the internet. Its options come as
 * JSON; it prints its URL.
 */

/** Every name is this machine, and its certificate is trusted. */
export const toReceiver = safeFetch({
  resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
  permits: () => true,
  ca: hookCertificate.cert,
});

if (process.argv[2] === 'serve') {
  const options = JSON.parse(process.argv[3]!) as Parameters<typeof startServer>[0];
  const { url } = await startServer({ ...options, fetch: toReceiver });
  console.log(url);
}
