import { Link, useSearch } from '@tanstack/react-router';

import type { Approval, Cluster } from '@/api/types';
import { distinct } from '@/lib/words';
import { Age } from '@/ui/Age';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Tabs } from '@/ui/Tabs';
import { Title } from '@/ui/Title';

import { Approvals, Subject } from './Approvals';
import { useApprovals, useAway, useStatus } from './queries';

const TABS = [
  ['open', 'Open'],
  ['decided', 'Decided'],
] as const;

const DECIDED: readonly Column<Approval>[] = [
  {
    key: 'subject',
    title: 'What',
    cell: (one) => (
      <>
        {one.kind} <Subject of={one} />
      </>
    ),
  },
  { key: 'state', title: 'State', cell: (one) => <State word={one.state} /> },
  { key: 'by', title: 'By', cell: (one) => one.decided_by },
  { key: 'why', title: 'Why', wide: true, cell: (one) => one.decision_reason || <span className="soft">no reason given</span> },
  { key: 'age', title: 'Decided', numeric: true, cell: (one) => <Age at={one.decided_at} ago /> },
];

function Decided() {
  const found = useApprovals('all');
  return (
    <Query of={found}>
      {({ items }) => {
        const all = items.filter((one) => one.state !== 'open');
        return all.length > 0 ? (
          <DataTable label="Decided" columns={DECIDED} rows={all} rowKey={(one) => String(one.id)} />
        ) : (
          <Empty command="flotilla approve ID --reason WHY">Nothing was decided yet. A decision is made here, or by:</Empty>
        );
      }}
    </Query>
  );
}

const AWAY: readonly Column<Cluster>[] = [
  {
    key: 'name',
    title: 'Cluster',
    cell: (one) => (
      <Link to="/clusters/$cluster" params={{ cluster: one.name }}>
        {one.name}
      </Link>
    ),
  },
  {
    key: 'state',
    title: 'State',
    cell: (one) => <State word={one.blocked_code ? 'blocked' : one.reachable === null ? 'unknown' : 'unreachable'} />,
  },
  { key: 'why', title: 'Reason', wide: true, cell: (one) => <Sentence of={distinct(one.blocked, one.error).join('; ')} /> },
  { key: 'placements', title: 'Holds up', numeric: true, cell: (one) => `${one.placements} ${one.placements === 1 ? 'placement' : 'placements'}` },
  { key: 'age', title: 'Answered', numeric: true, cell: (one) => <Age at={one.last_seen_at} ago /> },
];

function Away() {
  const found = useAway();
  const away = found.data ?? [];
  if (away.length === 0) return null;
  return (
    <section>
      <h2>Clusters that hold up</h2>
      <DataTable
        label="Clusters"
        columns={AWAY}
        rows={away}
        rowKey={(one) => one.name}
        href={(one) => `/clusters/${encodeURIComponent(one.name)}`}
      />
    </section>
  );
}

function Standing() {
  const { data } = useStatus();
  if (data === undefined) return null;
  return (
    <small className="states">
      {data.leaving > 0 && <State word="leaving" count={data.leaving} />}
      {data.paused > 0 && <State word="paused" count={data.paused} />}
    </small>
  );
}

/** What waits for a person, with what exactly a yes would do; and what else keeps work from going on. */
export function WaitingPage() {
  const { tab } = useSearch({ from: '/waiting' });
  return (
    <>
      <Title of="Waiting" />
      <h1>
        Waiting
        <Standing />
      </h1>
      <Tabs tabs={TABS} open={tab === 'decided' ? tab : 'open'} />
      {tab === 'decided' ? (
        <Decided />
      ) : (
        <>
          <Approvals />
          <Away />
        </>
      )}
    </>
  );
}
