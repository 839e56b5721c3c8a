import { createHash } from 'node:crypto';
import { openCheckpoint, type Checkpoint } from '@tessera/checkpoints';
import { flag, type Arguments } from '@tessera/command-line';
import { printable } from '@tessera/errors';
import type { Terminal } from '../terminal.ts';
import type { Command } from '../command.ts';

const options = {
  skipUnknown: flag('leave out objects that are not tensors or plain data, and name them; nothing is executed'),
  json: flag('print one JSON object'),
};

export const inspect: Command<typeof options> = {
  positionals: { usage: 'FILE', least: 1, most: 1 },
  options,
  examples: [
    'tessera inspect var_d16.pth',
    'tessera inspect checkpoint-last.pth',
    'tessera inspect models/digits-var/tokenizer.safetensors --json',
  ],
  run,
};

/** Longer names are cut in the table; `--json` has them whole. */
const longestName = 120;

interface Row {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of the contiguous little-endian bytes. */
  readonly sha256: string;
}

async function run({ positionals: [file], values }: Arguments<typeof options>, terminal: Terminal): Promise<number> {
  const checkpoint = await openCheckpoint(file!, { unknown: values.skipUnknown ? 'skip' : 'refuse' });
  try {
    const rows = await tensorRows(checkpoint, terminal);
    const facts = Object.fromEntries(checkpoint.values);
    if (values.json) {
      const plain = (_: string, value: unknown) =>
        typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value;
      const { format, leftOut } = checkpoint;
      terminal.out(JSON.stringify({ file, format, values: facts, leftOut, tensors: rows }, plain));
      return 0;
    }
    const names = rows.map(({ name }) => printable(name, longestName));
    const width = names.reduce((most, name) => Math.max(most, name.length), 4);
    for (const [i, { dtype, shape, sha256 }] of rows.entries()) {
      terminal.out(
        `${names[i]!.padEnd(width)}  ${dtype.padEnd(8)} ${`[${shape.join(', ')}]`.padEnd(20)} ${sha256.slice(0, 16)}`,
      );
    }
    for (const { name, what, runsCode } of checkpoint.leftOut) {
      const left = `${name === '' ? 'something that it does not keep' : printable(name, longestName)} (${printable(what, longestName)})`;
      terminal.out(`left out: ${left}${runsCode ? ', which can run code where Python loads it' : ''}`);
    }
    const elements = rows.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    terminal.out(`${rows.length} tensors, ${elements.toLocaleString('en')} numbers, ${checkpoint.format}`);
    return 0;
  } finally {
    terminal.done();
    await checkpoint.close();
  }
}

async function tensorRows(checkpoint: Checkpoint, terminal: Terminal): Promise<Row[]> {
  const rows: Row[] = [];
  const progress = terminal.progress('tensors', checkpoint.tensors.size);
  for (const { name, dtype, shape } of checkpoint.tensors.values()) {
    const sha256 = createHash('sha256')
      .update(await checkpoint.read(name))
      .digest('hex');
    rows.push({ name, dtype, shape, sha256 });
    progress.update(rows.length, name);
  }
  return rows;
}
