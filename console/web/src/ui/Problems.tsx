import type { Trouble } from '@/api/types';
import { alike } from '@/lib/problems';
import { reasonOf } from '@/lib/reasons';
import { type Column, DataTable } from '@/ui/DataTable';
import { Since, standsAs } from '@/ui/PlacementTable';
import { PlacementLink } from '@/ui/RunTable';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';

/** The first that has a problem, and how many more; these open below it. */
function Which({ of }: { of: Trouble }) {
  const [first = of.placement.ref, ...others] = of.refs;
  const more = of.count - 1;
  return (
    <>
      <PlacementLink placement={first} />
      {more > 0 && (
        <details className="more-of-it">
          <summary>and {more.toLocaleString('en')} more</summary>
          <ul>
            {others.map((ref) => (
              <li key={ref}>
                <PlacementLink placement={ref} />
              </li>
            ))}
            {more > others.length && <li className="soft">and {(more - others.length).toLocaleString('en')} more; the counts above list them all</li>}
          </ul>
        </details>
      )}
    </>
  );
}

const COLUMNS: readonly Column<Trouble>[] = [
  { key: 'ref', title: 'Placements', cell: (one) => <Which of={one} /> },
  { key: 'sync', title: 'Sync', cell: ({ placement }) => <State word={standsAs(placement)} /> },
  { key: 'health', title: 'Health', cell: ({ placement }) => <State word={placement.health} /> },
  { key: 'why', title: 'Reason', wide: true, cell: ({ placement }) => <Sentence of={reasonOf(placement)} /> },
  { key: 'since', title: 'Since', numeric: true, cell: ({ placement }) => <Since of={placement} /> },
];

function href({ placement }: Trouble): string {
  return `/placements/${encodeURIComponent(placement.cluster)}/${encodeURIComponent(placement.application)}`;
}

/** What is wrong, the worst first; placements of which the same is said are one row. */
export function Problems({ of, more }: { of: readonly Trouble[]; more: number }) {
  return (
    <>
      <DataTable label="Problems" columns={COLUMNS} rows={alike(of)} rowKey={(one) => one.placement.ref} href={href} />
      {more > 0 && <p className="soft">There are {more.toLocaleString('en')} more problems, none of them worse than these.</p>}
    </>
  );
}
