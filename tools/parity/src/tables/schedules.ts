import { keepMask } from '@tessera/autoencoder';
import { dropPathRates } from '@tessera/backbones';
import { patchNumsOf } from '@tessera/models';
import { phiIndex } from '@tessera/tokenizer-vq';
import { learningRate, progressiveStage, weightDecay } from '@tessera/training';
import { leftOver, same, type Verdict } from '../comparison.ts';
import { exact, table, type Tolerance } from '../tolerance.ts';

/** Tables of the official schedules, by section; a file may hold some of them. */
interface Schedules {
  readonly lr_wd?: readonly RateTable[];
  readonly phi_index?: readonly { readonly K: number; readonly SN: number; readonly index: readonly number[] }[];
  readonly dpr?: Readonly<Record<string, readonly number[]>>;
  readonly prog_si?: readonly StageTable[];
  readonly patch_nums?: Readonly<Record<string, readonly number[]>>;
  readonly edit_mask?: readonly MaskTable[];
}

interface RateTable {
  readonly sche: string;
  readonly peak: number;
  readonly wd: number;
  readonly wd_end: number;
  readonly wp_it: number;
  readonly max_it: number;
  readonly wp0: number;
  readonly wpe: number;
  readonly rows: readonly { readonly it: number; readonly lr: number; readonly wd: number }[];
}

interface StageTable {
  readonly pg: number;
  readonly pg0: number;
  readonly wp_it: number;
  readonly max_it: number;
  readonly n_scales: number;
  readonly rows_git_progsi: readonly (readonly [number, number])[];
}

interface MaskTable {
  readonly patch_nums: readonly number[];
  readonly mask: readonly number[];
  readonly keep_per_scale: readonly (readonly number[])[];
}

/** torch.linspace in float32. */
const float32: Tolerance = { absolute: 1e-7, relative: 1e-6 };

export function isSchedules(content: object): content is Schedules {
  return 'lr_wd' in content || 'phi_index' in content || 'prog_si' in content || 'edit_mask' in content;
}

export function checkSchedules(content: Schedules): Verdict[] {
  const { lr_wd = [], phi_index = [], dpr = {}, prog_si = [], patch_nums = {}, edit_mask = [] } = content;
  return [
    ...lr_wd.flatMap((rates, i) => checkRates(rates, `lr_wd.${i}`)),
    ...phi_index.map(({ K, SN, index }, i) => {
      const found = index.map((_, scale) => phiIndex(scale, SN, K));
      return same(`phi_index.${i}`, { expected: index, found, tolerance: exact });
    }),
    ...Object.entries(dpr).map(([depth, rates]) => {
      const found = dropPathRates({ depth: Number(depth), dropPath: (0.1 * Number(depth)) / 24 });
      return same(`dpr.${depth}`, { expected: rates, found, tolerance: float32 });
    }),
    ...prog_si.map(checkStages),
    ...Object.entries(patch_nums).map(([size, sides]) => {
      const found = patchNumsOf[Number(size) as keyof typeof patchNumsOf] ?? [];
      return same(`patch_nums.${size}`, { expected: sides, found, tolerance: exact });
    }),
    ...edit_mask.map(checkMask),
    ...leftOver(content, KNOWN),
  ];
}

function checkRates(rates: RateTable, name: string): Verdict[] {
  const { sche: shape, peak, wd: start, wd_end, wp_it: warmup, max_it: steps, wp0, wpe, rows } = rates;
  const plan = { shape, peak, warmup, steps, startFactor: wp0, endFactor: wpe };
  const decay = { start, end: wd_end, steps };
  const rate = rows.map(({ it }) => learningRate(it, plan));
  const decays = rows.map(({ it }) => weightDecay(it, decay));
  return [
    same(`${name}.lr (${shape})`, { expected: rows.map(({ lr }) => lr), found: rate, tolerance: table }),
    same(`${name}.wd (${shape})`, { expected: rows.map(({ wd }) => wd), found: decays, tolerance: table }),
  ];
}

function checkStages({ pg, pg0, wp_it, max_it, n_scales, rows_git_progsi }: StageTable, i: number): Verdict {
  const plan = { until: pg, first: pg0, warmup: wp_it, steps: max_it, scales: n_scales };
  const found = rows_git_progsi.map(([it]) => progressiveStage(it, plan));
  return same(`prog_si.${i}`, { expected: rows_git_progsi.map(([, stage]) => stage), found, tolerance: exact });
}

function checkMask({ patch_nums, mask, keep_per_scale }: MaskTable, i: number): Verdict {
  let length = 0;
  const scales = patch_nums.map((side) => {
    const start = length;
    length += side * side;
    return { start, height: side, width: side };
  });
  const found = [...keepMask({ length, scales }, Uint8Array.from(mask.flat()), 'parity')];
  return same(`edit_mask.${i}`, { expected: keep_per_scale.flat(2), found, tolerance: exact });
}

const KNOWN = ['lr_wd', 'phi_index', 'dpr', 'prog_si', 'patch_nums', 'edit_mask'];
