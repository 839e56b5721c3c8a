import { TesseraError } from '@tessera/errors';
import type { ApiBuilder } from './builder.ts';
import { addErrorCodes, codeText, messageText, reasonOf, reasonText, type ErrorCodeRef } from './error-codes.ts';

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
    description: 'The request cannot be carried out as it is.',
    interfaces: [error],
  });
  return reason;
}
