import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openCheckpoint, writeSafetensors, type WritableTensor } from '@tessera/checkpoints';
import { createEngine } from '@tessera/targets';
import type { ImportRequest } from '../formats/import-model.ts';

/** A trainer's checkpoint of the official VAR code, of sides 1 2 4; its `args` say so too. */
const trainer = fileURLToPath(new URL('../../fixtures/ar-ckpt-last_micro.pth', import.meta.url));

export type Edit = (tensor: WritableTensor) => WritableTensor | null;

export interface Written {
  readonly prefix?: string;
  readonly edit?: Edit;
  /** Places of the same weights in the file. */
  readonly under?: readonly string[];
  /** `config.json` beside it. */
  readonly config?: unknown;
}

export type RewrittenTrainer = Awaited<ReturnType<typeof openTrainer>>;

/** Writes state dicts of the trainer, edited, and imports them; all in a folder that `dispose` removes. */
export async function openTrainer() {
  const root = await mkdtemp(join(tmpdir(), 'tessera-said-'));
  const engine = createEngine();
  const source = await openCheckpoint(trainer);
  let folders = 0;
  return {
    root,

    request: (more: Partial<ImportRequest>): ImportRequest => {
      return { engine, transformer: trainer, tokenizer: trainer, out: join(root, 'model'), name: 'micro', ...more };
    },

    /** The path of a state dict in a folder of its own, edited tensor by tensor, at one place or more. */
    async written({ prefix = 'trainer.var_wo_ddp.', edit = (t) => t, under = [''], config }: Written): Promise<string> {
      const folder = join(root, String(folders++));
      await mkdir(folder);
      const plain = [...source.tensors.values()].flatMap(({ name, dtype, shape }) => {
        if (!name.startsWith(prefix)) return [];
        const made = edit({ name: name.slice(prefix.length), dtype, shape, bytes: () => source.read(name) });
        return made ? [made] : [];
      });
      const path = join(folder, 'weights.safetensors');
      await writeSafetensors(
        path,
        under.flatMap((place) => plain.map((tensor) => ({ ...tensor, name: place + tensor.name }))),
      );
      if (config !== undefined) await writeFile(join(folder, 'config.json'), JSON.stringify(config));
      return path;
    },

    async dispose() {
      await source.close();
      engine.dispose();
      await rm(root, { recursive: true });
    },
  };
}
