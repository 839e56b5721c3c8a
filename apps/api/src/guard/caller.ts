import type { Owner } from '@tessera/store';
import type { ApiKey } from './api-keys.ts';

/** Who asks: known before anything of a request runs. */
export interface Caller {
  /** Whose everything is that this request makes, and all that it may see. */
  readonly owner: Owner;
  /** null where keys are off. */
  readonly key: ApiKey | null;
  /** IP address. */
  readonly address: string;
  /** May see how the whole service is, of all tenants. */
  readonly admin: boolean;
}
