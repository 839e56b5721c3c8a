import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckpoint, toFloat32, toInt32, writeSafetensors, type Checkpoint } from '@tessera/checkpoints';
import { parseJson, TesseraError } from '@tessera/errors';
import { record, schema, type FieldType } from '@tessera/schema';
import type { Trace, TraceStep, TraceTensor } from './record.ts';

const JSON_FILE = 'trace.json';
const TENSOR_FILE = 'trace.safetensors';
const RECORD_AGAIN = 'Record the trace again.';

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

const { boolean, choice, integer, list, number, object, refine, string } = schema;
const count = integer({ min: 0 });
const side = integer({ min: 1 });
const storedTensor = object({ name: string(), shape: list(count, { min: 1 }) });
type StoredTensor = FieldType<typeof storedTensor>;

/** Scales lie one behind the other, so that every position is on one of them. */
const storedLayout = refine(
  object({ length: side, scales: list(object({ start: count, height: side, width: side }), { min: 1 }) }),
  ({ length, scales }) => {
    let end = 0;
    for (const [i, { start, height, width }] of scales.entries()) {
      if (start !== end) return `scale ${i + 1} to start at ${end}`;
      end += height * width;
    }
    return length === end ? null : `a length of ${end}, the tokens of all scales`;
  },
);

/** `trace.json`. */
const traceSchema = object({
  format: choice('tessera-trace'),
  version: integer({ min: 1, max: 1 }),
  facts: record,
  layout: storedLayout,
  steps: list(
    object({
      index: count,
      of: count,
      reads: choice('estimate', 'known', 'last', 'scale'),
      weight: number({}),
      guided: boolean(),
      positions: list(count),
      written: list(count),
      tensors: list(storedTensor),
    }),
  ),
  images: list(storedTensor),
});

type StoredTrace = FieldType<typeof traceSchema>;

/**
 * Reads what `writeTrace` wrote.
 * @throws TesseraError `trace-missing`, `trace-malformed`, `field-missing`, `field-invalid`, `field-unknown` with the field's
 * path in trace.json, and those of weight files
 */
export async function readTrace(folder: string): Promise<Trace> {
  const { facts, layout, steps, images } = await readJson(folder);
  const checkpoint = await openCheckpoint(join(folder, TENSOR_FILE));
  try {
    const read = (tensor: StoredTensor) => readTensor(checkpoint, tensor);
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
  const trace = traceSchema.parse(json, path);
  checkSteps(trace, path);
  return trace;
}

/** What one field alone cannot say: steps are in order, tensors are named by their step, positions lie in the layout. */
function checkSteps({ layout, steps, images }: StoredTrace, who: string): void {
  for (const [i, { index, positions, written, tensors }] of steps.entries()) {
    const path = `steps[${i}]`;
    if (index !== i) throw malformed(who, `${path}.index = ${index}`, `${i}`);
    const outside = [...positions, ...written].find((position) => position >= layout.length);
    if (outside !== undefined) throw malformed(who, `position ${outside} in ${path}`, `less than ${layout.length}`);
    const stray = tensors.find(({ name }) => !name.startsWith(prefixOf(i)));
    if (stray)
      throw malformed(who, `the tensor ${JSON.stringify(stray.name)} in ${path}`, `a name like ${prefixOf(i)}...`);
  }
  const stray = images.find(({ name }) => !/^image\.[1-9]\d*\./.test(name));
  if (stray) throw malformed(who, `the image ${JSON.stringify(stray.name)}`, 'a name like image.1.rendered_HWC');
}

function malformed(who: string, got: string, expected: string): TesseraError {
  return new TesseraError({ code: 'trace-malformed', who, got, expected, next: RECORD_AGAIN });
}

async function readTensor(checkpoint: Checkpoint, { name, shape: listed }: StoredTensor): Promise<TraceTensor> {
  const entry = checkpoint.tensors.get(name);
  const said = `[${listed.join(', ')}] of ${JSON_FILE}`;
  if (!entry) throw malformed(checkpoint.path, `no tensor ${JSON.stringify(name)}`, `the shape ${said}`);
  const { dtype, shape } = entry;
  if (shape.join() !== listed.join()) {
    throw malformed(checkpoint.path, `${JSON.stringify(name)} of shape [${shape.join(', ')}]`, `the shape ${said}`);
  }
  const bytes = await checkpoint.read(name);
  const of = { who: checkpoint.path, name };
  return { name, shape, data: dtype === 'int32' ? toInt32(bytes, dtype, of) : toFloat32(bytes, dtype, of) };
}
