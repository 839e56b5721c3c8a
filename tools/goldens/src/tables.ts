import { readFileSync } from 'node:fs';

/** Tables of the official training code and editing masks; field names are its own. */
export interface VarSchedules {
  /** Learning rate and weight decay by iteration. */
  readonly lr_wd: readonly {
    readonly sche: string;
    readonly peak: number;
    readonly wd: number;
    readonly wd_end: number;
    readonly wp_it: number;
    readonly max_it: number;
    readonly wp0: number;
    readonly wpe: number;
    readonly rows: readonly { readonly it: number; readonly lr: number; readonly wd: number }[];
  }[];
  /** Which of K phis each of SN scales uses. */
  readonly phi_index: readonly { readonly K: number; readonly SN: number; readonly index: readonly number[] }[];
  /** Stage of progressive training, as pairs of iteration and last scale. */
  readonly prog_si: readonly {
    readonly pg: number;
    readonly pg0: number;
    readonly wp_it: number;
    readonly max_it: number;
    readonly n_scales: number;
    readonly rows_git_progsi: readonly (readonly [number, number])[];
  }[];
  /** A mask of the last scale (1 = keep), and what it keeps of every scale. */
  readonly edit_mask: readonly {
    readonly patch_nums: readonly number[];
    readonly mask: readonly number[];
    readonly keep_per_scale: readonly (readonly number[])[];
  }[];
}

/** What one official model's state dict holds. */
export interface ModelInventory {
  /** Learned numbers; buffers are not counted. */
  readonly n_params: number;
  /** dtype and shape by official name, buffers included. */
  readonly entries: Readonly<Record<string, readonly [dtype: string, shape: readonly number[]]>>;
}

export function varSchedules(): VarSchedules {
  return read('var_schedules.json') as VarSchedules;
}

/** By model: `var_d16` to `var_d36`, and the tokenizer `vae_ch160v4096z32`. */
export function varInventory(): Readonly<Record<string, ModelInventory>> {
  return read('inventory_var.json') as Readonly<Record<string, ModelInventory>>;
}

/** By model: `mar_base`, `mar_large`, `mar_huge`, and the tokenizer `kl16`. */
export function marInventory(): Readonly<Record<string, ModelInventory>> {
  return read('inventory_mar.json') as Readonly<Record<string, ModelInventory>>;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../cases/${name}`, import.meta.url), 'utf8'));
}
