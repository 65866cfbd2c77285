import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';

import { type Column, DataTable } from '@/ui/DataTable';
import { State } from '@/ui/State';

import { byApplication, type Picture, type Tally, words } from './model';

interface Row {
  application: string;
  found: Tally;
}

const COLUMNS: readonly Column<Row>[] = [
  {
    key: 'application',
    title: 'Application',
    cell: ({ application }) => (
      <Link to="/applications/$application" params={{ application }}>
        {application}
      </Link>
    ),
  },
  { key: 'placed', title: 'Placed', numeric: true, cell: ({ found }) => `${found.placed.toLocaleString('en')} ${found.placed === 1 ? 'cluster' : 'clusters'}` },
  {
    key: 'how',
    title: 'How they are',
    wide: true,
    cell: ({ found }) => (
      <span className="tally">
        {words(found).map(([word, count]) => (
          <State key={word} word={word} count={count} />
        ))}
      </span>
    ),
  },
];

interface Props {
  of: Picture;
  ranks: Uint8Array;
  /** Of how many it tells, the worst first. */
  most?: number;
}

/** The columns of the picture, each as a line that leads to its application: the worst first. */
export function Applications({ of, ranks, most }: Props) {
  const all = useMemo(() => byApplication(of, ranks), [of, ranks]);
  return (
    <DataTable
      label="Applications"
      columns={COLUMNS}
      rows={most === undefined ? all : all.slice(0, most)}
      rowKey={({ application }) => application}
      href={({ application }) => `/applications/${encodeURIComponent(application)}`}
    />
  );
}
