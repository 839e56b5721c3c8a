import { useEffect, useState } from 'react';

const PLAY_MS = 4000;
const FRAME_MS = 80;

/** One for all pictures: models take different numbers of steps, so it goes by the share of them. */
export function Scrubber({ share, onShare }: { readonly share: number; onShare(share: number): void }) {
  const [isPlaying, setIsPlaying] = useState(false);
  useEffect(() => {
    if (!isPlaying) return;
    const timer = setTimeout(() => {
      onShare(Math.min(1, share + FRAME_MS / PLAY_MS));
      if (share >= 1) setIsPlaying(false);
    }, FRAME_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, share, onShare]);
  const play = () => {
    if (!isPlaying && share >= 1) onShare(0);
    setIsPlaying(!isPlaying);
  };
  const percent = Math.round(100 * share);
  return (
    <div className="compare-scrubber">
      <button type="button" onClick={play}>
        {isPlaying ? 'Pause' : 'Play'}
      </button>
      <input
        type="range"
        aria-label="Share of the steps"
        aria-valuetext={share >= 1 ? 'Finished' : `${percent} % of the steps`}
        min={0}
        max={100}
        value={percent}
        onChange={({ target }) => {
          setIsPlaying(false);
          onShare(Number(target.value) / 100);
        }}
      />
      <output>{share >= 1 ? 'Finished' : `${percent} %`}</output>
    </div>
  );
}
