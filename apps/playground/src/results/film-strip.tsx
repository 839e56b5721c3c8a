import type { Step } from '../api/types.ts';
import { framesOf, type Place } from './frames.ts';

interface Props {
  /** Of what: for the group's name. */
  readonly name: string;
  readonly image: number;
  readonly steps: readonly Step[];
  readonly final: string | null;
  readonly shown: { readonly step: number; readonly finished: boolean };
  onPlace(place: Place): void;
}

/** Some steps of one image, small: each is a button that shows its step large in every image. */
export function FilmStrip({ name, image, steps, final, shown, onPlace }: Props) {
  const frames = framesOf(steps[0]?.of ?? 1);
  return (
    <div
      className="strip"
      role="group"
      aria-label={`Steps of ${name}`}
      style={{ gridTemplateColumns: `repeat(${frames.length + 1}, minmax(0, 1fr))` }}
    >
      {frames
        .filter((frame) => frame < steps.length)
        .map((frame) => (
          <Frame
            key={frame}
            label={`Step ${frame + 1}`}
            picture={steps[frame]!.previews?.[image] ?? null}
            isShown={!shown.finished && shown.step === frame}
            onPress={() => onPlace(frame)}
          />
        ))}
      {final && <Frame label="Finished" picture={final} isShown={shown.finished} onPress={() => onPlace('newest')} />}
    </div>
  );
}

interface FrameProps {
  readonly label: string;
  readonly picture: string | null;
  readonly isShown: boolean;
  onPress(): void;
}

function Frame({ label, picture, isShown, onPress }: FrameProps) {
  return (
    <button type="button" aria-label={label} aria-pressed={isShown} onClick={onPress}>
      {picture && <img src={picture} alt="" />}
    </button>
  );
}
