/**
 * The words for colours of avatars, each with colours that it names. A colour has the word of the nearest of them.
 */
const named: Readonly<Record<string, readonly string[]>> = {
  black: ['0b0b0b', '191919', '2c1b18', '28150a'],
  white: ['ffffff', 'f1f4dc', 'e8e1e1', 'ffeead'],
  grey: ['808080', '989789', '4b4b4b', 'a9a9a9'],
  brown: ['603a14', '83623b', '724133', '4a312c', 'a55728', '611c17', '2e1e05'],
  blond: ['cab188', 'ecdcbf', 'd6b370', 'a78961', 'b58143'],
  red: ['d11141', 'ae0001', 'bd1700', 'a62116', 'c93305'],
  orange: ['f88c49', 'ff6f69', 'e78276'],
  peach: ['ffdfbf'],
  yellow: ['ffd969', 'ffc425', 'ffcf77', 'fdea6b'],
  green: ['00b159', '44c585', '88d8b0', '3d8a6b', '91cb15', '78e185'],
  blue: ['428bca', '5bc0de', '03396c', '2663a3', '009bbd', '9ddadb', '0a5b83', '1c799f', '69d2e7', 'b6e3f4'],
  purple: ['614f8a', 'c0aede', '8fa7df'],
  lavender: ['d1d4f9'],
  pink: ['cc6192', 'ffd5dc', 'f59797', 'e279c7'],
};

/** The word for a colour as `#rrggbb`. */
export function colourWord(hex: string): string {
  const own = channels(hex.replace('#', ''));
  let nearest = { word: '', distance: Number.POSITIVE_INFINITY };
  for (const [word, colours] of Object.entries(named)) {
    for (const colour of colours) {
      const distance = channels(colour).reduce((sum, level, i) => sum + (level - own[i]!) ** 2, 0);
      if (distance < nearest.distance) nearest = { word, distance };
    }
  }
  return nearest.word;
}

function channels(hex: string): number[] {
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
