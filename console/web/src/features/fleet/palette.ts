/** The colours of ranks on a canvas, as the style sheet has them now. */

import { look } from '@/lib/state';

import { RANKS, wordOf } from './model';

export interface Paint {
  fill: string;
  ink: string;
  glyph: string;
}

/** Return how each rank is painted: what is fine is pale, trouble strong; the first is nothing placed. */
export function palette(): Paint[] {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const nothing = { fill: value('surface'), ink: value('ink'), glyph: '' };
  const ranked = Array.from({ length: RANKS }, (_, at) => {
    const { glyph, tone } = look(wordOf(at + 1));
    const pale = tone === 'healthy' || tone === 'synced';
    return { glyph, fill: value(pale ? 'healthy-cell' : tone === 'failed' ? 'degraded' : tone), ink: value(pale ? 'ink' : 'surface') };
  });
  return [nothing, ...ranked];
}

/** Return the red, green and blue of `#rrggbb`. */
export function channels(colour: string): [number, number, number] {
  const all = Number.parseInt(colour.slice(1), 16);
  return [all >> 16, (all >> 8) & 255, all & 255];
}
