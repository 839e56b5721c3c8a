import { expect, it } from 'vitest';
import { fitted } from './tile.tsx';

it('enlarges small pictures by whole numbers and shrinks large ones, in their own shape, and two fit beside each other', () => {
  expect(fitted({ width: 32, height: 32 }, 119)).toEqual({ width: 96, height: 96 });
  expect(fitted({ width: 48, height: 32 }, 119)).toEqual({ width: 96, height: 64 });
  expect(fitted({ width: 96, height: 64 }, 48)).toEqual({ width: 48, height: 32 });
  expect(fitted({ width: 64, height: 128 }, 64)).toEqual({ width: 32, height: 64 });
});
