import { mostGuidance } from '@tessera/core';
import type { HostRequest, ModelDescription } from '@tessera/host';
import { TesseraError } from '@tessera/errors';

/** What a client may send; null and undefined both mean "left out". */
export interface GenerationInput {
  readonly model: string;
  readonly labels?: readonly number[] | null | undefined;
  readonly label?: number | null | undefined;
  readonly count?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly guidance?: number | null | undefined;
  readonly options?: Readonly<Record<string, unknown>> | null | undefined;
  readonly preview?: 'none' | 'linear' | 'decoded' | null | undefined;
}

/** More images than this belong into several generations. */
export const MOST_IMAGES = 64;

/**
 * Turns a client's wishes into a request that the model can run.
 * @throws TesseraError with a code per field: `unknown-model`, `label-out-of-range`, `labels-invalid`,
 * `count-out-of-range`, `seed-out-of-range`, `guidance-out-of-range`
 */
export function checkInput(input: GenerationInput, models: readonly ModelDescription[]): HostRequest {
  const model = findModel(input.model, models);
  const labels = readLabels(input, model);
  for (const label of labels) checkLabel(label, model);
  const { guidance, options, preview } = input;
  const seed = input.seed ?? 0;
  const lastSeed = Number.MAX_SAFE_INTEGER - MOST_IMAGES;
  within('seed', seed, { min: 0, max: lastSeed, code: 'seed-out-of-range' });
  within('guidance', guidance, { min: 0, max: mostGuidance, code: 'guidance-out-of-range' });
  return {
    model: model.name,
    labels,
    seed,
    options: options ?? {},
    ...(guidance != null && { guidance }),
    ...(preview && { preview }),
  };
}

function findModel(name: string, models: readonly ModelDescription[]): ModelDescription {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  throw refuse({
    code: 'unknown-model',
    got: `the model ${shortened(name)}`,
    expected:
      models.length > 0 ? `one of ${models.map((model) => model.name).join(', ')}` : 'a model, but none is installed',
    next: models.length > 0 ? 'Query models for what is there.' : 'Put a model folder into models/ and start again.',
  });
}

/** What is left out: the label takes each class in turn, the count is 1. */
function readLabels({ labels, label, count }: GenerationInput, { classes }: ModelDescription): readonly number[] {
  within('count', count, { min: 1, max: MOST_IMAGES, code: 'count-out-of-range' });
  if (labels == null) {
    return Array.from(
      { length: count ?? 1 },
      (_, image) => label ?? (classes.length > 0 ? image % classes.length : -1),
    );
  }
  if (label != null || count != null) {
    throw refuse({
      code: 'labels-invalid',
      got: `labels together with ${[label != null && 'a label', count != null && 'a count'].filter(Boolean).join(' and ')}`,
      expected: 'labels alone, or a label and a count, of which either may be left out',
      next: 'Send labels: [3, 4], or label: 3, count: 2.',
    });
  }
  if (labels.length >= 1 && labels.length <= MOST_IMAGES) return labels;
  throw refuse({
    code: 'labels-invalid',
    got: `${labels.length} labels`,
    expected: `1 to ${MOST_IMAGES} labels, one per image`,
    next: 'Spread more images over several generations.',
  });
}

function checkLabel(label: number, { name, classes }: ModelDescription): void {
  if (Number.isInteger(label) && label >= -1 && label < classes.length) return;
  throw refuse({
    code: 'label-out-of-range',
    got: `label ${label}`,
    expected: `a label from 0 to ${classes.length - 1}, or -1 for no class`,
    next: `Query models { classes { label name } } for what ${name} knows.`,
  });
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly code: string;
}

function within(field: string, value: number | null | undefined, { min, max, code }: Bounds): void {
  if (value == null || (value >= min && value <= max)) return;
  throw refuse({
    code,
    got: `${field} ${value}`,
    expected: `a number from ${min} to ${max}`,
    next: `Correct ${field}, or leave it out for the default.`,
  });
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function refuse(parts: { code: string; got: string; expected: string; next: string }): TesseraError {
  return new TesseraError({ who: 'createGeneration', ...parts });
}
