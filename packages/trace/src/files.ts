import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, toFloat32, toInt32, writeSafetensors, type Checkpoint } from '@tessera/checkpoints';
import { parseJson, TesseraError } from '@tessera/errors';
import { schema } from '@tessera/schema';
import type { Trace, TraceFacts, TraceStep, TraceTensor } from './record.ts';

const JSON_FILE = 'trace.json';
const TENSOR_FILE = 'trace.safetensors';

/**
 * Writes `trace.json` (facts, layout, steps with the names and shapes of their tensors) and `trace.safetensors`. Tensors of a
 * step begin with its number, counted from 1: `step.4.hidden.values_RlD`.
 */
export async function writeTrace(folder: string, { facts, layout, steps, images }: Trace): Promise<void> {
  await mkdir(folder, { recursive: true });
  const named = [...steps.flatMap((step) => step.tensors.map((tensor) => stored(step, tensor))), ...images];
  await writeSafetensors(
    join(folder, TENSOR_FILE),
    named.map(({ name, shape, data }) => ({
      name,
      shape,
      dtype: data instanceof Int32Array ? 'int32' : 'float32',
      bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    })),
  );
  const listed = (tensor: TraceTensor) => ({ name: tensor.name, shape: tensor.shape });
  const json = {
    format: 'tessera-trace',
    version: 1,
    facts,
    layout,
    steps: steps.map(({ positions_Bl, written_Bl, tensors, ...step }) => ({
      ...step,
      positions: [...positions_Bl],
      written: [...written_Bl],
      tensors: tensors.map((tensor) => listed(stored(step, tensor))),
    })),
    images: images.map(listed),
  };
  await writeFile(join(folder, JSON_FILE), `${JSON.stringify(json, null, 1)}\n`);
}

function stored({ index }: Pick<TraceStep, 'index'>, tensor: TraceTensor): TraceTensor {
  return { ...tensor, name: `${prefixOf(index)}${tensor.name}` };
}

function prefixOf(index: number): string {
  return `step.${index + 1}.`;
}

const { boolean, choice, field, integer, list, number, object, string } = schema;
const count = integer({ min: 0 });
const storedTensor = object({ name: string(), shape: list(count) });

/** `trace.json`. */
const traceSchema = object({
  format: choice('tessera-trace'),
  version: integer({ min: 1, max: 1 }),
  facts: field((value) => value as TraceFacts),
  layout: object({ length: count, scales: list(object({ start: count, height: count, width: count })) }),
  steps: list(
    object({
      index: count,
      of: count,
      reads: choice('estimate', 'known', 'last'),
      weight: number({}),
      guided: boolean(),
      positions: list(count),
      written: list(count),
      tensors: list(storedTensor),
    }),
  ),
  images: list(storedTensor),
});

/** Reads what `writeTrace` wrote. @throws TesseraError `trace-missing`, `trace-malformed`, and those of weight files */
export async function readTrace(folder: string): Promise<Trace> {
  const { facts, layout, steps, images } = await readJson(folder);
  const checkpoint = await openCheckpoint(join(folder, TENSOR_FILE));
  try {
    const read = ({ name }: { readonly name: string }) => readTensor(checkpoint, name);
    return {
      facts,
      layout,
      steps: await Promise.all(
        steps.map(async ({ positions, written, tensors, ...step }) => ({
          ...step,
          positions_Bl: Int32Array.from(positions),
          written_Bl: Int32Array.from(written),
          tensors: (await Promise.all(tensors.map(read))).map((tensor) => ({
            ...tensor,
            name: tensor.name.slice(prefixOf(step.index).length),
          })),
        })),
      ),
      images: await Promise.all(images.map(read)),
    };
  } finally {
    await checkpoint.close();
  }
}

async function readJson(folder: string) {
  const path = join(folder, JSON_FILE);
  const bytes = await readFile(path).catch((cause: unknown) => {
    const expected = 'a folder that `tessera trace` wrote';
    throw new TesseraError({ code: 'trace-missing', who: folder, got: `no ${JSON_FILE}`, expected, cause });
  });
  const json = parseJson(bytes, { code: 'trace-malformed', who: path, expected: 'a trace' });
  return traceSchema.parse(json, path);
}

async function readTensor(checkpoint: Checkpoint, name: string): Promise<TraceTensor> {
  const bytes = await checkpoint.read(name);
  const { dtype, shape } = checkpoint.tensors.get(name)!;
  const of = { who: checkpoint.path, name };
  return { name, shape, data: dtype === 'int32' ? toInt32(bytes, dtype, of) : toFloat32(bytes, dtype, of) };
}
