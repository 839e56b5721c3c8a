import { memorySource, openSafetensors } from '@tessera/checkpoints/web';
import { TesseraError } from '@tessera/errors';
import {
  decodeManifest,
  manifestMissing,
  weightedComponents,
  weightsAltered,
  weightsMissing,
  type ModelManifest,
  type WeightedComponent,
} from './manifest.ts';
import { loadModel, type Model, type ModelSource, type OpenModelOptions } from './model.ts';
import { checkpointWeights, type FileWeights, type ModelWeights } from './weights.ts';

// This entry runs in a browser: neither it nor what it imports needs a module of Node.
export { loadModel, type ModelSource, type OpenModelOptions } from './model.ts';
export type { ComponentEntry, ModelManifest, WeightedComponent } from './manifest.ts';
export type { Model } from './model.ts';
export type { Edit } from './edit.ts';
export { builtInPlugins, type Plugins } from './plugins/built-in.ts';
export { checkpointWeights, type FileWeights, type ModelWeights } from './weights.ts';

/**
 * Loads a model folder over HTTP: `model.json` and the weight files that it names. Weights are held in memory.
 * @param address of the folder; a relative one starts at the page or the worker
 * @throws TesseraError manifest-missing, manifest-malformed, field-..., plugin-unknown, classes-mismatch,
 * weights-missing, weights-altered, weights-mismatch, digest-unavailable, download-failed, and what `compose` and safetensors files throw
 */
export async function openModel(address: string | URL, options: OpenModelOptions): Promise<Model> {
  return loadModel(modelAddress(address), options);
}

function modelAddress(address: string | URL): ModelSource {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  const folder = new URL(String(address).replace(/\/?$/, '/'), location?.href);
  const who = new URL('model.json', folder).href;
  return {
    who,
    readManifest: async () => decodeManifest(await download(who, () => manifestMissing(folder.href)), who),
    openWeights: (manifest) => openWeights(folder, manifest),
  };
}

async function openWeights(folder: URL, manifest: ModelManifest): Promise<ModelWeights> {
  const opened = await Promise.all(weightedComponents.map((component) => openFile(folder, manifest, component)));
  return Object.fromEntries(opened) as Record<WeightedComponent, FileWeights>;
}

async function openFile(
  folder: URL,
  manifest: ModelManifest,
  component: WeightedComponent,
): Promise<readonly [WeightedComponent, FileWeights]> {
  const { weights } = manifest[component];
  if (!weights) throw weightsMissing(folder.href, component, undefined);
  const { href } = new URL(weights.file, folder);
  const bytes = await download(href, () => weightsMissing(folder.href, component, weights.file));
  const found = await sha256Of(bytes, href);
  const file = memorySource(href, bytes);
  if (found !== weights.sha256) {
    await openSafetensors(file); // reports a web page, for example, as such
    throw weightsAltered(href, found, weights.sha256);
  }
  return [component, await checkpointWeights(await openSafetensors(file))];
}

async function download(href: string, missing: () => TesseraError): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(href).catch((cause: unknown) => {
    throw downloadFailed(href, 'no answer from the server', cause);
  });
  if (!answer.ok) throw missing();
  const bytes = await answer.arrayBuffer().catch((cause: unknown) => {
    throw downloadFailed(href, 'only part of the file before the connection was lost', cause);
  });
  return new Uint8Array(bytes);
}

/** `fetch` reports a lost connection, an unknown host and a forbidden site in the same few words, without the address. */
function downloadFailed(who: string, got: string, cause: unknown): TesseraError {
  return new TesseraError({
    code: 'download-failed',
    who,
    got,
    expected: 'the whole file',
    next: 'Check the connection and the address; another site must also allow this page to read it (CORS).',
    cause,
  });
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>, who: string): Promise<string> {
  // Browsers define it only for https and localhost.
  const { subtle } = crypto as { readonly subtle?: typeof crypto.subtle };
  if (!subtle) {
    throw new TesseraError({
      code: 'digest-unavailable',
      who,
      got: 'a page without crypto.subtle, which cannot compare its sha256',
      expected: 'a page from https or from localhost',
      next: 'Serve the page by https.',
    });
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
