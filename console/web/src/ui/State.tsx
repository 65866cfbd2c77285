import { look } from '@/lib/state';

/** A state as a glyph and a word, in its colour. */
export function State({ word, title }: { word: string; title?: string }) {
  const { glyph, tone } = look(word);
  return (
    <span className="state" data-tone={tone} title={title}>
      <span className="glyph" aria-hidden="true">
        {glyph}
      </span>
      {word}
    </span>
  );
}
