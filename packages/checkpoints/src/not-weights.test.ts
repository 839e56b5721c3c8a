import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from './open-checkpoint.ts';
import { inTemporaryFolder, refusal } from './testing/test-files.ts';

const pointer = `version https://git-lfs.github.com/spec/v1
oid sha256:${'0'.repeat(64)}
size 435000000
`;

describe('what stands in the place of weights', () => {
  it.each([
    [
      'a pointer of Git LFS',
      pointer,
      'a pointer of Git LFS, which stands for a file of 435000000 bytes',
      'git lfs pull',
    ],
    ['a page', '\n<!DOCTYPE html>\n<html><head>', 'a web page', 'Download the file itself'],
    ['a long page', `<html>${'ä'.repeat(5000)}`, 'a web page', 'Download the file itself'],
    ['an answer of a store', '<?xml version="1.0"?><Error>AccessDenied</Error>', 'a web page', 'Download'],
    ['a message', 'Entry not found', 'a text that begins with "Entry not found"', 'its download went well'],
    ['an index', '{"metadata":{"total_size":3}}', 'a text that begins with', 'the file you meant'],
  ])('%s is recognised', async (_, text, got, next) => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'weights.safetensors');
      await writeFile(path, text);
      const error = await refusal(openCheckpoint(path));
      expect(error.code).toBe('checkpoint-format-unknown');
      expect(error.message).toContain(got);
      expect(error.message).toContain(next);
    });
  });
});
