/* Every operation that this client sends. Their types are in generated.ts, which a test keeps up to date. */

const picture = `fragment PictureParts on Picture { id url width height bytes }`;

const generation = `fragment GenerationParts on Generation {
  id modelName state seed guidance size { width height } layout { start height width } options priority deadline lastSeq attempt position millisecondsToStart
  images { seed condition { __typename ... on ClassCondition { label } ... on InputCondition { input } } picture { ...PictureParts } }
  edit { image { ...PictureParts } mask { ...PictureParts } inside { ...BoxParts } outside { ...BoxParts } place { ...BoxParts } }
  failure { code message } createdAt startedAt finishedAt
}
fragment BoxParts on Box { x0 y0 x1 y1 }
${picture}`;

/** Also of errors that a later server has: all of them are an Error. */
const refusal = `__typename ... on Error { code message field } ... on QueueFull { retryAfter } ... on QuotaExceeded { retryAfter }
    ... on Unavailable { retryAfter }`;

const shortRefusal = `__typename ... on Error { code message field } ... on Unavailable { retryAfter }`;

export const modelsDocument = `query Models {
  models {
    id name title description licence parameters classes { label name } image { height width channels } tokens vocabulary
    layout { start height width } sizes { least most step } options guidanceOff defaults { guidance guidanceKind preview }
    parts { tokenizer order backbone head } condition { classes schema } stride millisecondsPerImage samples
  }
}`;

export const generationDocument = `query Generation($id: ID!) {
  generation(id: $id) { ${shortRefusal} ...GenerationParts }
}
${generation}`;

export const generationsDocument = `query Generations($first: Int, $after: String, $last: Int, $before: String, $filter: GenerationFilter) {
  generations(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    nodes { ...GenerationParts } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
${generation}`;

export const createDocument = `mutation CreateGeneration($input: CreateGenerationInput!) {
  createGeneration(input: $input) { ${refusal} ... on CreateGenerationPayload { existed generation { ...GenerationParts } } }
}
${generation}`;

export const retryDocument = `mutation RetryGeneration($input: RetryGenerationInput!) {
  retryGeneration(input: $input) { ${refusal} ... on RetryGenerationPayload { existed generation { ...GenerationParts } } }
}
${generation}`;

export const cancelDocument = `mutation CancelGeneration($input: CancelGenerationInput!) {
  cancelGeneration(input: $input) { ${shortRefusal} ... on CancelGenerationPayload { generation { ...GenerationParts } } }
}
${generation}`;

export const deleteDocument = `mutation DeleteGeneration($input: DeleteGenerationInput!) {
  deleteGeneration(input: $input) { ${shortRefusal} ... on DeleteGenerationPayload { deletedId } }
}`;

export const pluginsDocument = `query Plugins {
  plugins { kind name models package version contract conformance { cases failed kit version } space stride config options }
  pluginProblems { code message }
}`;

export const serviceDocument = `query Service {
  service {
    ${shortRefusal}
    ... on Service {
      queue { model tenant waiting running workers oldestSeconds }
      workers { name status why target memoryBytes ageSeconds silentSeconds models { name loaded running millisecondsPerImage } }
      failures { code count model newestAt message }
    }
  }
}`;

/** Sizes of previews are left out: the server would have to look them up at each step, for each follower. */
export const eventsDocument = `subscription GenerationEvents($id: ID!, $after: Int!) {
  generationEvents(id: $id, after: $after) {
    __typename seq at
    ... on QueuedEvent { position }
    ... on WaitingEvent { position millisecondsToStart }
    ... on LoadingEvent { modelName }
    ... on RestartedEvent { attempt fromStep }
    ... on StepEvent { index of positions given previews { id url } sprite { id url } milliseconds
      details { codes logProbabilities entropies topCodes topProbabilities } }
    ... on CompletedEvent { images { ...PictureParts } timings { steps images total } }
    ... on FailedEvent { code message }
  }
}
${picture}`;
