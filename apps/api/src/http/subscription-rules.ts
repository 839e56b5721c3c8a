import { GraphQLError, Kind, type SelectionSetNode, type ValidationContext, type ValidationRule } from 'graphql';
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

/**
 * Validation rule: the root field of a subscription is there or not, whatever the variables are, as the GraphQL
 * specification has it since September 2025. graphql-js 16 lacks the rule: its own one throws where a condition has no
 * value yet, and its `subscribe` where a condition leaves no field.
 */
export const unconditionalSubscriptions: ValidationRule = (context) => ({
  OperationDefinition({ operation, selectionSet }) {
    if (operation !== 'subscription') return;
    for (const node of conditionsOf(selectionSet, context, new Set())) {
      const words = `The root field of a subscription takes no @${node.name.value}`;
      context.reportError(new GraphQLError(words, { nodes: node }));
    }
  },
});

function* conditionsOf(
  { selections }: SelectionSetNode,
  context: ValidationContext,
  seen: Set<string>,
): Generator<NonNullable<SelectionSetNode['selections'][number]['directives']>[number]> {
  for (const node of selections) {
    for (const directive of node.directives ?? []) {
      if (['skip', 'include'].includes(directive.name.value)) yield directive;
    }
    if (node.kind === Kind.INLINE_FRAGMENT) yield* conditionsOf(node.selectionSet, context, seen);
    if (node.kind !== Kind.FRAGMENT_SPREAD || seen.has(node.name.value)) continue;
    seen.add(node.name.value);
    const fragment = context.getFragment(node.name.value);
    if (fragment) yield* conditionsOf(fragment.selectionSet, context, seen);
  }
}
