import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { meters } from '@tessera/telemetry';

/** Plug-in of Apollo: times queries and mutations over HTTP. */
export const measureOperations: ApolloServerPlugin<BaseContext> = {
  requestDidStart() {
    const end = meters.operations.startTimer();
    return Promise.resolve({
      willSendResponse({ operation, response: { body } }) {
        const failed = body.kind === 'single' && body.singleResult.errors !== undefined;
        end({ kind: operation?.operation ?? 'none', result: failed ? 'errors' : 'ok' });
        return Promise.resolve();
      },
    });
  },
};
