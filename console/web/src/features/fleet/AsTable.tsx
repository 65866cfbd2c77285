import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';

import { type Column, DataTable } from '@/ui/DataTable';
import { State } from '@/ui/State';

import { type Picture, type Tally, tally, troubles, wordOf } from './model';

interface Row {
  cluster: string;
  found: Tally;
  bad: ReturnType<typeof troubles>;
}

const NAMED = 5;

function Named({ of: { cluster, bad } }: { of: Row }) {
  return bad.map(({ rank, applications }) => (
    <p key={rank} className="fine">
      <State word={wordOf(rank)} />{' '}
      {applications.slice(0, NAMED).map((application, at) => (
        <span key={application}>
          {at > 0 && ', '}
          <Link to="/placements/$cluster/$application" params={{ cluster, application }}>
            {application}
          </Link>
        </span>
      ))}
      {applications.length > NAMED && <span className="soft"> and {(applications.length - NAMED).toLocaleString('en')} more</span>}
    </p>
  ));
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'cluster',
    title: 'Cluster',
    cell: ({ cluster }) => (
      <Link to="/clusters/$cluster" params={{ cluster }}>
        {cluster}
      </Link>
    ),
  },
  { key: 'worst', title: 'Worst', cell: ({ found }) => <State word={wordOf(found.worst)} /> },
  { key: 'bad', title: 'Bad', numeric: true, cell: ({ found }) => found.bad.toLocaleString('en') },
  { key: 'placed', title: 'Placed', numeric: true, cell: ({ found }) => found.placed.toLocaleString('en') },
  { key: 'which', title: 'Which', wide: true, cell: (row) => <Named of={row} /> },
];

/** What the picture shows, as a table: a row for each cluster, the worst first. */
export function AsTable({ of, ranks, rows }: { of: Picture; ranks: Uint8Array; rows: Uint32Array }) {
  const all = useMemo(() => {
    const found = [...rows].map((row, at) => ({
      cluster: of.clusters[row] ?? '',
      found: tally(of, ranks, rows, at, at + 1),
      bad: troubles(of, ranks, row),
    }));
    return found.sort((a, b) => b.found.worst - a.found.worst || b.found.bad - a.found.bad);
  }, [of, ranks, rows]);
  return <DataTable label="Clusters and their placements" columns={COLUMNS} rows={all} rowKey={(one) => one.cluster} />;
}
