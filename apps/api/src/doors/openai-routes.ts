import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { TesseraError } from '@tessera/errors';
import type { Owner } from '@tessera/store';
import { callerOf } from '../guard/require-caller.ts';
import { whenClosed } from '../guard/when-closed.ts';
import { takeTurns } from '../images/upload-turns.ts';
import { isInterruption } from '../streams/interruption.ts';
import type { Engine } from './engine.ts';
import { readForm } from './form.ts';
import { answerAtOnce, answerInEvents, interruptedCall } from './openai-answers.ts';
import { sizeText } from '@tessera/request';
import { editBody, generateBody, readCall, readRegion, type ImagesCall } from './openai-body.ts';
import { explainOpenAi, refuseOpenAi } from './openai-errors.ts';
import { maskFromAlpha } from './openai-mask.ts';
import { editOperation, generateOperation, modelOperation, modelsOperation } from './openai-operations.ts';
import { MOST_JSON, type Route } from './route.ts';

const MOST_FORM_MEBIBYTES = 34;
/** How long a call waits for the cancel of its generation. */
const CANCEL_MS = 1000;

/** The routes of OpenAI's clients: `/v1/images/generations`, `/v1/images/edits`, `/v1/models`. */
export function openAiRoutes(engine: Engine): Route[] {
  const json = express.json({ limit: MOST_JSON, type: () => true });
  const routes = [
    { method: 'get', path: '/v1/models', operation: modelsOperation, handlers: [listModels(engine)] },
    { method: 'get', path: '/v1/models/{model}', operation: modelOperation, handlers: [findModel(engine)] },
    {
      method: 'post',
      path: '/v1/images/generations',
      operation: generateOperation,
      handlers: [json, generate(engine)],
    },
    { method: 'post', path: '/v1/images/edits', operation: editOperation, handlers: [...receiveForm(), edit(engine)] },
  ] as const satisfies Route[];
  return routes.map((route) => ({ ...route, handlers: [...route.handlers, explainOpenAi] }));
}

/** True where a refusal has OpenAI's shape: of everything below `/v1` but our own routes, for its clients ask for more than there is. */
export function isOpenAi(path: string): boolean {
  return /^\/v1\/(?!(?:generations|uploads|webhooks)(?:[/?]|$)|models\/[^/]+\/samples$)/.test(path);
}

function listModels(engine: Engine): RequestHandler {
  return (_request, response) => void response.json({ object: 'list', data: engine.models().map(modelOf) });
}

function findModel(engine: Engine): RequestHandler {
  return (request, response) => {
    const name = String(request.params['model']);
    const model = engine.models().find((one) => one.name === name);
    if (!model) throw unknownName(name);
    response.json(modelOf(model));
  };
}

function generate(engine: Engine): RequestHandler {
  return async (request, response) => {
    const body = generateBody.parse(request.body, 'images');
    const call = readCall(body, engine.models(), keyOf(request));
    await run({ engine, call, kind: 'image_generation' }, request, response);
  };
}

function edit(engine: Engine): RequestHandler {
  return async (request, response) => {
    const type = String(request.headers['content-type']);
    const { values, files } = await readForm(request.body as Buffer, type, editBody.json);
    const body = editBody.parse(values, 'images');
    const { owner } = callerOf(response);
    const call = readCall(body, engine.models(), keyOf(request));
    const { id: image } = await engine.upload(owner, oneFile(files['image'], 'image'));
    const mask = files['mask'] ? await uploadMask(engine, owner, oneFile(files['mask'], 'mask')) : null;
    const input = { ...call.input, edit: readRegion(body, image, mask) };
    await run({ engine, call: { ...call, input }, kind: 'image_edit' }, request, response);
  };
}

async function uploadMask(engine: Engine, owner: Owner, mask: Uint8Array): Promise<string> {
  return (await engine.upload(owner, await maskFromAlpha(mask))).id;
}

interface Run {
  readonly engine: Engine;
  readonly call: ImagesCall;
  readonly kind: 'image_generation' | 'image_edit';
}

/**
 * These clients know no other way to cancel than to go away, and no way to come back: they send their call again, also where
 * this server ends. So what no client waits for any more is canceled, unless a key says that the same call may come again.
 */
async function run({ engine, call, kind }: Run, request: Request, response: Response): Promise<void> {
  const { owner } = callerOf(response);
  const key = keyOf(request);
  const refusal = call.stream ? engine.admitStream(request, response) : null;
  if (refusal) return refuseOpenAi(response.set('Retry-After', '1'), refusal.error, refusal.status);
  const { generation } = await engine.create(owner, { ...call.input, idempotencyKey: key });
  const abandon = () => (key === null ? cancel(engine, owner, generation.id) : Promise.resolve());
  // It went while its generation was stored.
  if (response.destroyed) return abandon();
  const events = await eventsOf(engine, owner, generation.id).catch(async (error: unknown) => {
    await abandon();
    throw error;
  });
  response.set('X-Request-Id', generation.id);
  const leave = () => {
    void events.return?.();
    if (!response.writableFinished) void abandon();
  };
  whenClosed(response, leave);
  if (response.destroyed) return;
  const origin = `${request.protocol}://${request.headers.host}`;
  const running = { engine, call, generation, events, origin, kind, abandon };
  await (call.stream ? answerInEvents(running, response) : answerAtOnce(running, response));
}

/** A database that does not answer keeps no client waiting. */
async function cancel(engine: Engine, owner: Owner, id: string): Promise<void> {
  const canceled = engine.cancel(owner, id).catch(() => undefined);
  await Promise.race([canceled, sleep(CANCEL_MS, undefined, { ref: false })]);
}

/** @throws TesseraError `stream-interrupted` */
async function eventsOf(engine: Engine, owner: Owner, id: string): ReturnType<Engine['events']> {
  try {
    return await engine.events(owner, id, 0);
  } catch (error) {
    throw isInterruption(error) ? interruptedCall(error.parts.got) : error;
  }
}

function keyOf(request: Request): string | null {
  return request.get('idempotency-key') || null;
}

/** Forms are kept in memory, so only some at a time. */
function receiveForm(): RequestHandler[] {
  const receive = express.raw({ type: 'multipart/form-data', limit: MOST_FORM_MEBIBYTES * 2 ** 20, inflate: false });
  const requireForm: RequestHandler = (request, response, next) => {
    if (request.is('multipart/form-data')) return next();
    const expected = 'multipart/form-data with the picture in the field image';
    refuseOpenAi(
      response,
      refuse({ code: 'upload-type', got: 'a body of another type', expected, next: 'Send a form.' }),
    );
  };
  const turns = takeTurns((response, { error, status }) => refuseOpenAi(response, error, status));
  return [requireForm, turns, receive];
}

function oneFile(files: readonly Uint8Array[] = [], name: string): Uint8Array {
  const [file] = files;
  if (file?.length === 0) {
    const empty = { code: 'picture-format', got: `an empty file ${name}`, expected: 'a picture' };
    throw refuse({ ...empty, next: `Send the bytes of the file as ${name}.` }, name);
  }
  if (file && files.length === 1) return file;
  const got = files.length === 0 ? `no ${name}` : `${files.length} files ${name}`;
  throw refuse({ code: `${name}-missing`, got, expected: 'one file', next: `Send one file as ${name}.` }, name);
}

function modelOf({
  name,
  title,
  image,
  sizes,
  classes,
  options,
  tokens,
}: ReturnType<Engine['models']>[number]): object {
  const more = { title, size: sizeText(image), sizes, classes, options, tokens };
  return { id: name, object: 'model', created: 0, owned_by: 'tessera', ...more };
}

function unknownName(name: string): TesseraError {
  return refuse({
    code: 'unknown-model',
    got: `the model ${name.slice(0, 100)}`,
    expected: 'the id of a model',
    next: 'GET /v1/models lists them.',
  });
}

function refuse(parts: { code: string; got: string; expected: string; next: string }, field?: string): TesseraError {
  return new TesseraError({ who: 'images', ...parts, ...(field && { field: [field] }) });
}
