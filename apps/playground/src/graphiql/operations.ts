/** An operation that people can run as it stands, or after they have put an id in. */
interface Operation {
  readonly query: string;
  /** As JSON. */
  readonly variables: string;
}

const variables = (values: object) => JSON.stringify(values, null, 2);

const models = `# The models of this server, and what each of them takes.
query Models {
  models {
    name
    title
    parameters
    classes {
      label
      name
    }
    image {
      width
      height
    }
    options
  }
}
`;

const create = `# Makes two images. The next tab follows them.
mutation Create($input: CreateGenerationInput!) {
  createGeneration(input: $input) {
    __typename
    ... on CreateGenerationPayload {
      generation {
        id
        state
        position
      }
    }
    ... on Error {
      code
      message
      field
    }
  }
}
`;

/** In place of an id: this page puts that of the newest generation there. */
export const NEWEST = 'newest';

const events = `# Every step of a generation, while it is made or later. After an interruption, go on with after: the last seq.
# In place of "newest", which is the newest generation, an id may stand.
subscription Events($id: ID!, $after: Int! = 0) {
  generationEvents(id: $id, after: $after) {
    __typename
    seq
    ... on StepEvent {
      index
      of
      positions
      previews {
        url
      }
      details {
        codes
        entropies
      }
    }
    ... on CompletedEvent {
      images {
        url
      }
    }
    ... on FailedEvent {
      code
      message
    }
  }
}
`;

const generations = `# What was made before, newest first.
query Generations($first: Int!) {
  generations(first: $first) {
    nodes {
      id
      modelName
      state
      createdAt
      images {
        seed
        picture {
          url
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

/** From the models to the pictures, in the order in which one tries them. */
export const operations: readonly Operation[] = [
  { query: models, variables: variables({}) },
  {
    query: create,
    variables: variables({
      input: { model: 'digits-var', images: [{ condition: { label: 7 }, count: 2 }], seed: 1, details: true },
    }),
  },
  { query: events, variables: variables({ id: NEWEST, after: 0 }) },
  { query: generations, variables: variables({ first: 10 }) },
];
