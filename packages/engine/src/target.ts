import { TesseraError } from '@tessera/errors';
import type { TargetName } from './engine.ts';

export const TARGETS: readonly TargetName[] = ['onnx', 'tensorflow', 'eager', 'tensorflow-eager'];

export interface TargetChoice {
  readonly target: TargetName;
  /** One line for health pages. */
  readonly why: string;
}

/**
 * Chooses where programs run: what is asked for, else what the environment variable TESSERA_TARGET says, else `onnx`.
 * @throws TesseraError `target-unknown`
 */
export function selectTarget(asked?: string, environment: NodeJS.ProcessEnv = process.env): TargetChoice {
  if (asked !== undefined) return { target: check(asked, 'createEngine'), why: `${asked}: asked for` };
  const variable = environment['TESSERA_TARGET'];
  if (variable) return { target: check(variable, 'TESSERA_TARGET'), why: `${variable}: TESSERA_TARGET says so` };
  return { target: 'onnx', why: 'onnx: the default, ONNX Runtime from npm' };
}

function check(name: string, who: string): TargetName {
  const target = TARGETS.find((known) => known === name);
  if (target) return target;
  throw new TesseraError({
    code: 'target-unknown',
    who,
    got: `the target '${name}'`,
    expected: TARGETS.map((known) => `'${known}'`).join(' or '),
  });
}
