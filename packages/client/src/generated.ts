/* Made from apps/api/schema.graphql and documents.ts: see generated.test.ts. */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** A rectangle in fractions of the image, 0 to 1, from the upper left corner. */
export type BoxInput = {
  /** The left edge. */
  readonly x0: number;
  /** The right edge, beyond the left one. */
  readonly x1: number;
  /** The upper edge. */
  readonly y0: number;
  /** The lower edge, below the upper one. */
  readonly y1: number;
};

/** Which generation is ended. */
export type CancelGenerationInput = {
  /** Of the generation. */
  readonly id: string;
};

/** A class of a model. */
export type ClassFilter = {
  /** Number of its class; -1 is no class. */
  readonly label: number;
  /** Name of the model. */
  readonly model: string;
};

/** What an image is to show, said in one of these ways. */
export type ConditionInput =
  | {
      /** A class by a word, as on the command line: a name, a number, number:3 or name:3 where both fit, none. */
      readonly class: string;
      readonly input?: never;
      readonly label?: never;
    }
  | {
      readonly class?: never; /** For models whose condition is no class: what Model.condition describes, a text for example. */
      readonly input: Readonly<Record<string, unknown>>;
      readonly label?: never;
    }
  | {
      readonly class?: never;
      readonly input?: never; /** A class by its number; -1 is no class. */
      readonly label: number;
    };

/** What is left out takes the model's own default: one image, the class of each in turn, the seed 0. */
export type CreateGenerationInput = {
  /** It fails with deadline-passed if it has not begun by then. It may wait for ever where left out. */
  readonly deadline?: string | null | undefined;
  /** Whether each step tells code, log-probability, entropy and likeliest codes of its tokens. False where left out. */
  readonly details?: boolean | null | undefined;
  /** A picture of which a part is redrawn, in every image. They show no class where none is said. */
  readonly edit?: EditInput | null | undefined;
  /** How strongly the conditions pull, 0 to 100; see Model.guidanceOff. */
  readonly guidance?: number | null | undefined;
  /** A second request with the same key gets the first generation instead of another one: so that a request whose answer was lost can be sent again. 1 to 255 printable characters of ASCII. */
  readonly idempotencyKey?: string | null | undefined;
  /** 1 to 64 in all; one where left out. */
  readonly images?: ReadonlyArray<ImageInput> | null | undefined;
  /** Name of a model. */
  readonly model: string;
  /** What else the model lets one choose: see Model.options. */
  readonly options?: Readonly<Record<string, unknown>> | null | undefined;
  /** How each step is shown. The model's own way where left out. */
  readonly preview?: PreviewKind | null | undefined;
  /** -10 to 10: higher ones begin sooner. 0 where left out. */
  readonly priority?: number | null | undefined;
  /** Image i has seed + i unless it has its own, and can be made again alone. 0 where left out. */
  readonly seed?: number | null | undefined;
  /** Of the pictures, in pixels; left out, the model's own. See Model.sizes. */
  readonly size?: SizeInput | null | undefined;
  /** Whom to tell what becomes of it. */
  readonly webhook?: WebhookInput | null | undefined;
};

/** Which generation is deleted. */
export type DeleteGenerationInput = {
  /** Of the generation. */
  readonly id: string;
};

/** A picture of which a part is redrawn. Every kept pixel is in the images as it was given. */
export type EditInput = {
  /** The id of a picture: of an upload (POST /v1/uploads), or of a generation. */
  readonly image: string;
  /** What is transparent in the picture where left out. */
  readonly region?: EditRegionInput | null | undefined;
};

/** Which part of a picture is redrawn, said in one of these ways. */
export type EditRegionInput =
  | {
      /** What is in this rectangle. */
      readonly inside: BoxInput;
      readonly mask?: never;
      readonly outside?: never;
      readonly place?: never;
    }
  | {
      readonly inside?: never; /** A picture too, of the shape of the image or of the model: white is redrawn, black stays. */
      readonly mask: string;
      readonly outside?: never;
      readonly place?: never;
    }
  | {
      readonly inside?: never;
      readonly mask?: never; /** What is outside of this rectangle. */
      readonly outside: BoxInput;
      readonly place?: never;
    }
  | {
      readonly inside?: never;
      readonly mask?: never;
      readonly outside?: never; /** The picture is shrunk into this rectangle, and everything around it is drawn. */
      readonly place: BoxInput;
    };

/** Which generations a list has: those that all of its fields hold for. */
export type GenerationFilter = {
  /** Those with an image of one of these classes; at most 100. */
  readonly classes?: ReadonlyArray<ClassFilter> | null | undefined;
  /** Those that were accepted later. */
  readonly createdAfter?: string | null | undefined;
  /** Those that were accepted sooner. */
  readonly createdBefore?: string | null | undefined;
  /** Those of one of these models, by name; at most 100. */
  readonly models?: ReadonlyArray<string> | null | undefined;
  /** Those in one of these states. */
  readonly states?: ReadonlyArray<GenerationState> | null | undefined;
};

/** How far a generation is; the last three are for ever. */
export type GenerationState =
  /** It was ended before its images were there: by a cancel, by Cancel-After, or because the client that waited for it left. */
  | 'CANCELED'
  /** All of its images are there. */
  | 'COMPLETED'
  /** It ended without images; failure says why. */
  | 'FAILED'
  /** It waits for those before it, also after its worker has ended. */
  | 'QUEUED'
  /** The model works on it. */
  | 'RUNNING';

/** How the weight of guidance goes over the steps of an image. */
export type GuidanceKind =
  /** The same at every step. */
  | 'CONSTANT'
  /** From 1 to guidance, with the share of tokens that are known. */
  | 'LINEAR'
  /** There is no guidance. */
  | 'NONE'
  /** From 1 at the first step to 1 + guidance at the last. */
  | 'RAMP';

/** Some images that are to show the same. */
export type ImageInput = {
  /** Each class in turn where left out, by the place among all images; none where a picture is edited. */
  readonly condition?: ConditionInput | null | undefined;
  /** How many, 1 to 64; 1 where left out. */
  readonly count?: number | null | undefined;
  /** Of the first of them; the next has the next one. Counted from the seed of the whole where left out. */
  readonly seed?: number | null | undefined;
};

/** Which part of a model. */
export type PluginKind =
  /** Turns known tokens into hidden states. */
  | 'BACKBONE'
  /** Embeds what an image is to show. */
  | 'CONDITION'
  /** Says how strongly conditions pull. Requests name it: guidanceBy. */
  | 'GUIDANCE'
  /** Draws tokens from hidden states. */
  | 'HEAD'
  /** Says which tokens come next. */
  | 'ORDER'
  /** Turns pictures into tokens and back. */
  | 'TOKENIZER';

/** How each step is shown. */
export type PreviewKind =
  /** By the full decoder: costs as much as a finished image, every step. */
  | 'DECODED'
  /** A small picture by a linear map of the tokens: costs next to nothing. */
  | 'LINEAR'
  /** Not at all. */
  | 'NONE';

/** Which generation is repeated, and how. */
export type RetryGenerationInput = {
  /** Of the generation. */
  readonly id: string;
  /** A second request with the same key gets the first generation instead of another one: so that a request whose answer was lost can be sent again. 1 to 255 printable characters of ASCII. */
  readonly idempotencyKey?: string | null | undefined;
  /** Of the first image, for other images; those of the generation where left out, for the same ones. */
  readonly seed?: number | null | undefined;
};

/** Size of a picture in pixels. */
export type SizeInput = {
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
};

/** What a webhook is told of. */
export type WebhookEvent =
  /** The last event: completed, failed or canceled. */
  | 'COMPLETED'
  /** A worker begins with the generation, or goes on with it. */
  | 'STARTED'
  /** A step is done; of several since the last message, the newest. */
  | 'STEP';

/** Messages are signed as Standard Webhooks says; GET /v1/webhooks/secret has the secret. */
export type WebhookInput = {
  /** COMPLETED alone where left out. */
  readonly events?: ReadonlyArray<WebhookEvent> | null | undefined;
  /** An https URL of a public address. */
  readonly url: string;
};

/** Whether a worker takes up generations. */
export type WorkerStatus =
  /** It is stopping, and hands over what it runs. */
  | 'DRAINING'
  /** It was not heard of for six seconds: others take over what it ran. */
  | 'LOST'
  /** It does. */
  | 'READY'
  /** Its process of models is not there, or hangs: see `why`. */
  | 'UNWELL';

export type ModelsQueryVariables = Exact<{ [key: string]: never }>;

export type ModelsQuery = {
  readonly models: ReadonlyArray<{
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly licence: string;
    readonly parameters: number;
    readonly tokens: number;
    readonly vocabulary: number | null;
    readonly options: Readonly<Record<string, unknown>>;
    readonly guidanceOff: number | null;
    readonly stride: string;
    readonly millisecondsPerImage: number | null;
    readonly samples: string | null;
    readonly classes: ReadonlyArray<{ readonly label: number; readonly name: string }>;
    readonly image: { readonly height: number; readonly width: number; readonly channels: number };
    readonly layout: ReadonlyArray<{ readonly start: number; readonly height: number; readonly width: number }>;
    readonly sizes: { readonly least: number; readonly most: number; readonly step: number } | null;
    readonly defaults: {
      readonly guidance: number;
      readonly guidanceKind: GuidanceKind;
      readonly preview: PreviewKind;
    };
    readonly parts: {
      readonly tokenizer: string;
      readonly order: string;
      readonly backbone: string;
      readonly head: string;
    };
    readonly condition: { readonly classes: number | null; readonly schema: Readonly<Record<string, unknown>> };
  }>;
};

export type GenerationQueryVariables = Exact<{
  id: string;
}>;

export type GenerationQuery = {
  readonly generation:
    | {
        readonly __typename: 'Generation';
        readonly id: string;
        readonly modelName: string;
        readonly state: GenerationState;
        readonly seed: number;
        readonly guidance: number | null;
        readonly options: Readonly<Record<string, unknown>>;
        readonly priority: number;
        readonly deadline: string | null;
        readonly lastSeq: number;
        readonly attempt: number;
        readonly position: number | null;
        readonly millisecondsToStart: number | null;
        readonly createdAt: string;
        readonly startedAt: string | null;
        readonly finishedAt: string | null;
        readonly size: { readonly width: number; readonly height: number } | null;
        readonly layout: ReadonlyArray<{
          readonly start: number;
          readonly height: number;
          readonly width: number;
        }> | null;
        readonly images: ReadonlyArray<{
          readonly seed: number;
          readonly condition:
            | { readonly __typename: 'ClassCondition'; readonly label: number }
            | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
            | { readonly __typename: 'NoCondition' };
          readonly picture: {
            readonly id: string;
            readonly url: string;
            readonly width: number | null;
            readonly height: number | null;
            readonly bytes: number | null;
          } | null;
        }>;
        readonly edit: {
          readonly image: {
            readonly id: string;
            readonly url: string;
            readonly width: number | null;
            readonly height: number | null;
            readonly bytes: number | null;
          };
          readonly mask: {
            readonly id: string;
            readonly url: string;
            readonly width: number | null;
            readonly height: number | null;
            readonly bytes: number | null;
          } | null;
          readonly inside: {
            readonly x0: number;
            readonly y0: number;
            readonly x1: number;
            readonly y1: number;
          } | null;
          readonly outside: {
            readonly x0: number;
            readonly y0: number;
            readonly x1: number;
            readonly y1: number;
          } | null;
          readonly place: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
        } | null;
        readonly failure: { readonly code: string; readonly message: string } | null;
      }
    | {
        readonly __typename: 'NotFound';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type GenerationPartsFragment = {
  readonly id: string;
  readonly modelName: string;
  readonly state: GenerationState;
  readonly seed: number;
  readonly guidance: number | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly deadline: string | null;
  readonly lastSeq: number;
  readonly attempt: number;
  readonly position: number | null;
  readonly millisecondsToStart: number | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly layout: ReadonlyArray<{ readonly start: number; readonly height: number; readonly width: number }> | null;
  readonly images: ReadonlyArray<{
    readonly seed: number;
    readonly condition:
      | { readonly __typename: 'ClassCondition'; readonly label: number }
      | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
      | { readonly __typename: 'NoCondition' };
    readonly picture: {
      readonly id: string;
      readonly url: string;
      readonly width: number | null;
      readonly height: number | null;
      readonly bytes: number | null;
    } | null;
  }>;
  readonly edit: {
    readonly image: {
      readonly id: string;
      readonly url: string;
      readonly width: number | null;
      readonly height: number | null;
      readonly bytes: number | null;
    };
    readonly mask: {
      readonly id: string;
      readonly url: string;
      readonly width: number | null;
      readonly height: number | null;
      readonly bytes: number | null;
    } | null;
    readonly inside: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
    readonly outside: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
    readonly place: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
  } | null;
  readonly failure: { readonly code: string; readonly message: string } | null;
};

export type BoxPartsFragment = { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number };

export type PicturePartsFragment = {
  readonly id: string;
  readonly url: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: number | null;
};

export type GenerationsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
  filter?: GenerationFilter | null | undefined;
}>;

export type GenerationsQuery = {
  readonly generations: {
    readonly nodes: ReadonlyArray<{
      readonly id: string;
      readonly modelName: string;
      readonly state: GenerationState;
      readonly seed: number;
      readonly guidance: number | null;
      readonly options: Readonly<Record<string, unknown>>;
      readonly priority: number;
      readonly deadline: string | null;
      readonly lastSeq: number;
      readonly attempt: number;
      readonly position: number | null;
      readonly millisecondsToStart: number | null;
      readonly createdAt: string;
      readonly startedAt: string | null;
      readonly finishedAt: string | null;
      readonly size: { readonly width: number; readonly height: number } | null;
      readonly layout: ReadonlyArray<{
        readonly start: number;
        readonly height: number;
        readonly width: number;
      }> | null;
      readonly images: ReadonlyArray<{
        readonly seed: number;
        readonly condition:
          | { readonly __typename: 'ClassCondition'; readonly label: number }
          | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
          | { readonly __typename: 'NoCondition' };
        readonly picture: {
          readonly id: string;
          readonly url: string;
          readonly width: number | null;
          readonly height: number | null;
          readonly bytes: number | null;
        } | null;
      }>;
      readonly edit: {
        readonly image: {
          readonly id: string;
          readonly url: string;
          readonly width: number | null;
          readonly height: number | null;
          readonly bytes: number | null;
        };
        readonly mask: {
          readonly id: string;
          readonly url: string;
          readonly width: number | null;
          readonly height: number | null;
          readonly bytes: number | null;
        } | null;
        readonly inside: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
        readonly outside: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
        readonly place: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number } | null;
      } | null;
      readonly failure: { readonly code: string; readonly message: string } | null;
    }>;
    readonly pageInfo: {
      readonly hasNextPage: boolean;
      readonly hasPreviousPage: boolean;
      readonly startCursor: string | null;
      readonly endCursor: string | null;
    };
  } | null;
};

export type CreateGenerationMutationVariables = Exact<{
  input: CreateGenerationInput;
}>;

export type CreateGenerationMutation = {
  readonly createGeneration:
    | {
        readonly __typename: 'CreateGenerationPayload';
        readonly existed: boolean;
        readonly generation: {
          readonly id: string;
          readonly modelName: string;
          readonly state: GenerationState;
          readonly seed: number;
          readonly guidance: number | null;
          readonly options: Readonly<Record<string, unknown>>;
          readonly priority: number;
          readonly deadline: string | null;
          readonly lastSeq: number;
          readonly attempt: number;
          readonly position: number | null;
          readonly millisecondsToStart: number | null;
          readonly createdAt: string;
          readonly startedAt: string | null;
          readonly finishedAt: string | null;
          readonly size: { readonly width: number; readonly height: number } | null;
          readonly layout: ReadonlyArray<{
            readonly start: number;
            readonly height: number;
            readonly width: number;
          }> | null;
          readonly images: ReadonlyArray<{
            readonly seed: number;
            readonly condition:
              | { readonly __typename: 'ClassCondition'; readonly label: number }
              | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
              | { readonly __typename: 'NoCondition' };
            readonly picture: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
          }>;
          readonly edit: {
            readonly image: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            };
            readonly mask: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
            readonly inside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly outside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly place: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
          } | null;
          readonly failure: { readonly code: string; readonly message: string } | null;
        };
      }
    | {
        readonly __typename: 'IdempotencyConflict';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'NotFound';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'QueueFull';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      }
    | {
        readonly __typename: 'QuotaExceeded';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      }
    | {
        readonly __typename: 'RequestError';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type RetryGenerationMutationVariables = Exact<{
  input: RetryGenerationInput;
}>;

export type RetryGenerationMutation = {
  readonly retryGeneration:
    | {
        readonly __typename: 'IdempotencyConflict';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'NotFound';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'QueueFull';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      }
    | {
        readonly __typename: 'QuotaExceeded';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      }
    | {
        readonly __typename: 'RequestError';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'RetryGenerationPayload';
        readonly existed: boolean;
        readonly generation: {
          readonly id: string;
          readonly modelName: string;
          readonly state: GenerationState;
          readonly seed: number;
          readonly guidance: number | null;
          readonly options: Readonly<Record<string, unknown>>;
          readonly priority: number;
          readonly deadline: string | null;
          readonly lastSeq: number;
          readonly attempt: number;
          readonly position: number | null;
          readonly millisecondsToStart: number | null;
          readonly createdAt: string;
          readonly startedAt: string | null;
          readonly finishedAt: string | null;
          readonly size: { readonly width: number; readonly height: number } | null;
          readonly layout: ReadonlyArray<{
            readonly start: number;
            readonly height: number;
            readonly width: number;
          }> | null;
          readonly images: ReadonlyArray<{
            readonly seed: number;
            readonly condition:
              | { readonly __typename: 'ClassCondition'; readonly label: number }
              | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
              | { readonly __typename: 'NoCondition' };
            readonly picture: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
          }>;
          readonly edit: {
            readonly image: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            };
            readonly mask: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
            readonly inside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly outside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly place: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
          } | null;
          readonly failure: { readonly code: string; readonly message: string } | null;
        };
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type CancelGenerationMutationVariables = Exact<{
  input: CancelGenerationInput;
}>;

export type CancelGenerationMutation = {
  readonly cancelGeneration:
    | {
        readonly __typename: 'CancelGenerationPayload';
        readonly generation: {
          readonly id: string;
          readonly modelName: string;
          readonly state: GenerationState;
          readonly seed: number;
          readonly guidance: number | null;
          readonly options: Readonly<Record<string, unknown>>;
          readonly priority: number;
          readonly deadline: string | null;
          readonly lastSeq: number;
          readonly attempt: number;
          readonly position: number | null;
          readonly millisecondsToStart: number | null;
          readonly createdAt: string;
          readonly startedAt: string | null;
          readonly finishedAt: string | null;
          readonly size: { readonly width: number; readonly height: number } | null;
          readonly layout: ReadonlyArray<{
            readonly start: number;
            readonly height: number;
            readonly width: number;
          }> | null;
          readonly images: ReadonlyArray<{
            readonly seed: number;
            readonly condition:
              | { readonly __typename: 'ClassCondition'; readonly label: number }
              | { readonly __typename: 'InputCondition'; readonly input: Readonly<Record<string, unknown>> }
              | { readonly __typename: 'NoCondition' };
            readonly picture: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
          }>;
          readonly edit: {
            readonly image: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            };
            readonly mask: {
              readonly id: string;
              readonly url: string;
              readonly width: number | null;
              readonly height: number | null;
              readonly bytes: number | null;
            } | null;
            readonly inside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly outside: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
            readonly place: {
              readonly x0: number;
              readonly y0: number;
              readonly x1: number;
              readonly y1: number;
            } | null;
          } | null;
          readonly failure: { readonly code: string; readonly message: string } | null;
        };
      }
    | {
        readonly __typename: 'NotFound';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type DeleteGenerationMutationVariables = Exact<{
  input: DeleteGenerationInput;
}>;

export type DeleteGenerationMutation = {
  readonly deleteGeneration:
    | { readonly __typename: 'DeleteGenerationPayload'; readonly deletedId: string }
    | {
        readonly __typename: 'NotFound';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type PluginsQueryVariables = Exact<{ [key: string]: never }>;

export type PluginsQuery = {
  readonly plugins: ReadonlyArray<{
    readonly kind: PluginKind;
    readonly name: string;
    readonly models: ReadonlyArray<string>;
    readonly package: string | null;
    readonly version: string | null;
    readonly contract: number;
    readonly space: string | null;
    readonly stride: string | null;
    readonly config: Readonly<Record<string, unknown>>;
    readonly options: Readonly<Record<string, unknown>> | null;
    readonly conformance: {
      readonly cases: number;
      readonly failed: ReadonlyArray<string>;
      readonly kit: string;
      readonly version: string | null;
    } | null;
  }>;
  readonly pluginProblems: ReadonlyArray<{ readonly code: string; readonly message: string }>;
};

export type ServiceQueryVariables = Exact<{ [key: string]: never }>;

export type ServiceQuery = {
  readonly service:
    | {
        readonly __typename: 'RequestError';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
      }
    | {
        readonly __typename: 'Service';
        readonly queue: ReadonlyArray<{
          readonly model: string;
          readonly tenant: string;
          readonly waiting: number;
          readonly running: number;
          readonly workers: number;
          readonly oldestSeconds: number | null;
        }>;
        readonly workers: ReadonlyArray<{
          readonly name: string;
          readonly status: WorkerStatus;
          readonly why: string | null;
          readonly target: string;
          readonly memoryBytes: number | null;
          readonly ageSeconds: number;
          readonly silentSeconds: number;
          readonly models: ReadonlyArray<{
            readonly name: string;
            readonly loaded: boolean;
            readonly running: number;
            readonly millisecondsPerImage: number | null;
          }>;
        }>;
        readonly failures: ReadonlyArray<{
          readonly code: string;
          readonly count: number;
          readonly model: string;
          readonly newestAt: string;
          readonly message: string;
        }>;
      }
    | {
        readonly __typename: 'Unavailable';
        readonly code: string;
        readonly message: string;
        readonly field: ReadonlyArray<string> | null;
        readonly retryAfter: number;
      };
};

export type GenerationEventsSubscriptionVariables = Exact<{
  id: string;
  after: number;
}>;

export type GenerationEventsSubscription = {
  readonly generationEvents:
    | { readonly __typename: 'CanceledEvent'; readonly seq: number; readonly at: string }
    | {
        readonly __typename: 'CompletedEvent';
        readonly seq: number;
        readonly at: string;
        readonly images: ReadonlyArray<{
          readonly id: string;
          readonly url: string;
          readonly width: number | null;
          readonly height: number | null;
          readonly bytes: number | null;
        }>;
        readonly timings: {
          readonly steps: ReadonlyArray<number>;
          readonly images: ReadonlyArray<number>;
          readonly total: number;
        };
      }
    | {
        readonly __typename: 'FailedEvent';
        readonly code: string;
        readonly message: string;
        readonly seq: number;
        readonly at: string;
      }
    | { readonly __typename: 'LoadingEvent'; readonly modelName: string; readonly seq: number; readonly at: string }
    | { readonly __typename: 'QueuedEvent'; readonly position: number; readonly seq: number; readonly at: string }
    | {
        readonly __typename: 'RestartedEvent';
        readonly attempt: number;
        readonly fromStep: number;
        readonly seq: number;
        readonly at: string;
      }
    | { readonly __typename: 'StartedEvent'; readonly seq: number; readonly at: string }
    | {
        readonly __typename: 'StepEvent';
        readonly index: number;
        readonly of: number;
        readonly positions: ReadonlyArray<ReadonlyArray<number>>;
        readonly given: ReadonlyArray<number> | null;
        readonly milliseconds: number;
        readonly seq: number;
        readonly at: string;
        readonly previews: ReadonlyArray<{ readonly id: string; readonly url: string } | null> | null;
        readonly sprite: { readonly id: string; readonly url: string } | null;
        readonly details: {
          readonly codes: ReadonlyArray<ReadonlyArray<number>> | null;
          readonly logProbabilities: ReadonlyArray<ReadonlyArray<number>> | null;
          readonly entropies: ReadonlyArray<ReadonlyArray<number>> | null;
          readonly topCodes: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>> | null;
          readonly topProbabilities: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>> | null;
        } | null;
      }
    | {
        readonly __typename: 'WaitingEvent';
        readonly position: number;
        readonly millisecondsToStart: number | null;
        readonly seq: number;
        readonly at: string;
      };
};
