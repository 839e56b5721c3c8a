import { axes, type Cell, nameOf, type Refusal } from './cell.ts';

/** Per cell: why it is refused, or null if it runs. */
export type Verdicts = ReadonlyMap<Cell, Refusal | null>;

const titles: Readonly<Record<Cell['tokenizer'], string>> = {
  vq: 'VQ-VAE of one scale',
  'vq-scales': 'VQ-VAE of several scales',
  kl: 'KL-VAE',
  'kl-scales': 'KL-VAE of several scales',
};

/** Of every cell that runs, for the page. */
export const STEPS = 400;

/** The page of all compositions, in Markdown before it is formatted. */
export function pageOf(verdicts: Verdicts): string {
  const cells = [...verdicts.keys()];
  const runs = cells.filter((cell) => verdicts.get(cell) === null).length;
  return [
    '# Compositions',
    `Four tokenizers, five orders, three backbones and two heads make ${cells.length} combinations. ${runs} of them train and draw; each of the others is refused before any weights load, with a sentence that says what would go wrong and which part to exchange.`,
    `A picture shows what a small generator draws of the digits 0 to 9 after ${STEPS} steps of training, at most three minutes on one CPU core. All generators of a table share one tokenizer. The pictures show that a combination learns, not how good it can become: after so few steps, transformers that learn from every token of an image (causal, or by scales) are ahead of masked prediction, which learns only from the hidden tokens.`,
    '`npm run compositions` trains them all again and writes this page; a test tries all combinations at the smallest sizes and compares the result with it.',
    ...axes.tokenizer.flatMap((tokenizer) => tableOf(tokenizer, verdicts)),
    '## Refusals',
    ...refusalsOf(verdicts),
  ].join('\n\n');
}

function tableOf(tokenizer: Cell['tokenizer'], verdicts: Verdicts): string[] {
  const columns = axes.backbone.flatMap((backbone) => axes.head.map((head) => ({ backbone, head })));
  const row = (entries: readonly string[]): string => `| ${entries.join(' | ')} |`;
  const rows = axes.order.map((order) =>
    row([
      `\`${order}\``,
      ...columns.map(({ backbone, head }) => entryOf({ tokenizer, order, backbone, head }, verdicts)),
    ]),
  );
  const header = row(['order', ...columns.map(({ backbone, head }) => `\`${backbone}\`, \`${head}\``)]);
  const rule = row(['---', ...columns.map(() => '---')]);
  return [`## ${titles[tokenizer]} (\`${tokenizer}\`)`, [header, rule, ...rows].join('\n')];
}

function entryOf(wanted: Cell, verdicts: Verdicts): string {
  const name = nameOf(wanted);
  const [, refusal] = [...verdicts].find(([cell]) => nameOf(cell) === name)!;
  return refusal ? refusal.code : `![digits](compositions/${name}.png)`;
}

/** Each code once, with the sentences of all cells that it refuses. */
function refusalsOf(verdicts: Verdicts): string[] {
  const refusals = [...verdicts.values()].filter((refusal) => refusal !== null);
  const codes = [...new Set(refusals.map(({ code }) => code))].sort();
  return codes.flatMap((code) => {
    const own = refusals.filter((refusal) => refusal.code === code);
    const sentences = [...new Set(own.map(({ sentence }) => sentence))];
    return [`\`${code}\` (${own.length}):`, sentences.map((sentence) => `- ${sentence}`).join('\n')];
  });
}
