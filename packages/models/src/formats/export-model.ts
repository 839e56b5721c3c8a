import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint, writeSafetensors, type Checkpoint, type WritableTensor } from '@tessera/checkpoints';
import { TesseraError } from '@tessera/errors';
import { refuseInt8 } from '../int8-file.ts';
import { readManifest } from '../model-folder.ts';
import type { ModelManifest, WeightedComponent } from '../manifest.ts';
import { replaceFolder } from '../save-model.ts';
import { formatOfModel } from './formats.ts';
import { modelNote, noteKeys, type TensorsWritten } from './weight-format.ts';

/** Paths of the files that `exportModel` wrote. */
export interface ExportedFiles {
  readonly transformer: string;
  readonly tokenizer: string;
}

/**
 * Writes a model folder as the two official state dicts of its family, including the tensors that follow from the
 * configuration. Weights imported as float32 are exported bit for bit. The metadata of the files holds the settings that
 * shapes do not show, so `importModel` gives the same model again.
 * @throws TesseraError export-exists for a file of that name that no export wrote, export-unsupported for parts of no
 * known family, and the errors of `readManifest` and the formats
 */
export async function exportModel(
  folder: string,
  out: string,
  written: TensorsWritten = () => undefined,
): Promise<ExportedFiles> {
  const manifest = await readManifest(folder);
  const format = formatOfModel(manifest, folder);
  const opened: Checkpoint[] = [];
  const open = async (component: WeightedComponent): Promise<Checkpoint> => {
    const file = await openCheckpoint(weightFile(folder, manifest, component));
    opened.push(file);
    refuseInt8(file);
    return file;
  };
  try {
    const files = { tokenizer: await open('tokenizer'), backbone: await open('backbone'), head: await open('head') };
    const { transformer, tokenizer } = format.write({ folder, manifest, files });
    for (const { file } of [transformer, tokenizer]) await requireOwn(join(out, file));
    const counted = counting(transformer.tensors.length + tokenizer.tensors.length, written);
    await replaceFolder(out, async (temporary) => {
      const metadata = { [noteKeys.model]: modelNote(manifest), ...transformer.metadata };
      await writeSafetensors(join(temporary, transformer.file), counted(transformer.tensors), metadata);
      await writeSafetensors(join(temporary, tokenizer.file), counted(tokenizer.tensors), {
        ...previewNote(manifest),
        ...tokenizer.metadata,
      });
    });
    return { transformer: join(out, transformer.file), tokenizer: join(out, tokenizer.file) };
  } finally {
    for (const file of opened) await file.close();
  }
}

/** Makes tensors report each reading, as one of `all`. */
function counting(all: number, written: TensorsWritten): (tensors: readonly WritableTensor[]) => WritableTensor[] {
  let done = 0;
  return (tensors) =>
    tensors.map((tensor) => ({
      ...tensor,
      async bytes() {
        const bytes = await tensor.bytes();
        written(++done, all);
        return bytes;
      },
    }));
}

/** Exports may be overwritten, other checkpoints of the same name may not. */
async function requireOwn(path: string): Promise<void> {
  if (!existsSync(path) || (await isExport(path))) return;
  throw new TesseraError({
    code: 'export-exists',
    who: path,
    got: 'a file that is not an export of Tessera',
    expected: 'a free name',
    next: 'Choose another --out, or move the file away.',
  });
}

async function isExport(path: string): Promise<boolean> {
  try {
    const file = await openCheckpoint(path);
    await file.close();
    return Object.values(noteKeys).some((key) => file.values.has(key));
  } catch {
    return false;
  }
}

function previewNote({ tokenizer: { config } }: ModelManifest): Record<string, string> {
  const { preview } = config as { readonly preview?: unknown };
  return preview ? { [noteKeys.preview]: JSON.stringify(preview) } : {};
}

function weightFile(folder: string, manifest: ModelManifest, component: WeightedComponent): string {
  const { weights } = manifest[component];
  if (weights) return join(folder, weights.file);
  throw new TesseraError({
    code: 'weights-missing',
    who: folder,
    got: `no weights for its ${component} in model.json`,
    expected: `the weights of its ${component}`,
    next: 'Copy or download the model again.',
  });
}
