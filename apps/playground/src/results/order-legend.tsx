import { stepColour } from './order-cells.ts';

/** What the colours of the order mean. */
export function OrderLegend() {
  const colours = Array.from({ length: 9 }, (_, index) => stepColour(index, 9)).join(', ');
  return (
    <p className="legend">
      first <i aria-hidden="true" style={{ background: `linear-gradient(90deg in oklab, ${colours})` }} /> last
      <span>Colour of a token: the step that wrote it. Outlined: the step shown.</span>
    </p>
  );
}
