import { GraphQLError, Kind, type SelectionSetNode, type ValidationContext, type ValidationRule } from 'graphql';
import { TesseraError } from '@tessera/errors';

/*
 * Validation rules that GraphQL itself does not have, for both transports: how much an operation may hold, and what a
 * subscription may be. Neither graphql-armor nor the plug-in of Pothos does this: see ADR 39.
 */

/** What one operation may hold, counted through its fragments. */
const MOST_ROOT_FIELDS = 20;
/** Without an alias the same field is resolved once, however often it stands there. */
const MOST_ALIASES = 20;
/** How deep fields may be nested; introspection counts as one, since GraphQL's own rules bound it. */
const MOST_DEPTH = 10;

interface Size {
  /** Fields of the selection itself. */
  readonly fields: number;
  /** Aliases here and below. */
  readonly aliases: number;
  readonly depth: number;
}

const empty: Size = { fields: 0, aliases: 0, depth: 0 };

/** Validation rule: refuses operations that would keep the server busy for long. */
export const operationLimits: ValidationRule = (context) => ({
  OperationDefinition(node) {
    const { fields, aliases, depth } = sizes(context)(node.selectionSet);
    const refuse = (parts: { code: string; got: string; expected: string; next: string }) => {
      const originalError = new TesseraError({ who: 'api', ...parts });
      context.reportError(new GraphQLError(originalError.message, { nodes: node, originalError }));
    };
    if (fields > MOST_ROOT_FIELDS || aliases > MOST_ALIASES) {
      refuse({
        code: 'operation-too-wide',
        got: `an operation with ${fields} root fields and ${aliases} aliases`,
        expected: `at most ${MOST_ROOT_FIELDS} root fields and ${MOST_ALIASES} aliases`,
        next: 'Send several smaller operations.',
      });
    }
    if (depth > MOST_DEPTH) {
      refuse({
        code: 'operation-too-deep',
        got: `an operation with fields nested ${depth} deep`,
        expected: `at most ${MOST_DEPTH}`,
        next: 'Ask for less at once.',
      });
    }
  },
});

/** Measures selections; each fragment once, however often it is spread. */
function sizes(context: ValidationContext): (selection: SelectionSetNode) => Size {
  const known = new Map<string, Size>();
  const ofFragment = (name: string): Size => {
    const found = known.get(name);
    if (found) return found;
    // Holds while the fragment is measured: another rule refuses one that contains itself.
    known.set(name, empty);
    const fragment = context.getFragment(name);
    const size = fragment ? ofSelection(fragment.selectionSet) : empty;
    known.set(name, size);
    return size;
  };
  const ofSelection = ({ selections }: SelectionSetNode): Size =>
    selections.map(ofOne).reduce(
      (sum, one) => ({
        fields: sum.fields + one.fields,
        aliases: sum.aliases + one.aliases,
        depth: Math.max(sum.depth, one.depth),
      }),
      empty,
    );
  const ofOne = (node: SelectionSetNode['selections'][number]): Size => {
    if (node.kind === Kind.FRAGMENT_SPREAD) return ofFragment(node.name.value);
    if (node.kind === Kind.INLINE_FRAGMENT) return ofSelection(node.selectionSet);
    const below = node.selectionSet ? ofSelection(node.selectionSet) : empty;
    const depth = node.name.value.startsWith('__') ? 1 : below.depth + 1;
    return { fields: 1, aliases: below.aliases + (node.alias ? 1 : 0), depth };
  };
  return ofSelection;
}

/** Validation rule of HTTP, where nothing can be sent later: Apollo would answer a subscription with null. */
export const noSubscriptions: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (node.operation !== 'subscription') return;
    const originalError = new TesseraError({
      code: 'subscription-over-http',
      who: 'api',
      got: 'a subscription over HTTP',
      expected: 'one over WebSocket, or as an event stream',
      next: 'Open a socket of the protocol graphql-transport-ws at /graphql, or send it with Accept: text/event-stream.',
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
