import { LargePicture, Settings, Title, type Looked } from './details.tsx';

interface PairProps {
  readonly held: Looked;
  /** Null until another one is picked. */
  readonly other: Looked | null;
  onEnd(): void;
}

/** Two pictures side by side, and where their settings differ. */
export function Pair({ held, other, onEnd }: PairProps) {
  return (
    <>
      <div className="gallery-pair">
        <div>
          <LargePicture looked={held} />
          <Title looked={held} />
        </div>
        <div>
          {other ? (
            <>
              <LargePicture looked={other} />
              <Title looked={other} />
            </>
          ) : (
            <p className="gallery-none">Pick another picture</p>
          )}
        </div>
      </div>
      <div className="gallery-actions">
        <button type="button" onClick={onEnd}>
          End comparing
        </button>
      </div>
      <Settings all={other ? [held, other] : [held]} />
    </>
  );
}
