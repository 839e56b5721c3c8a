import { GraphQLError, type ValidationRule } from 'graphql';
import { TesseraError } from '@tessera/errors';

/** Validation rule of HTTP, where nothing can be sent later: Apollo would answer a subscription with null. */
export const noSubscriptions: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (node.operation !== 'subscription') return;
    const originalError = new TesseraError({
      code: 'subscription-over-http',
      who: 'api',
      got: 'a subscription over HTTP',
      expected: 'it over WebSocket',
      next: 'Open a socket of the protocol graphql-transport-ws at /graphql.',
    });
    context.reportError(new GraphQLError(originalError.message, { nodes: node, originalError }));
  },
});
