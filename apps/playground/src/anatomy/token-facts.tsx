import type { TokenMap } from '../api/operations.ts';
import { missingText } from './step-sum.tsx';
import { percent, placeText, tokenText } from './telling.ts';
import type { Cell, Token } from './tokens.ts';

interface Props {
  readonly map: TokenMap;
  readonly cells: readonly Cell[];
  readonly cursor: number | null;
  /** Why codes and probabilities are not there. */
  readonly unknown: string | null;
}

/** What is known of the token under the cursor. */
export function TokenFacts({ map, cells, cursor, unknown }: Props) {
  if (cursor === null)
    return (
      <div className="token-facts">
        <h4>A token</h4>
        <p className="hint">Point at a place in the last picture, or go there with Tab and use the arrow keys.</p>
      </div>
    );
  const cell = cells[cursor]!;
  const { token } = cell;
  return (
    <div className="token-facts">
      <h4>A token</h4>
      <p>{tokenText(token, placeText(cursor, map), missingText(cell))}</p>
      {token && unknown && <p className="hint">{unknown}</p>}
      {token && token.top.length > 0 && <TopCodes token={token} />}
    </div>
  );
}

/** The likeliest codes, and the one that was drawn where it is none of them. */
function TopCodes({ token: { code, logProbability, top } }: { readonly token: Token }) {
  const isAmong = top.some((one) => one.code === code);
  const all = isAmong || code === null ? top : [...top, { code, probability: Math.exp(logProbability ?? 0) }];
  return (
    <table className="top-codes">
      <caption>Likeliest codes{!isAmong && ', and the one that was drawn'}</caption>
      <tbody>
        {all.map((one) => (
          <tr key={one.code} data-drawn={one.code === code}>
            <th scope="row">{one.code}</th>
            <td className="share">
              <i aria-hidden="true" style={{ width: `${100 * one.probability}%` }} />
            </td>
            <td>{percent(one.probability)}</td>
            <td>{one.code === code ? 'drawn' : ''}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
