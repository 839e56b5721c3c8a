import type { TargetName } from '@tessera/targets';
import type { HostEvent, HostRequest, ModelDescription } from './events.ts';

/** What the child needs to begin; sent as its first message. */
export interface ChildSetup {
  readonly folders: readonly string[];
  /** The project's configuration, which lists its plug-ins; null where there is none. */
  readonly config: string | null;
  readonly target?: TargetName;
  readonly threads?: number;
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
}

/** Server to child. Every message goes through structured clone, so bytes arrive as bytes. */
export type ToChild =
  | { readonly type: 'setup'; readonly setup: ChildSetup }
  | { readonly type: 'generate'; readonly id: number; readonly folder: string; readonly request: HostRequest }
  | { readonly type: 'cancel'; readonly id: number };

/** Child to server. */
export type FromChild =
  /** While it starts: one more model folder has been looked at. */
  | { readonly type: 'opened' }
  | {
      readonly type: 'ready';
      readonly target: string;
      readonly why: string;
      readonly models: readonly OpenedModel[];
    }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'event'; readonly id: number; readonly event: HostEvent };

/** A model folder, looked at once at the start: what it is, or why it cannot be used. */
export type OpenedModel =
  | { readonly folder: string; readonly description: ModelDescription }
  | { readonly folder: string; readonly code: string; readonly message: string };
