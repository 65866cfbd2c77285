import type { ObjectResult } from '@/api/types';
import { Diff } from '@/ui/Diff';
import { Fields } from '@/ui/Fields';
import { State } from '@/ui/State';

const URGENT: readonly string[] = ['failed', 'conflict', 'pruned', 'deleted', 'recreated'];

/** Return results in the order of who should be read first: what failed, what was removed, what was changed. */
export function byUrgency(results: readonly ObjectResult[]): ObjectResult[] {
  const rank = (one: ObjectResult) => {
    const at = URGENT.indexOf(one.action);
    return at >= 0 ? at : one.action === 'unchanged' ? URGENT.length + 1 : URGENT.length;
  };
  return [...results].sort((a, b) => b.attempt - a.attempt || rank(a) - rank(b));
}

/** What was done to each object, with the fields that differed; runs from before fields were kept have lines. */
export function Results({ of }: { of: readonly ObjectResult[] }) {
  return (
    <ul className="results">
      {byUrgency(of).map((one) => (
        <li key={`${one.attempt} ${one.object}`}>
          <span className="line">
            <State word={one.action} /> <span className="name">{one.object}</span> <span className="soft">{one.detail}</span>
          </span>
          {one.fields.length > 0 ? <Fields of={one.fields} more={one.more_fields} /> : one.diff && <Diff text={one.diff} />}
        </li>
      ))}
    </ul>
  );
}
