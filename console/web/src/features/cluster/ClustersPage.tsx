import { Link, useSearch } from '@tanstack/react-router';

import type { Cluster } from '@/api/types';
import { distinct } from '@/lib/words';
import { Age } from '@/ui/Age';
import { Choice } from '@/ui/Choice';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Title } from '@/ui/Title';

import { reach } from './model';
import { useClusters } from './queries';

const COLUMNS: readonly Column<Cluster>[] = [
  {
    key: 'name',
    title: 'Cluster',
    cell: (one) => (
      <Link to="/clusters/$cluster" params={{ cluster: one.name }} title={one.name}>
        {one.name}
      </Link>
    ),
  },
  {
    key: 'reached',
    title: 'Reached',
    cell: (one) => (
      <span className="tally">
        <State word={reach(one)} />
        {one.blocked_code && <State word="blocked" />}
        {!one.declared && <State word="leaving" />}
      </span>
    ),
  },
  { key: 'placed', title: 'Placements', numeric: true, cell: (one) => `${one.synced} of ${one.placements} synced` },
  { key: 'why', title: 'Why', wide: true, cell: (one) => <Sentence of={distinct(one.blocked, one.error).join('; ')} /> },
  { key: 'version', title: 'Version', cell: (one) => one.version },
  {
    key: 'seen',
    title: 'Answered',
    numeric: true,
    cell: (one) => (
      <span className="soft">
        <span className="narrow-only">answered </span>
        <Age at={one.last_seen_at} ago />
      </span>
    ),
  },
];

/** All clusters: which of them are reached and written to, and why others are not. */
export function ClustersPage() {
  const troubled = useSearch({ from: '/clusters' }).show === 'problems';
  const found = useClusters(troubled);
  return (
    <>
      <Title of="Clusters" />
      <h1>
        Clusters
        <Choice
          label="Which clusters"
          options={[
            { title: 'all', on: !troubled, search: { show: undefined } },
            { title: 'in trouble', on: troubled, search: { show: 'problems' } },
          ]}
        />
      </h1>
      <Query of={found}>
        {(all) =>
          all.length > 0 ? (
            <DataTable label="Clusters" columns={COLUMNS} rows={all} rowKey={(one) => one.name} href={(one) => `/clusters/${encodeURIComponent(one.name)}`} />
          ) : troubled ? (
            <p className="fine">
              <State word="reachable" /> Every cluster that you may see is reached and written to.
            </p>
          ) : (
            <Empty command="flotilla cluster add NAME">No cluster that you may see is declared. One is taken in by:</Empty>
          )
        }
      </Query>
    </>
  );
}
