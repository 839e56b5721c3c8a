import { createElement, type ReactNode } from 'react';
import type { Model } from '../api/operations.ts';

/* What settings do, as the code computes it. Of plug-ins that are none of Tessera's the page knows no formula. */

export interface Formula {
  /** What stands in a `math` element. */
  readonly math: ReactNode;
  /** One sentence: what its letters are. */
  readonly sentence: string;
  readonly source: string;
  readonly href: string;
}

/** MathML, whose elements React knows by name alone. Texts are identifiers, numbers or signs. */
function m(name: string, ...parts: readonly (ReactNode | string)[]): ReactNode {
  return createElement(name, null, ...parts.map((part) => (typeof part === 'string' ? atom(part) : part)));
}

function atom(text: string): ReactNode {
  const name = /^[\d.]+$/.test(text) ? 'mn' : /^[\p{L}]+$/u.test(text) ? 'mi' : 'mo';
  return createElement(name, null, text);
}

function all(...parts: readonly (ReactNode | string)[]): ReactNode {
  return m('mrow', ...parts);
}

const of = (name: string, index: ReactNode) => m('msub', name, index);
const arxiv = (id: string) => `https://arxiv.org/abs/${id}`;
const [VAR, MAR, MASKGIT] = [arxiv('2404.02905'), arxiv('2406.11838'), arxiv('2202.04200')];

const MIX = 'What is predicted with the class, c, is moved away from what is predicted without it, u';
const mixed = all('u', '+', of('w', 's'), '(', 'c', '−', 'u', ')', ',', of('w', 's'), '=');

/** By how the weight goes over the steps. */
const guidance: Readonly<Record<Model['defaults']['guidanceKind'], Formula | null>> = {
  NONE: null,
  RAMP: {
    math: all(mixed, '1', '+', 'g', m('mfrac', 's', all('S', '−', '1'))),
    sentence: `${MIX}; g is the guidance, s counts the S steps from 0.`,
    source: 'VAR, section 3.2 and its code',
    href: VAR,
  },
  LINEAR: {
    math: all(mixed, '1', '+', '(', 'g', '−', '1', ')', m('mfrac', of('k', 's'), 'L')),
    sentence: `${MIX}; g is the guidance, and after step s k of the L tokens are known.`,
    source: 'MAR, appendix B',
    href: MAR,
  },
  CONSTANT: {
    math: all(mixed, 'g'),
    sentence: `${MIX}; g is the guidance, the same at every step.`,
    source: 'Classifier-free guidance, Ho and Salimans',
    href: arxiv('2207.12598'),
  },
};

const sizes: Formula = {
  math: all(
    of('m', 's'),
    '=',
    '⌊',
    'L',
    'cos',
    '(',
    m('mfrac', 'π', '2'),
    m('mfrac', all('s', '+', '1'), 'S'),
    ')',
    '⌋',
  ),
  sentence: 'After step s of S, counted from 0, m of the L tokens are still missing: the sets grow.',
  source: 'MAR, section 3.3',
  href: MAR,
};

/** By plug-in and option. */
const options: Readonly<Record<string, Readonly<Record<string, Formula>>>> = {
  categorical: {
    topK: {
      math: all('{', 'v', ':', of('p', 'v'), '≥', of('p', '(k)'), '}'),
      sentence: 'Of the codes v only those stay whose probability is at least the k-th largest.',
      source: 'Holtzman et al., section 3.2',
      href: arxiv('1904.09751'),
    },
    topP: {
      math: all('min', '{', 'n', ':', m('munderover', '∑', all('i', '=', '1'), 'n'), of('p', '(i)'), '≥', 'P', '}'),
      sentence: 'The n likeliest codes stay, as few as hold the probability P together.',
      source: 'Holtzman et al., section 3.1',
      href: arxiv('1904.09751'),
    },
    smooth: {
      math: all(
        'z',
        '=',
        m('munder', '∑', 'v'),
        of('e', 'v'),
        of('softmax', 'v'),
        '(',
        m('mfrac', all('(', '1', '+', 'r', ')', 'ℓ', '+', 'γ'), 'τ'),
        ')',
      ),
      sentence:
        'A token is the sum of all embeddings e, weighted by logits ℓ with Gumbel noise γ; r goes from 0 to 1 over the steps, and the temperature τ falls.',
      source: 'VAR, its code (more_smooth)',
      href: 'https://github.com/FoundationVision/VAR',
    },
  },
  diffusion: {
    temperature: {
      math: all(
        of('x', all('t', '−', '1')),
        '=',
        of('μ', 'θ'),
        '(',
        of('x', 't'),
        ',',
        't',
        ',',
        'z',
        ')',
        '+',
        'τ',
        of('σ', 't'),
        'δ',
      ),
      sentence: 'Each denoising step takes the predicted mean μ and adds the noise δ, of which τ is the temperature.',
      source: 'MAR, section 3.2',
      href: MAR,
    },
    respacing: {
      math: all(of('β', 'i'), '=', '1', '−', m('mfrac', of('ᾱ', of('t', 'i')), of('ᾱ', of('t', all('i', '−', '1'))))),
      sentence:
        'Of the 1000 timesteps t of the training only some are kept: each takes away as much noise as those that it stands for.',
      source: 'Nichol and Dhariwal, section 4',
      href: arxiv('2102.09672'),
    },
    lateSteps: {
      math: all(of('n', 's'), '=', 'N', '+', '(', 'n', '−', 'N', ')', m('mfrac', 's', all('S', '−', '1'))),
      sentence: 'The number of denoising steps falls evenly from N at the first of the S steps to n at the last.',
      source: 'DiSA, the linear schedule',
      href: arxiv('2505.20297'),
    },
  },
  'random-sets': {
    steps: sizes,
    restSteps: {
      math: all(
        'i',
        '+',
        'j',
        '≡',
        '1',
        createElement('mtext', null, '\u00a0(mod\u00a0'),
        '2',
        createElement('mtext', null, ')'),
      ),
      sentence:
        'The last steps, as many as this says, draw the cells in row i and column j of which this holds; those before, all others.',
      source: 'GtR',
      href: arxiv('2510.17171'),
    },
  },
  confidence: {
    steps: sizes,
    choiceTemperature: {
      math: all('log', of('p', 'i'), '+', 'T', '(', '1', '−', m('mfrac', all('s', '+', '1'), 'S'), ')', of('γ', 'i')),
      sentence:
        'The tokens of which this is largest stay: p is how sure the model is, γ Gumbel noise, which falls over the S steps.',
      source: 'MaskGIT, section 3.2',
      href: MASKGIT,
    },
  },
};

/** Of the loop itself, whatever the parts of a model are. */
const loop: Readonly<Record<string, Formula>> = {
  guidanceFrom: {
    math: all(of('w', 's'), '=', '1', createElement('mtext', null, '\u00a0for\u00a0'), 's', '<', 'f', 'S'),
    sentence: 'In the first part f of the S steps the weight of guidance is 1, which is none.',
    source: 'Kynkäänniemi et al.',
    href: arxiv('2404.07724'),
  },
  guidanceUntil: {
    math: all(of('w', 's'), '=', '1', createElement('mtext', null, '\u00a0for\u00a0'), 's', '≥', 'u', 'S'),
    sentence: 'After the first part u of the S steps the weight of guidance is 1, which is none.',
    source: 'Kynkäänniemi et al.',
    href: arxiv('2404.07724'),
  },
};

/** The formula of a setting of a model; null where the page knows none. */
export function formulaOf(name: string, { parts, defaults }: Pick<Model, 'parts' | 'defaults'>): Formula | null {
  if (name === 'guidance') return guidance[defaults.guidanceKind];
  const known = [options[parts.head], options[parts.order], loop].find((one) => one && Object.hasOwn(one, name));
  return known?.[name] ?? null;
}
