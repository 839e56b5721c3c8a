import { TesseraError } from '@tessera/errors';
import { ByteReader, OutOfBytes } from './byte-reader.ts';
import { Machine, type Environment } from './machine.ts';
import { opcodes } from './opcodes.ts';
import { malformed } from './pickle-error.ts';
import type { PickleValue } from './value.ts';

const proto = 0x80;
const stop = 0x2e;
const newestProtocol = 5;
/** Ten times what the largest published checkpoint with its optimiser's state needs. */
const mostInstructions = 2_000_000;

export interface Unpickled {
  readonly value: PickleValue;
  /** Where the pickle ended. */
  readonly end: number;
}

/**
 * Reads one pickle as data. Allowed globals are looked up in `environment`; nothing is executed.
 * @returns null when the pickle goes on beyond `bytes`.
 * @throws pickle-malformed, pickle-too-large, pickle-global-refused
 */
export function unpickle(
  bytes: Uint8Array,
  environment: Environment,
  { start, who }: { readonly start: number; readonly who: string },
): Unpickled | null {
  const reader = new ByteReader(bytes, start, who);
  try {
    return run(reader, new Machine(reader, environment));
  } catch (error) {
    if (error instanceof OutOfBytes) return null;
    throw error;
  }
}

function run(reader: ByteReader, machine: Machine): Unpickled {
  if (reader.u8() !== proto) throw malformed(reader.who, 'a first byte that starts no pickle', 'a protocol byte');
  const protocol = reader.u8();
  if (protocol < 2 || protocol > newestProtocol) {
    throw malformed(reader.who, `pickle protocol ${protocol}`, `2 to ${newestProtocol}`);
  }
  for (let count = 0; count < mostInstructions; count++) {
    const opcode = reader.u8();
    if (opcode === stop) return { value: machine.pop(), end: reader.position };
    const operation = opcodes.get(opcode);
    if (operation === undefined) {
      throw machine.wrong(`opcode 0x${opcode.toString(16).padStart(2, '0')}`, 'an opcode of a weight file');
    }
    operation(machine);
  }
  throw new TesseraError({
    code: 'pickle-too-large',
    who: reader.who,
    got: `more than ${mostInstructions} pickle instructions`,
    expected: 'a checkpoint of tensors',
  });
}
