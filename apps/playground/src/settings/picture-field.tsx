import { useId, useState } from 'react';
import { described, Hint } from './fields.tsx';
import './picture-field.css';

export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

interface PictureFieldProps {
  readonly name: string;
  /** Pictures are brought to it: the model reads no other. */
  readonly size: PictureSize;
  /** A data URL, or whatever an address said; empty for none. */
  readonly value: string;
  readonly hint: string | undefined;
  readonly problem: string | undefined;
  onChange(value: string): void;
}

/** Chooses a picture that images are to look like: by its file, which may be dropped here. */
export function PictureField({ name, size, value, hint, problem, onChange }: PictureFieldProps) {
  const id = useId();
  const [refused, setRefused] = useState<string>();
  const choose = async (file: File | undefined) => {
    if (!file) return;
    const picture = await shrink(file, size).catch(() => null);
    setRefused(picture === null ? `${file.name} is no picture that this browser can read.` : undefined);
    if (picture !== null) onChange(picture);
  };
  const told = hint ?? `It is scaled to ${size.width} x ${size.height} pixels.`;
  const said = { hint: told, problem: refused ?? problem };
  return (
    <div className="field">
      <label htmlFor={id}>{name}</label>
      <input
        id={id}
        type="file"
        accept="image/*"
        {...described(id, said)}
        onChange={({ target }) => void choose(target.files?.[0])}
      />
      {value.startsWith('data:image/') && (
        <span className="spread">
          <img src={value} alt={name} width={64} height={Math.round((64 * size.height) / size.width)} />
          <button type="button" onClick={() => onChange('')}>
            Remove
          </button>
        </span>
      )}
      <Hint id={id} text={told} problem={said.problem} />
    </div>
  );
}

/** A picture of exactly this size as a data URL: what does not fit its shape is cut at the edges. */
async function shrink(file: File, { height, width }: PictureSize): Promise<string> {
  const whole = await createImageBitmap(file);
  const scale = Math.min(whole.width / width, whole.height / height);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  const [x, y] = [Math.floor((whole.width - w) / 2), Math.floor((whole.height - h) / 2)];
  const small = await createImageBitmap(whole, x, y, w, h, {
    resizeWidth: width,
    resizeHeight: height,
    resizeQuality: 'high',
  });
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  canvas.getContext('2d')!.drawImage(small, 0, 0);
  for (const bitmap of [whole, small]) bitmap.close();
  return canvas.toDataURL('image/png');
}
