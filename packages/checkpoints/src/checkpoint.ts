import type { DType } from './dtype.ts';

/** A tensor of a file, not read yet. */
export interface TensorEntry {
  /** Dotted path of dict keys and list indices, then the key: `trainer.var_wo_ddp.blocks.0.attn.mat_qkv.weight`. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Where its bytes lie in the file, row-major and little-endian; null when they do not lie so. */
  readonly location: { readonly offset: number; readonly byteLength: number } | null;
}

export type CheckpointValue = string | number | bigint | boolean | null;

/** An object of a pickle that was left out, since its class is not on the allow-list. */
export interface LeftOut {
  /** Dotted path; `the whole file` for an object that holds all; empty for what the file makes and does not keep. */
  readonly name: string;
  /** Its class or function as the file names it: `pathlib.PosixPath`. */
  readonly what: string;
  /** True where a loader that runs it would run commands or code: `posix.system`. */
  readonly runsCode: boolean;
}

/** An open weight file of any supported format. Tensors are read one by one, by range. */
export interface Checkpoint {
  readonly path: string;
  readonly format: 'safetensors' | 'torch-zip' | 'torch-legacy';
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** What else the file says, by dotted path: epochs, settings, safetensors metadata. */
  readonly values: ReadonlyMap<string, CheckpointValue>;
  /** Always empty unless the file was opened with `unknown: 'skip'`. */
  readonly leftOut: readonly LeftOut[];
  /** Row-major, little-endian bytes of one tensor, in a buffer of their own. @throws tensor-unknown */
  read(name: string): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}
