import { isTesseraError, type TesseraError } from '@tessera/errors';
import type { ApiBuilder, ApiSchemaTypes } from './builder.ts';
import { errorCodes, fieldsToBlame, type ErrorCode } from './error-codes.ts';

/*
 * Errors as data. Every field that may refuse something returns a union of what it gives and of the errors below, which share
 * the interface Error. Which type an error has is a matter of its code: everything below throws TesseraError alone.
 */

/** The types of errors, with the codes of each; a code that is not here makes a RequestError. */
const typesOfErrors = {
  NotFound: {
    description: 'There is no such thing, or it belongs to somebody else.',
    codes: ['unknown-generation', 'unknown-model', 'unknown-picture'],
  },
  QueueFull: { description: 'Too many generations wait, of all clients or of this one.', codes: ['queue-full'] },
  QuotaExceeded: {
    description: 'This client has used what it may use for now.',
    codes: ['quota-exceeded'],
  },
  IdempotencyConflict: {
    description: 'The idempotency key came before, with another input.',
    codes: ['idempotency-conflict'],
  },
  Unavailable: {
    description: 'The server cannot answer now, through no fault of the request. The change may have been made or not.',
    codes: ['storage-failed'],
  },
} as const satisfies Record<string, { readonly description: string; readonly codes: readonly ErrorCode[] }>;

export type ErrorType = keyof typeof typesOfErrors | 'RequestError';

/** Seconds until a disk or a database is usually looked after. */
const USUAL_REST_S = 10;

/** Those that say when to try again. */
const passing: readonly string[] = ['QueueFull', 'QuotaExceeded', 'Unavailable'] satisfies ErrorType[];

/** An error as data: what GraphQL gets as an Error, it takes for thrown. */
class Refusal {
  readonly code: string;
  readonly message: string;
  readonly field: readonly string[] | null;
  readonly retryAfter: number;

  constructor({ code, message, parts }: TesseraError) {
    this.code = code;
    this.message = message;
    // Errors of another copy of the package have no parts; those of a model's options know only their place in these.
    const isWhole = parts?.field?.[0] === 'input';
    this.field = (isWhole ? null : fieldsToBlame[code as ErrorCode]) ?? parts?.field ?? null;
    this.retryAfter = Math.ceil(parts?.retryAfter ?? USUAL_REST_S);
  }
}

function typeOf({ code }: Refusal): ErrorType {
  for (const [name, { codes }] of Object.entries(typesOfErrors)) {
    if ((codes as readonly string[]).includes(code)) return name as ErrorType;
  }
  return 'RequestError';
}

export type ErrorRefs = ReturnType<typeof addErrorTypes>;

/** The interface, its types, and the enum of the codes. */
export function addErrors(builder: ApiBuilder): { readonly reason: ErrorCodeRef; readonly errors: ErrorRefs } {
  const reason = addErrorCodes(builder);
  return { reason, errors: addErrorTypes(builder, reason) };
}

function addErrorTypes(builder: ApiBuilder, reason: ErrorCodeRef) {
  const error = builder.interfaceRef<Refusal>('Error').implement({
    description: 'Why something was refused.',
    resolveType: typeOf,
    fields: (t) => ({
      code: t.exposeString('code', { description: codeText }),
      reason: t.field({ type: reason, nullable: true, description: reasonText, resolve: reasonOf }),
      message: t.exposeString('message', { description: messageText }),
      field: t.stringList({
        nullable: true,
        complexity: 4,
        description: 'The argument to blame, with the path inside of it: input, edit, image. Null where it is none.',
        resolve: ({ code, field }, _args, _context, { operation }) => {
          if (code !== 'unknown-generation') return field;
          return operation.operation === 'mutation' ? ['input', 'id'] : ['id'];
        },
      }),
    }),
  });
  const add = (name: ErrorType, description: string) =>
    builder.objectRef<Refusal>(name).implement({
      description,
      interfaces: [error],
      fields: (t) =>
        passing.includes(name)
          ? { retryAfter: t.exposeInt('retryAfter', { description: 'Seconds after which to try again.' }) }
          : {},
    });
  return {
    RequestError: add('RequestError', 'The request cannot be run as it is.'),
    NotFound: add('NotFound', typesOfErrors.NotFound.description),
    QueueFull: add('QueueFull', typesOfErrors.QueueFull.description),
    QuotaExceeded: add('QuotaExceeded', typesOfErrors.QuotaExceeded.description),
    IdempotencyConflict: add('IdempotencyConflict', typesOfErrors.IdempotencyConflict.description),
    Unavailable: add('Unavailable', typesOfErrors.Unavailable.description),
  } satisfies Record<ErrorType, unknown>;
}

type ObjectRefOf<T> = PothosSchemaTypes.ObjectRef<PothosSchemaTypes.ExtendDefaultTypes<ApiSchemaTypes>, T>;

/** The union of what a field gives and the errors that it may have. */
export function addResult<T extends object>(
  builder: ApiBuilder,
  name: string,
  { of, errors }: { readonly of: ObjectRefOf<T>; readonly errors: readonly ErrorRefs[ErrorType][] },
) {
  return builder.unionType(`${name}Result`, {
    description: 'What was asked for, or why it was refused.',
    types: [of as ObjectRefOf<object>, ...errors],
    resolveType: (value) => (value instanceof Refusal ? typeOf(value) : of.name),
  });
}

/** Makes what a resolver throws as a TesseraError its answer. */
export async function asData<T>(answer: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await answer();
  } catch (error) {
    if (isTesseraError(error)) return new Refusal(error);
    throw error;
  }
}

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
