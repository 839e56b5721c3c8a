import { makeEngine } from '@tessera/engine';
import { openModel, type Model } from '@tessera/models/web';
import { imagesOfClasses } from '@tessera/request';
import { onnxWebTarget } from '@tessera/target-onnx-web';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import type { DrawMessage, DrawRequest } from './messages.ts';

const engine = makeEngine({ target: onnxWebTarget({ wasm }) });
const models = new Map<string, Promise<Model>>();

/** A model is fetched once: `model.json` and its weights. After a failure the next request fetches it again. */
function modelNamed(name: string): Promise<Model> {
  const known = models.get(name);
  if (known) return known;
  const opening = openModel(new URL(`/models/${name}/`, location.href), { engine });
  models.set(name, opening);
  opening.catch(() => models.delete(name));
  return opening;
}

async function draw({ model: name, label, seed }: DrawRequest): Promise<void> {
  const asked = performance.now();
  const model = await modelNamed(name);
  const loaded = performance.now();
  const codes: number[][] = [];
  for await (const event of model.generate({ images: imagesOfClasses([label]), seed, preview: 'linear' })) {
    if (event.type === 'step') {
      const { step, previews, written } = event;
      codes.push([...(written.index ?? [])]);
      tell({ type: 'step', index: step.index, of: step.of, picture: previews?.[0] ?? null });
    } else {
      const [loadMs, drawMs] = [loaded - asked, performance.now() - loaded];
      tell({ type: 'image', picture: event.pixels, codes, loadMs, drawMs });
    }
  }
}

function tell(message: DrawMessage): void {
  self.postMessage(message);
}

self.addEventListener('message', ({ data }: MessageEvent<DrawRequest>) => {
  draw(data).catch((error: unknown) => {
    tell({ type: 'error', message: error instanceof Error ? error.message : String(error) });
  });
});
