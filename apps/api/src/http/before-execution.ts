import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import type { GraphQLError } from 'graphql';
import type { ApiContext } from '../schema/builder.ts';
import { checkOperation } from './check-operation.ts';
import { toClient } from './clear-errors.ts';

/**
 * Plug-in of Apollo: refuses operations as the WebSocket transport does. Apollo's own validation, which is switched off,
 * answers a rule that throws with status 500 and knows no variables.
 */
export const beforeExecution: ApolloServerPlugin<ApiContext> = {
  requestDidStart() {
    let errors: readonly GraphQLError[] = [];
    return Promise.resolve({
      didResolveOperation({ schema, document, request, contextValue, metrics }) {
        const { operationName, variables } = request;
        const context = contextValue;
        errors = checkOperation({ schema, document, operationName, variables, context, transport: 'http' });
        // What is refused is not kept for those who send its hash.
        if (errors.length > 0) metrics.persistedQueryRegister = false;
        return Promise.resolve();
      },
      responseForOperation() {
        if (errors.length === 0) return Promise.resolve(null);
        const singleResult = { errors: errors.map((error) => toClient(error.toJSON(), error)) };
        return Promise.resolve({
          body: { kind: 'single', singleResult },
          http: { status: 400, headers: new HeaderMap() },
        });
      },
      willSendResponse({ source, request, response: { http, body } }) {
        // Legacy clients read the body of status 200 alone: what `application/json` promises, and a well-formed request gets.
        const unexecuted = body.kind === 'single' && body.singleResult.data === undefined;
        const wellFormed = source !== undefined && unexecuted && http.status === 400;
        if (wellFormed && asksForJson(request.http?.headers.get('accept'))) http.status = 200;
        return Promise.resolve();
      },
    });
  },
};

/** By name, as its first choice of the two types that there are. */
function asksForJson(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((one) => one.split(';')[0]!.trim().toLowerCase());
  return types.includes('application/json') && !types.includes('application/graphql-response+json');
}
