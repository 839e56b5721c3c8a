import type { Checked, GenerationRequest } from '@tessera/request';
import type { TokenDetails } from '@tessera/store';

export interface BatchMember {
  readonly id: string;
  readonly request: Checked<GenerationRequest>;
  readonly written: readonly Uint8Array[];
}

export type MemberEvent =
  | { readonly type: 'loading'; readonly model: string }
  | { readonly type: 'started' }
  | { readonly type: 'restarted'; readonly fromStep: number }
  | {
      readonly type: 'step';
      readonly index: number;
      readonly of: number;
      readonly positions: readonly (readonly number[])[];
      readonly previews: readonly (Uint8Array | null)[] | null;
      readonly sprite: Uint8Array | null;
      readonly details: TokenDetails | null;
      readonly tokens: Uint8Array;
      readonly milliseconds: number;
    }
  | { readonly type: 'image'; readonly index: number; readonly png: Uint8Array; readonly milliseconds: number }
  | { readonly type: 'completed' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'canceled' };

export interface BatchRun {
  readonly events: AsyncIterable<{ readonly id: string; readonly event: MemberEvent }>;
  readonly ended: Promise<{
    readonly unfinished: readonly string[];
    readonly failure: { readonly code: string; readonly message: string } | null;
  }>;
  readonly room: number;
  join(members: readonly BatchMember[]): boolean;
  leave(id: string): void;
  stop(): void;
}

export interface BatchHost {
  readonly target: string;
  loaded(): readonly string[];
  models(): readonly { readonly name: string }[];
  check(request: GenerationRequest): Checked<GenerationRequest>;
  health(): { readonly status: string; readonly why: string | null };
  runBatch(members: readonly BatchMember[]): BatchRun;
}
