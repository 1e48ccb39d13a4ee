import { describe, expect, it } from 'vitest';
import { STYLE } from '../../../src/cli/demo-http/style.ts';

const [light, dark] = STYLE.split('@media (prefers-color-scheme: dark)').map(
  (part) => new Map([...part.matchAll(/--([a-z-]+): (#[0-9a-f]{6})/g)].map(([, n, c]) => [n!, c!])),
) as [Map<string, string>, Map<string, string>];

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ['light', light],
  ['dark', dark],
])('the %s colours', (_name, colours) => {
  it.each([
    ['text', 'page'],
    ['text', 'card'],
    ['text', 'code'],
    ['quiet', 'page'],
    ['quiet', 'card'],
    ['link', 'page'],
    ['link', 'card'],
    ['button', 'card'],
    ['on-button', 'button'],
    ['text', 'good-back'],
    ['good', 'good-back'],
    ['text', 'bad-back'],
    ['bad', 'bad-back'],
  ])('have %s on %s with the contrast of AAA', (above, below) => {
    expect(contrast(colours.get(above)!, colours.get(below)!)).toBeGreaterThanOrEqual(7);
  });
});

describe('the style sheet', () => {
  it('loads nothing, moves nothing, and shows where the keyboard is', () => {
    expect(STYLE).not.toMatch(/url\(|@import|animation|transition|outline: (?:0|none)/);
    expect(STYLE).toContain(':focus-visible');
  });
});
