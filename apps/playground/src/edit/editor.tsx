import { useMemo, useRef, useState } from 'react';
import type { Model } from '../api/operations.ts';
import { ErrorNote } from '../error-note.tsx';
import { runs } from '../runs/use-run.ts';
import type { Base } from './base.ts';
import { Comparison } from './comparison.tsx';
import { cutPicture } from '../mask/compose.ts';
import type { Draft } from './draft.ts';
import { frameOf, type Point } from '../mask/frame.ts';
import { add, done, isWhole, markedBy, redo, redrawn, undo, wholePlace, type Operation } from '../mask/mask.ts';
import { ownSettings } from '../settings/settings.ts';
import { seenAt } from '../settings/sizes.ts';
import { Panel } from './panel.tsx';
import { editRequest, type EditSettings } from './request.ts';
import { Stage } from './stage.tsx';
import { Toolbar } from './toolbar.tsx';
import { Tray, type Chosen } from './tray.tsx';
import type { Tool } from './use-drawing.ts';
import { useCommands } from './use-commands.ts';
import { useDraft } from './use-draft.ts';
import { FITTED, zoomed, NO_MOVE, type View } from './view.ts';

interface EditorProps {
  readonly base: Base;
  readonly draft: Draft;
  readonly models: readonly Model[];
  /** What an address said that cannot be had. */
  readonly told: string | null;
  onAnother(): void;
}

const startTool: Tool = { name: 'brush', breadth: 0.2, whole: true };

/** One picture: what of it is redrawn, by which model, and the variants that were made. */
export function Editor({ base, draft, models, told, onAnother }: EditorProps) {
  const { history, setHistory, settings, setSettings, variants, addVariants, isKept } = useDraft(base, draft, models);
  const model = models.find(({ name }) => name === settings.model)!;
  const { size } = ownSettings(settings, model);
  const frame = useMemo(() => frameOf(seenAt(model, size)), [model, size]);
  const marked = useMemo(() => markedBy(done(history), frame), [history, frame]);
  const [tool, setTool] = useState(startTool);
  const [view, setView] = useState<View>(FITTED);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  /** From a variant back to the mask. */
  const [hasLeft, setLeft] = useState(false);
  const sending = useSending();

  const operate = (operation: Operation) => setHistory(add(history, operation));
  const generate = () =>
    sending.send(async () => {
      const cut = cutPicture(base.bitmap, marked.place, frame);
      if (!redrawn(marked, cut.unknown).includes(1)) throw new Error(NOTHING);
      const key = runs.start(await editRequest({ base, cut, marked, frame, model }, settings, seedOf(settings)));
      addVariants({ key, place: marked.place });
      setChosen({ key, image: 0 });
    });
  const stageSize = useRef({ width: 0, height: 0 });
  const look = (factor: number, by: Point) => {
    const stage = stageSize.current;
    setView(zoomed(view, factor, { at: { x: stage.width / 2, y: stage.height / 2 }, by, stage }));
  };
  const pan = (x: number, y: number) => {
    const { width, height } = stageSize.current;
    look(1, { x: (-x * width) / 8, y: (-y * height) / 8 });
  };
  const actions = {
    undo: () => setHistory(undo(history)),
    redo: () => setHistory(redo(history)),
    invert: () => operate({ kind: 'invert' }),
    clear: () => operate({ kind: 'clear' }),
    zoom: (factor: number) => (factor === 0 ? setView(FITTED) : look(factor, NO_MOVE)),
    pan,
    generate,
    leave: () => {
      if (chosen) setLeft(true);
      setChosen(null);
    },
    setTool,
  };
  const whole = wholePlace(base.bitmap, frame);
  const onWhole = isWhole(whole) ? undefined : () => operate({ kind: 'place', place: whole });
  useCommands(tool, actions, chosen === null);
  const shownVariants = variants.find(({ key }) => key === chosen?.key);
  return (
    <main className="edit">
      <h2 className="unseen">Edit a picture</h2>
      <div className="edit-work">
        {told && <ErrorNote message={told} />}
        {chosen && shownVariants ? (
          <Comparison {...{ base, models, chosen, frame }} place={shownVariants.place} onLeave={actions.leave} />
        ) : (
          <>
            <Toolbar {...{ tool, history, view, actions }} onWhole={onWhole} />
            <Stage
              {...{ base, frame, marked, tool, view, stageSize }}
              takesFocus={hasLeft}
              onView={setView}
              onOperation={operate}
            />
          </>
        )}
        <Tray {...{ variants, models, chosen }} onChoose={setChosen} />
      </div>
      <Panel
        {...{ models, settings, base, isKept }}
        isSending={sending.isSending}
        error={sending.error}
        onSettings={setSettings}
        onGenerate={generate}
        onAnother={onAnother}
      />
    </main>
  );
}

const NOTHING =
  'Nothing is marked yet. Draw over the part that is to change, or drag an edge of the picture outwards, then generate.';

/** Easy to read and to type. */
const SEEDS = 1_000_000;

function seedOf({ seed }: EditSettings): number {
  return seed ?? Math.floor(Math.random() * SEEDS);
}

/** Pictures go to the server before the request does. */
function useSending() {
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const send = (work: () => Promise<void>) => {
    if (isSending) return;
    setSending(true);
    setError(null);
    work()
      .catch(({ message }: Error) => setError(message))
      .finally(() => setSending(false));
  };
  return { isSending, error, send };
}
