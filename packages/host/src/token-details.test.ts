import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@tessera/models';
import { imagesOfClasses, type GenerationRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { afterAll, expect, it } from 'vitest';
import { Batch } from './batch.ts';
import type { JobEvent } from './protocol.ts';
import { writeRandomModel } from './testing/write-random-model.ts';
import { decodeWritten } from './written-bytes.ts';

const root = mkdtempSync(join(tmpdir(), 'tessera-details-'));
const engine = createEngine({ target: 'onnx' });
afterAll(() => {
  engine.dispose();
  rmSync(root, { recursive: true });
});

async function stepsOf(step: 'scale' | 'set' | 'surest' | 'token', requests: readonly Partial<GenerationRequest>[]) {
  await writeRandomModel(join(root, step), { name: step, width: 32, depth: 1, channels: 1, step });
  const model = await openModel(join(root, step), { engine });
  const told: JobEvent[] = [];
  const tell = async (events: Promise<readonly JobEvent[]>) => void told.push(...(await events));
  const batch = new Batch({ model, batchBytes: 100 * model.imageBytes, tell });
  for (const [key, part] of requests.entries()) {
    const request = { model: step, images: imagesOfClasses([3]), seed: 10 * key, details: true, ...part };
    batch.add([{ key, request: model.check(request), written: [], files: {} }]);
  }
  await batch.run();
  model.dispose();
  const ofKey = (key: number) =>
    told.flatMap((one) => (one.key === key && one.event.type === 'step' ? [one.event] : []));
  return requests.map((_, key) => ofKey(key));
}

it.each(['scale', 'surest', 'token'] as const)(
  'tells of every token what was drawn, and how sure it was: %s',
  async (step) => {
    const [own, two] = await stepsOf(step, [{}, { images: imagesOfClasses([1, 2]) }]);
    const [alone] = await stepsOf(step, [{}]);
    expect(own!.map(({ details }) => details)).toEqual(alone!.map(({ details }) => details));
    for (const [count, steps] of [
      [1, own!],
      [2, two!],
    ] as const) {
      for (const { details, positions, tokens } of steps) {
        const lengths = Array.from({ length: count }, (_, image) => (positions[image] ?? positions[0]!).length);
        const { codes, logProbabilities, entropies, topCodes, topProbabilities } = details!;
        for (const lists of [codes!, logProbabilities!, entropies!, topCodes!, topProbabilities!])
          expect(lists.map(({ length }) => length)).toEqual(lengths);
        expect(logProbabilities!.flat().every((value) => value <= 0)).toBe(true);
        expect(entropies!.flat().every((value) => value >= 0 && value <= Math.log(64) + 1e-5)).toBe(true);
        for (const [image, tokens] of topCodes!.entries())
          for (const [token, top] of tokens.entries()) {
            const probabilities = topProbabilities![image]![token]!;
            expect([top.length, new Set(top).size, probabilities.length]).toEqual([5, 5, 5]);
            expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
            // The one that was drawn is at most as likely as the likeliest, and has the same probability where it is among them.
            const own = Math.exp(logProbabilities![image]![token]!);
            expect(own).toBeLessThan(probabilities[0]! + 1e-4);
            const place = top.indexOf(codes![image]![token]!);
            if (place >= 0) expect(own).toBeCloseTo(probabilities[place]!, 4);
          }
        const drawn = [...decodeWritten(tokens).written.index!];
        // An order by confidence keeps some of what was drawn.
        if (step === 'surest') expect(codes!.flat().every((code) => drawn.includes(code))).toBe(true);
        else expect(codes!.flat()).toEqual(drawn);
      }
    }
  },
);

it('tells nothing of tokens that a head draws without probabilities, or where no request asks', async () => {
  const [asked, plain] = await stepsOf('set', [{}, { details: false }]);
  const nothing = { codes: null, logProbabilities: null, entropies: null, topCodes: null, topProbabilities: null };
  for (const { details } of asked!) expect(details).toEqual(nothing);
  for (const { details } of plain!) expect(details).toBeNull();
});
