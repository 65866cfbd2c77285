import type { Step } from '@/api/types';
import { parts } from '@/lib/words';

/** A sentence whose commands stand out. */
export function Sentence({ of }: { of: string }) {
  return parts(of).map(({ text, command }, index) => (command ? <code key={index}>{text}</code> : text));
}

const NOTHING = 'next.nothing';

/** What a person does next, the first thing first. */
export function Steps({ of }: { of: readonly Step[] }) {
  if (of.every(({ code }) => code === NOTHING)) return <p className="soft">Nothing to do: all is as it should be.</p>;
  return (
    <ol className="steps" aria-label="What to do next">
      {of.map((one) => (
        <li key={one.sentence}>
          <Sentence of={one.sentence} />
        </li>
      ))}
    </ol>
  );
}
