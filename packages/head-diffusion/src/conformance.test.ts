import { cases } from '@tessera/core/conformance';
import { describe, it } from 'vitest';
import { diffusionHead } from './diffusion-head.ts';

const config = { blocks: 1, width: 16 };

describe('conformance', () => {
  for (const { name, run } of cases(diffusionHead, { config, options: { respacing: '5' } })) it(name, run);
});
