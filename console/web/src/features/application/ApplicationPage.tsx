import { Link, useParams, useSearch } from '@tanstack/react-router';

import type { Version } from '@/api/types';
import { given } from '@/lib/given';
import { look, ordered } from '@/lib/state';
import { BulkActions } from '@/ui/BulkActions';
import { Commits } from '@/ui/Commits';
import { type Column, DataTable } from '@/ui/DataTable';
import { Empty } from '@/ui/Empty';
import { History as Runs } from '@/ui/History';
import { PlacementTable } from '@/ui/PlacementTable';
import { Problems } from '@/ui/Problems';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Tabs } from '@/ui/Tabs';
import { Title } from '@/ui/Title';

import { healthOf, NAMED, outlook } from './model';
import { usePlacements, useProblems, useRuns, useVersions } from './queries';
import { TakeBack } from './TakeBack';

const TABS = [
  ['placements', 'Placements'],
  ['history', 'History'],
] as const;

function Clusters({ of }: { of: readonly string[] }) {
  return (
    <>
      {of.slice(0, NAMED).map((name, index) => (
        <span key={name}>
          {index > 0 && ', '}
          <Link to="/clusters/$cluster" params={{ cluster: name }}>
            {name}
          </Link>
        </span>
      ))}
      {of.length > NAMED && <span className="soft"> and {(of.length - NAMED).toLocaleString('en')} more</span>}
    </>
  );
}

function Tally({ kind, of }: { kind: 'health' | 'sync'; of: Record<string, number> }) {
  return (
    <span className="tally">
      {ordered(kind, of).map(([word, count]) => (
        <State key={word} word={word} count={count} />
      ))}
    </span>
  );
}

const COLUMNS: readonly Column<Version>[] = [
  {
    key: 'version',
    title: 'Version',
    cell: (one) => (one.sources.length > 0 ? <Commits of={one.sources} /> : <span className="soft">nothing applied yet</span>),
  },
  { key: 'on', title: 'On', numeric: true, cell: (one) => `${one.clusters.length.toLocaleString('en')} ${one.clusters.length === 1 ? 'cluster' : 'clusters'}` },
  { key: 'sync', title: 'Sync', cell: (one) => <Tally kind="sync" of={one.sync} /> },
  { key: 'health', title: 'Health', cell: (one) => <Tally kind="health" of={one.health} /> },
  {
    key: 'where',
    title: 'Where',
    wide: true,
    cell: (one) => (
      <>
        <Clusters of={one.clusters} />
        {outlook(one) && <span className="soft">{one.clusters.length > 0 ? `; ${outlook(one)}` : outlook(one)}</span>}
      </>
    ),
  },
];

function versionKey(one: Version): string {
  return one.sources.map(({ repo, ref, commit }) => `${repo} ${ref} ${commit.id}`).join('\n');
}

function Placements({ application }: { application: string }) {
  const { health } = useSearch({ from: '/applications/$application' });
  const found = usePlacements(application, health);
  return (
    <Query of={found}>
      {(data) => {
        const all = data.pages.flatMap((page) => page.items);
        return all.length > 0 ? (
          <>
            <BulkActions of={given({ application, health })} />
            <PlacementTable placements={all} versions more={found.hasNextPage ? () => void found.fetchNextPage() : undefined} />
          </>
        ) : (
          <Empty>None of its placements is like that now.</Empty>
        );
      }}
    </Query>
  );
}

function History({ of, application }: { of: readonly Version[]; application: string }) {
  return (
    <>
      <TakeBack of={of} />
      <Runs of={useRuns(application)} placement={`CLUSTER/${application}`} />
    </>
  );
}

/** What leads to the placements of one health, with their count. */
function Healths({ of }: { of: Record<string, number> }) {
  const { health: chosen } = useSearch({ from: '/applications/$application' });
  return (
    <span className="choice" role="group" aria-label="Health">
      {ordered('health', of).map(([word, count]) => (
        <Link
          key={word}
          from="/applications/$application"
          to="."
          search={{ health: word === chosen ? undefined : word }}
          aria-current={word === chosen || undefined}
        >
          <span className="tone" data-tone={look(word).tone}>
            <span aria-hidden="true">{look(word).glyph}</span> {count.toLocaleString('en')} {word}
          </span>
        </Link>
      ))}
    </span>
  );
}

/** One application: which version runs where, what is wrong with it, its placements and its history. */
export function ApplicationPage() {
  const { application } = useParams({ from: '/applications/$application' });
  const { tab = 'placements' } = useSearch({ from: '/applications/$application' });
  const versions = useVersions(application);
  const problems = useProblems(application, versions.data !== undefined);
  return (
    <>
      <Title of={application} word={versions.data && ordered('health', healthOf(versions.data))[0]?.[0]} />
      <Query of={versions} title={application}>
        {(data) => (
          <>
            <h1>
              {application}
              <Healths of={healthOf(data)} />
            </h1>
            <DataTable label="Versions" columns={COLUMNS} rows={data} rowKey={versionKey} />
            {problems.data && problems.data.items.length > 0 && (
              <section>
                <h2>Problems</h2>
                <Problems of={problems.data.items} more={problems.data.more} />
              </section>
            )}
            <Tabs tabs={TABS} open={tab === 'history' ? tab : 'placements'} />
            {tab === 'history' ? <History of={data} application={application} /> : <Placements application={application} />}
          </>
        )}
      </Query>
    </>
  );
}
