import { nearestName } from '@tessera/schema';
import type { Host, ModelDescription } from '@tessera/host';
import { TesseraError } from '@tessera/errors';
import { chooseClass } from '@tessera/models';
import { readEditInput, type EditInput, type GenerationRequest } from './edit-request.ts';

/** What a client may send; null and undefined both mean "left out". */
export interface GenerationInput {
  readonly model: string;
  readonly labels?: readonly number[] | null | undefined;
  readonly label?: number | null | undefined;
  /** A word for each image, read by `chooseClass`. */
  readonly classes?: readonly string[] | null | undefined;
  readonly class?: string | null | undefined;
  readonly count?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly guidance?: number | null | undefined;
  readonly options?: Readonly<Record<string, unknown>> | null | undefined;
  readonly preview?: 'none' | 'linear' | 'decoded' | null | undefined;
  readonly edit?: EditInput | null | undefined;
}

/** More images than this belong into several generations. */
export const MOST_IMAGES = 64;

/**
 * Turns a client's wishes into a request that the model can run: what only the model can judge, it judges here already.
 * @throws TesseraError with a code per field: `unknown-model`, `labels-invalid`, `unknown-label`, `ambiguous-label`,
 * `count-out-of-range`, and the codes of the host's `check`: `label-out-of-range`, `seed-out-of-range`,
 * `guidance-out-of-range`, `option-unknown`, `edit-box-invalid` ... The pictures of an edit are not looked at.
 */
export function checkInput(input: GenerationInput, host: Pick<Host, 'models' | 'check'>): GenerationRequest {
  const model = findModel(input.model, host.models());
  const { seed, guidance, options, preview, edit } = input;
  const request = {
    model: model.name,
    labels: readLabels(input, model),
    seed: seed ?? 0,
    options: options ?? {},
    ...(guidance != null && { guidance }),
    ...(preview && { preview }),
    ...(edit && { edit: readEditInput(edit) }),
  };
  host.check(request);
  return request;
}

function findModel(name: string, models: readonly ModelDescription[]): ModelDescription {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  // What nobody could have meant by it need not be compared letter by letter.
  const near = nearestName(shortened(name), names);
  throw refuse({
    code: 'unknown-model',
    got: `the model ${shortened(name)}`,
    expected: names.length > 0 ? `one of ${names.join(', ')}` : 'a model, but none is installed',
    next:
      near !== null
        ? `Did you mean ${near}?`
        : names.length > 0
          ? 'Query models for what is there.'
          : 'Put a model folder into models/ and start again.',
  });
}

/** What is left out: the label takes each class in turn, but none where a picture is edited; the count is 1. */
function readLabels(input: GenerationInput, model: ModelDescription): readonly number[] {
  const { labels, classes, label, class: word, count, edit } = input;
  const said = Object.entries({ labels, classes, label, class: word }).flatMap(([name, value]) =>
    value == null ? [] : name,
  );
  const list = labels != null || classes != null;
  if (said.length > 1 || (list && count != null)) {
    throw refuse({
      code: 'labels-invalid',
      got: [...said, ...(count == null ? [] : ['count'])].join(' together with '),
      expected: 'one of labels, classes, label and class; count goes with the last two',
      next: 'Send labels: [3, 4], classes: ["cat", "dog"], or label: 3, count: 2.',
    });
  }
  const named = { who: model.name, classes: model.classes };
  if (labels != null) return requireFew(labels);
  if (classes != null) return requireFew(classes).map((one) => chooseClass(one, named));
  const images = requireCount(count ?? 1);
  const all = label ?? (word == null ? undefined : chooseClass(word, named));
  const inTurn = model.classes.length > 0 && !edit;
  return Array.from({ length: images }, (_, image) => all ?? (inTurn ? image % model.classes.length : -1));
}

function requireCount(count: number): number {
  if (count >= 1 && count <= MOST_IMAGES) return count;
  throw refuse({
    code: 'count-out-of-range',
    got: `count ${count}`,
    expected: `a number from 1 to ${MOST_IMAGES}`,
    next: 'Correct count, or leave it out for 1.',
  });
}

function requireFew<T>(labels: readonly T[]): readonly T[] {
  if (labels.length >= 1 && labels.length <= MOST_IMAGES) return labels;
  throw refuse({
    code: 'labels-invalid',
    got: `${labels.length} labels`,
    expected: `1 to ${MOST_IMAGES} labels, one per image`,
    next: 'Spread more images over several generations.',
  });
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function refuse(parts: { code: string; got: string; expected: string; next: string }): TesseraError {
  return new TesseraError({ who: 'createGeneration', ...parts });
}
