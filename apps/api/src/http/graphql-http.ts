import type { IncomingHttpHeaders } from 'node:http';
import { HeaderMap, type ApolloServerPlugin } from '@apollo/server';
import type { RequestHandler } from 'express';
import type { GraphQLError } from 'graphql';
import { TesseraError } from '@tessera/errors';
import type { ApiContext } from '../schema/builder.ts';
import { checkOperation } from '../operations/check-operation.ts';
import { toClient } from '../operations/client-errors.ts';
import { asErrors } from '../guard/refusal.ts';

/** Browsers let no page send these elsewhere before that server has allowed it. */
const preflighted = ['apollo-require-preflight', 'x-apollo-operation-name'];
const answers = ['application/json', 'application/graphql-response+json', 'text/event-stream'];

/**
 * GraphQL takes what pages of other servers cannot send unasked. A POST is JSON, which browsers ask for leave to send. A
 * GET, which only ever reads, shows that it comes from a program or from a page that the gate has looked at: images,
 * scripts and links of other pages send none of what is asked for here.
 */
export const takeGraphQL: RequestHandler = ({ method, headers }, response, next) => {
  if (method !== 'GET' && method !== 'POST') {
    response.set('Allow', 'GET, POST');
    return refuse(405, `a ${method}`);
  }
  const { type, charset } = contentType(headers);
  if (type === 'application/json' && charset !== 'utf-8') {
    return refuse(415, `a body in the charset ${charset.slice(0, 100)}`, 'JSON in UTF-8', 'Send it in UTF-8.');
  }
  if (method === 'GET' && !type) {
    if (isAskedFor(headers)) return next();
    const hint = 'Name application/json in the header Accept, or send {"query": "..."} as a POST.';
    return refuse(415, 'a GET that a page elsewhere may have sent', 'a GET of a program or of its own page', hint);
  }
  if (type === 'application/json') return next();
  refuse(415, `a ${method} ${type ? `of content-type ${type.slice(0, 100)}` : 'without a content-type'}`);

  function refuse(
    status: number,
    got: string,
    expected = 'a POST of JSON with a query',
    hint = 'Send {"query": "..."} with content-type application/json.',
  ): void {
    const error = new TesseraError({ code: 'BAD_REQUEST', who: 'api', got, expected, next: hint });
    response.status(status).json(asErrors(error));
  }
};

function contentType(headers: IncomingHttpHeaders): { readonly type: string | undefined; readonly charset: string } {
  const [type, ...parameters] = (headers['content-type'] ?? '').split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters.find((one) => one.startsWith('charset='))?.slice('charset='.length);
  return { type: type || undefined, charset: charset?.replace(/^"(.*)"$/, '$1') ?? 'utf-8' };
}

function isAskedFor(headers: IncomingHttpHeaders): boolean {
  const { origin, accept = '' } = headers;
  // The gate has refused foreign ones. Browsers send it with what one page asks of another server by script.
  if (origin || preflighted.some((name) => headers[name])) return true;
  const site = headers['sec-fetch-site'];
  if (site) return site === 'same-origin' || (site === 'none' && namesAnswer(accept));
  // `fetch` of programs: browsers send both headers, or neither where the connection is not safe.
  return headers['sec-fetch-mode'] === 'cors' || namesAnswer(accept);
}

function namesAnswer(accept: string): boolean {
  return accept.split(',').some((one) => answers.includes(one.split(';')[0]!.trim().toLowerCase()));
}

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
