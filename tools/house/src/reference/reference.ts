import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from '../files.ts';
import { declarationsOf, entryOf, type Declared } from './declarations.ts';

export const file = join(root, 'docs/plugin-reference.md');

const entries = [
  ['@tessera/plugin-kit', 'What parts are written with: definitions, contracts, schemas, layers, random numbers.'],
  ['@tessera/head-kit', 'What most heads need: guidance, keyed noise, numbers read back, an AdaLN-MLP.'],
  ['@tessera/plugin-kit/conformance', 'The checks that certify a part.'],
] as const;

/** The text of docs/plugin-reference.md. */
export async function reference(): Promise<string> {
  const anchor = anchors();
  const chapters = entries.map(([entry, about]) => {
    const all = declarationsOf(entryOf(entry)).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
    const index = all.map(({ name }) => `[\`${name}\`](#${anchor(name)})`).join(' ');
    return [`## ${entry}`, about, index, ...all.map(section)].join('\n\n');
  });
  const head = [
    '# Reference for plug-ins',
    'Made from the comments in the sources by `npm run reference`; a test compares it with them. [Plug-ins](plugins.md) tells how to begin. In names of tensors B are images, R rows (with guidance each image has two), L all tokens, l those of a step, D the width of hidden states, C the channels of a token, V the vocabulary, H and W pixels.',
  ];
  return format([...head, ...chapters].join('\n\n'), { ...(await resolveConfig(file)), parser: 'markdown' });
}

/** As GitHub names headings: of two that differ in case alone, the second gets a number. */
function anchors(): (name: string) => string {
  const seen = new Map<string, number>();
  return (name) => {
    const plain = name.toLowerCase();
    const before = seen.get(plain) ?? 0;
    seen.set(plain, before + 1);
    return before === 0 ? plain : `${plain}-${before}`;
  };
}

function section({ name, comment, code }: Declared): string {
  return [
    `### ${name}`,
    ...(comment === '' ? [] : [prose(comment)]),
    `\`\`\`ts\n${code.replace(/^export /gm, '')}\n\`\`\``,
  ].join('\n\n');
}

/** `@throws` and `@see` begin paragraphs of their own. Indented lines stay as they are: they are examples. */
function prose(comment: string): string {
  return comment
    .replace(/^@throws /gm, '\nThrows ')
    .replace(/^@returns /gm, '\nReturns ')
    .replace(/ @throws /g, ' Throws ');
}
