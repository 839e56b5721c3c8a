import type { AttributeProgram, AttributeResults } from '@tessera/features';
import type { DataSet, Split } from '../data/data-set.ts';
import { requireAttributes } from './attribute-report.ts';

interface ToldRequest {
  /** Images that a model made, `[N, height, width, channels]` row-major in [0, 1]. */
  readonly samples: Float32Array;
  /** The test images whose inputs they were made from. */
  readonly member_N: Int32Array;
  readonly judge: AttributeProgram;
  readonly data: DataSet;
}

/** Whether images show what their inputs say, as a judge sees it. */
export interface ToldReport {
  /** Share of all that is said that the images show. */
  readonly told: number;
  /** The same of inputs that say a combination that no training image has, and the share of such inputs. */
  readonly toldUnseen: number;
  readonly unseenInputs: number;
  /** The same of the test images themselves: what is missing to 1 is the judge's error. */
  readonly toldOfTestImages: number;
  /** The same for inputs of other images of the class: what images show by chance. */
  readonly toldByChance: number;
  /** Share of what inputs could say and do not that the images show all the same. */
  readonly added: number;
  /** `told` by attribute, of those that are said. */
  readonly toldOf: Readonly<Record<string, number>>;
}

/** Null for data whose inputs do not say attributes in words. @throws TesseraError as `requireAttributes` */
export async function toldReport({ samples, member_N, judge, data }: ToldRequest): Promise<ToldReport | null> {
  const { said, test, train } = data;
  if (!said) return null;
  const attributes = requireAttributes(data, judge);
  const words = wordsOf(said);
  const of = ({ label_N, attribute_NA }: Split) => words({ label_N, attribute_NA: attribute_NA! });
  const asked = pick(of(test), member_N);
  const found = words(await judge.run(samples));
  const seen = new Set(of(train).map(String));
  const unseen = asked.map((row) => !seen.has(String(row)));
  const real = words(await judge.run(await test.read(member_N)));
  const other = pick(of(test), nextOfClass(member_N, test));
  const names = attributes.map(({ name }) => name);
  const shares = names.map((name, column) => [name, share(asked, found, { column })] as const);
  return {
    told: share(asked, found),
    toldUnseen: share(asked, found, { rows: unseen }),
    unseenInputs: unseen.filter(Boolean).length / unseen.length,
    toldOfTestImages: share(asked, real),
    toldByChance: share(other, found),
    added: added(asked, found),
    toldOf: Object.fromEntries(shares.filter(([, one]) => !Number.isNaN(one))),
  };
}

/**
 * What can be said of an image by attribute: a word; null where nothing is said; undefined where the image has no such attribute.
 * The last entry is its class, of which inputs say nothing by a word of its own.
 */
type Words = readonly (string | number | null | undefined)[];

function wordsOf(said: NonNullable<DataSet['said']>) {
  return ({ label_N, attribute_NA }: AttributeResults): Words[] =>
    Array.from(label_N, (label, n) => [...said.map((values, a) => values[attribute_NA[n * said.length + a]!]), label]);
}

function pick(rows: readonly Words[], member_N: Int32Array): Words[] {
  return Array.from(member_N, (member) => rows[member]!);
}

interface Which {
  readonly rows?: readonly boolean[];
  readonly column?: number;
}

/** Share of the words that are found where they were asked for; NaN where none was. */
function share(asked: readonly Words[], found: readonly Words[], { rows, column }: Which = {}): number {
  let [all, right] = [0, 0];
  for (const [n, row] of asked.entries()) {
    if (rows && !rows[n]) continue;
    for (const [a, word] of row.slice(0, -1).entries()) {
      if (typeof word !== 'string' || (column !== undefined && a !== column)) continue;
      all++;
      if (found[n]![a] === word) right++;
    }
  }
  return right / all;
}

function added(asked: readonly Words[], found: readonly Words[]): number {
  const silent = asked.flatMap((row, n) => row.flatMap((word, a) => (word === null ? [found[n]![a]] : [])));
  return silent.filter((word) => typeof word === 'string').length / silent.length;
}

/** For each of these images another one of its class. */
function nextOfClass(member_N: Int32Array, { label_N, count }: Split): Int32Array {
  return member_N.map((member) => {
    for (let step = 1; step < count; step++) {
      const next = (member + step) % count;
      if (label_N[next] === label_N[member]) return next;
    }
    return member;
  });
}
