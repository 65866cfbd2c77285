import { look } from '@/lib/state';

interface Props {
  word: string;
  title?: string;
  /** How many are so. */
  count?: number;
  /** What is said in place of the word. */
  label?: string;
}

/** A state as a glyph and a word, in its colour. */
export function State({ word, title, count, label = word }: Props) {
  const { glyph, tone } = look(word);
  return (
    <span className="state" data-tone={tone} title={title}>
      <span className="glyph" aria-hidden="true">
        {glyph}
      </span>
      {count !== undefined && `${count.toLocaleString('en')} `}
      {label}
    </span>
  );
}
