import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from './open-checkpoint.ts';
import { inTemporaryFolder, tensorPickle, testZip } from './testing/test-files.ts';

const mebibyte = 2 ** 20;
const count = 12;
const side = 100 * mebibyte;

async function expectLean(path: string, names: readonly string[], kept: number): Promise<void> {
  const before = process.memoryUsage().rss;
  const file = await openCheckpoint(path);
  const tensors = [];
  for (const name of names) tensors.push(await file.read(name));
  expect(process.memoryUsage().rss - before - kept).toBeLessThan(300 * mebibyte);
  expect(tensors.reduce((sum, bytes) => sum + bytes.length, 0)).toBe(kept);
  await file.close();
}

/** Files with holes: they claim more than a gigabyte and occupy a few pages. */
describe('files of more than a gigabyte', () => {
  it('reads some tensors of a safetensors file without the others', async () => {
    await inTemporaryFolder(async (folder) => {
      const entries = Array.from({ length: count }, (_, index) => [
        `t${index}`,
        { dtype: 'F32', shape: [side / 4], data_offsets: [index * side, (index + 1) * side] },
      ]);
      const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      const path = join(folder, 'large.safetensors');
      const file = await open(path, 'w');
      await file.write(Buffer.concat([length, json]));
      await file.truncate(8 + json.length + count * side);
      await file.close();
      await expectLean(path, ['t0', 't11'], 2 * side);
    });
  });

  it('reads a slice of a PyTorch file without the rest of its storage', async () => {
    await inTemporaryFolder(async (folder) => {
      const elements = (count * side) / 4;
      const pickle = tensorPickle({ elements, shape: [side / 4], strides: [1], offset: elements - side / 4 });
      const path = join(folder, 'large.pth');
      const front = testZip([{ name: 'm/data.pkl', bytes: pickle }]).subarray(0, 30 + 10 + pickle.length);
      const local = Buffer.alloc(30);
      local.writeUInt32LE(0x04034b50, 0);
      local.writeUInt16LE(8, 26);
      const record = (name: string, size: number, header: number): Buffer => {
        const bytes = Buffer.alloc(46 + name.length);
        bytes.writeUInt32LE(0x02014b50, 0);
        bytes.writeUInt32LE(size, 20);
        bytes.writeUInt32LE(size, 24);
        bytes.writeUInt16LE(name.length, 28);
        bytes.writeUInt32LE(header, 42);
        bytes.write(name, 46);
        return bytes;
      };
      const directory = Buffer.concat([
        record('m/data.pkl', pickle.length, 0),
        record('m/data/0', elements * 4, front.length),
      ]);
      const at = front.length + 38 + elements * 4;
      const end = Buffer.alloc(22);
      end.writeUInt32LE(0x06054b50, 0);
      end.writeUInt16LE(2, 8);
      end.writeUInt16LE(2, 10);
      end.writeUInt32LE(directory.length, 12);
      end.writeUInt32LE(at, 16);
      const file = await open(path, 'w');
      await file.write(Buffer.concat([front, local, Buffer.from('m/data/0')]));
      await file.write(Buffer.concat([directory, end]), 0, directory.length + 22, at);
      await file.close();
      await expectLean(path, ['x'], side);
    });
  });
});
