import type { PickleValue } from '../pickle/value.ts';
import type { Storage } from './tensor-view.ts';

/** A PyTorch file, of either form: what was saved, and where its storages lie. */
export interface TorchFile {
  readonly root: PickleValue;
  /** Names of classes and functions that were met and are not on the allow-list. */
  readonly met: ReadonlySet<string>;
  /** Byte offset of the storage's first element. @throws tensor-storage-missing, tensor-storage-short */
  locate(storage: Storage): number;
  readonly bigEndian: boolean;
}
