import { TesseraError } from '@tessera/errors';
import type { ApiBuilder } from './builder.ts';

/** Errors as data, and the enum of their codes. */
export function addErrors(builder: ApiBuilder): ErrorCodeRef {
  const reason = addErrorCodes(builder);
  const error = builder.interfaceRef<TesseraError>('Error').implement({
    description: 'Why something was refused.',
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
    }),
  });
  builder.objectType(TesseraError, {
    name: 'RequestError',
    description: 'The request cannot be run as it is.',
    interfaces: [error],
  });
  return reason;
}

/**
 * The codes that requests meet, and what each means. Plug-ins and faults inside a model have further codes: so
 * `code` stays text, and the enum stands beside it.
 */
export const errorCodes = {
  'after-out-of-range': 'No event with this seq exists yet.',
  'ambiguous-label': 'A word names several classes.',
  'answer-too-large': 'The answer could hold more values than one answer may.',
  'count-out-of-range': 'More images or items than one request may ask for, or too few.',
  'edit-box-invalid': 'A box or place is not a rectangle inside the picture.',
  'edit-image-size': 'The picture has another shape than the model makes.',
  'edit-image-values': 'The picture holds values outside of its range.',
  'edit-mask-shape': 'The mask has neither the shape of the picture nor that of the model.',
  'edit-mask-size': 'The mask has another shape than the model makes.',
  'edit-outside-alone': 'outside was sent without a box.',
  'edit-region-twice': 'More than one of mask, box and place was sent.',
  'edit-repaints-nothing': 'Nothing of the picture would be redrawn.',
  'events-gone': 'Events of this generation are no longer kept.',
  'field-invalid': 'An option has a value that the model does not take.',
  'field-unknown': 'A field inside of an option is not known.',
  'generation-deleted': 'The generation was deleted while it was followed.',
  'guidance-out-of-range': 'The guidance is not from 0 to 100.',
  'guidance-unsupported': 'The model takes no guidance.',
  'host-disposed': 'The server ended before the generation began.',
  'images-empty': 'No image was asked for.',
  'images-invalid': 'No images, or more than one generation may have.',
  interrupted: 'The server ended while the generation was running.',
  'label-out-of-range': 'A label is no class of the model.',
  'model-error': 'The model failed in an unexpected way.',
  'model-process-died': 'The process of the models ended while the generation was running.',
  'operation-too-deep': 'Fields are nested too deep.',
  'operation-too-wide': 'An operation has too many root fields or aliases.',
  'option-twice': 'An option was sent twice, once as a field of its own.',
  'option-unknown': 'The model has no such option.',
  'part-deaf': 'A part of the model did not answer a cancel, and its process was ended.',
  'part-hangs': 'A part of the model came to no end of a step for too long, and its process was ended.',
  'picture-animated': 'The picture has several frames.',
  'picture-broken': 'The picture cannot be decoded.',
  'picture-depth': 'The picture has neither 8 nor 16 bits a value.',
  'picture-format': 'The file is no picture of a known format.',
  'picture-missing': 'A stored picture is no longer in the data directory.',
  'picture-too-large': 'The picture has too many pixels.',
  'queue-full': 'Too many generations wait; ask again later.',
  'seed-out-of-range': 'The seed, or that of a later image, is not from 0 to 2^53 - 1.',
  'storage-failed': 'The data directory has no room, or could not be written.',
  'stream-interrupted': 'The server cannot go on with a stream: connect again with the last seq.',
  'too-many-operations': 'Too many operations run on this socket.',
  'too-many-sockets': 'This address, or all addresses together, have too many open sockets.',
  'unknown-generation': 'No generation has this id.',
  'unknown-label': 'A word names no class of the model.',
  'unknown-model': 'No model has this name.',
  'unknown-picture': 'No upload and no finished image has this id.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof errorCodes;
export type ErrorCodeRef = ReturnType<typeof addErrorCodes>;

function addErrorCodes(builder: ApiBuilder) {
  const values = Object.entries(errorCodes).map(([value, description]) => {
    return [value.toUpperCase().replaceAll('-', '_'), { value: value as ErrorCode, description }];
  });
  return builder.enumType('ErrorCode', {
    description:
      'The codes that requests meet, in the letters of an enum: label-out-of-range is LABEL_OUT_OF_RANGE. More may come.',
    values: Object.fromEntries(values) as Record<string, { value: ErrorCode; description: string }>,
  });
}

/** Null for a code that is not in the enum. */
export function reasonOf({ code }: { readonly code: string }): ErrorCode | null {
  return code in errorCodes ? (code as ErrorCode) : null;
}

export const codeText = 'Stable, kebab-case: label-out-of-range. Plug-ins have codes of their own.';
export const reasonText = 'The code as an enum; null where the enum does not have it.';
export const messageText = 'One sentence: which part, what it got, what it expected, what to do.';
