import { look } from '@/lib/state';
import { State } from '@/ui/State';

import { type Group, type Picture, shares, tally, wordOf } from './model';

interface Props {
  of: Picture;
  ranks: Uint8Array;
  rows: Uint32Array;
  label: string;
  groups: readonly Group[];
  chosen: Pick<Group, 'from' | 'to'> | null;
  choose: (group: Group) => void;
}

/** Groups of clusters, closed: how the worst in each is, how many are bad, and which part of it is how. */
export function Groups({ of, ranks, rows, label, groups, chosen, choose }: Props) {
  return (
    <ul className="groups" aria-label={`Clusters by ${label}`}>
      {groups.map((group) => {
        const found = tally(of, ranks, rows, group.from, group.to);
        const open = chosen?.from === group.from && chosen.to === group.to;
        const said = found.counts.map((count, rank) => (count > 0 ? `${count.toLocaleString('en')} ${wordOf(rank)}` : '')).filter(Boolean);
        return (
          <li key={group.value ?? ''} data-tone={look(wordOf(found.worst)).tone}>
            <button type="button" className="link" aria-pressed={open} onClick={() => choose(group)}>
              {group.value ?? `no ${label}`}
            </button>
            <span className="soft">
              {(group.to - group.from).toLocaleString('en')} {group.to - group.from === 1 ? 'cluster' : 'clusters'}
            </span>
            <State word={wordOf(found.worst)} />
            <span className="bad">{found.bad > 0 ? `${found.bad.toLocaleString('en')} bad` : ''}</span>
            <svg className="share" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label={said.reverse().join(', ')}>
              {shares(found).map(({ rank, from, width }) => (
                <rect key={rank} x={from} width={width} height={8} data-tone={look(wordOf(rank)).tone}>
                  <title>{said.find((one) => one.endsWith(` ${wordOf(rank)}`))}</title>
                </rect>
              ))}
            </svg>
          </li>
        );
      })}
    </ul>
  );
}
