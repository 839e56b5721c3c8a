import type { Backbone, Head, Tokenizer } from '@tessera/core';

/** Parts whose backbone and head are to be trained, on encodings of a frozen tokenizer. */
export interface LessonParts {
  readonly tokenizer: Tokenizer;
  readonly backbone: Backbone;
  readonly head: Head;
}
