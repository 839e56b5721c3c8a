import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import * as documents from './documents.ts';

it('are those of trusted-documents.json, by their hash (npx vitest run -u brings the file up to date)', async () => {
  const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  const manifest = Object.fromEntries(Object.values(documents).map((text) => [hashOf(text), text]));
  await expect(`${JSON.stringify(manifest, null, 2)}\n`).toMatchFileSnapshot('../trusted-documents.json');
});
