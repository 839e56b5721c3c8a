interface Props {
  readonly name: string;
  readonly seed: number;
  /** URL per scale so far; null where that scale came without a picture. */
  readonly previews: readonly (string | null)[];
  readonly final: string | null;
  /** How many scales there will be. */
  readonly scales: number;
  readonly size: { readonly height: number; readonly width: number };
  readonly shown: number | null;
  onShow(scale: number | null): void;
}

/** From this size on a picture looks better smoothed than as squares. */
const FINE = 192;

/** One image: large, and under it the strip of its scales. A scale that is pressed is shown large in every card. */
export function ImageCard({ name, seed, previews, final, scales, size, shown, onShow }: Props) {
  const scale = shown ?? previews.length - 1;
  const isFinal = shown === null && final !== null;
  const large = isFinal ? final : (previews[scale] ?? null);
  const what = isFinal ? 'finished' : `scale ${scale + 1}`;
  const smooth = isFinal && size.width >= FINE ? 'large fine' : 'large';
  return (
    <figure className="card">
      <div className="frame" style={{ aspectRatio: `${size.width} / ${size.height}` }}>
        {large ? <img className={smooth} src={large} alt={`${name}, ${what}`} /> : <div className="waiting" />}
      </div>
      <figcaption>
        <strong>{name}</strong>
        <span>seed {seed}</span>
        {final && (
          <a href={final} download={`${name}-${seed}.png`}>
            Save
            <span className="unseen">
              {' '}
              {name}, seed {seed}
            </span>
          </a>
        )}
      </figcaption>
      <div
        className="strip"
        role="group"
        aria-label={`Scales of ${name}, seed ${seed}`}
        style={{ gridTemplateColumns: `repeat(${scales + 1}, minmax(0, 1fr))` }}
      >
        {previews.map((preview, index) => (
          <button
            key={index}
            type="button"
            aria-label={`Scale ${index + 1}`}
            aria-pressed={shown === index}
            onClick={() => onShow(shown === index ? null : index)}
          >
            {preview && <img src={preview} alt="" />}
          </button>
        ))}
        {final && (
          <button type="button" aria-label="Finished" aria-pressed={shown === null} onClick={() => onShow(null)}>
            <img src={final} alt="" />
          </button>
        )}
      </div>
    </figure>
  );
}
