import { Link, useSearch } from '@tanstack/react-router';

import type { Status } from '@/api/types';
import { given } from '@/lib/given';
import { look, ordered } from '@/lib/state';
import { sentences } from '@/lib/words';
import { Age } from '@/ui/Age';
import { BulkActions } from '@/ui/BulkActions';
import { Empty } from '@/ui/Empty';
import { PlacementTable } from '@/ui/PlacementTable';
import { Problems } from '@/ui/Problems';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Title } from '@/ui/Title';

import { headline, keptAlone } from './headline';
import { PictureOf } from './PictureOf';
import { type Filter, usePlacements, useProblems, useStatus } from './queries';

function Counts({ kind, counts, chosen }: { kind: 'health' | 'sync'; counts: Record<string, number>; chosen: string }) {
  const all = ordered(kind, counts);
  const shown = chosen && !all.some(([word]) => word === chosen) ? [...all, [chosen, 0] as const] : all;
  return (
    <div className="counts" role="group" aria-label={kind === 'health' ? 'Health' : 'Sync'}>
      <i aria-hidden="true">{kind}</i>
      {shown.map(([word, count]) => (
        <Link
          key={word}
          from="/"
          to="."
          search={(old: Filter) => ({ ...old, [kind]: word === chosen ? undefined : word })}
          className="count"
          data-tone={look(word).tone}
          activeOptions={{ exact: true, explicitUndefined: true }}
          data-on={word === chosen || undefined}
        >
          <b>{count.toLocaleString('en')}</b>
          <span>
            <span aria-hidden="true">{look(word).glyph}</span> {word}
          </span>
        </Link>
      ))}
    </div>
  );
}

/** Faults, and reasons why the work does not go on, that are told before the rest is counted. */
const TOLD = 4;

function Alerts({ status }: { status: Status }) {
  const away = Object.entries(status.clusters).filter(([word, count]) => word !== 'reachable' && count > 0);
  const told = headline(status);
  const more = [status.work, status.faults].reduce((all, { length }) => all + Math.max(0, length - TOLD), status.more_faults);
  return (
    <ul className="alerts">
      {told && (
        <li data-tone="failed">
          <b>{told}</b> <Link to="/faults">Which</Link>
        </li>
      )}
      {status.work.slice(0, TOLD).map((one) => (
        <li key={one.code} data-tone="failed">
          <b>The work does not go on:</b> <Sentence of={sentences(one.message, one.remedy)} />
        </li>
      ))}
      {away.map(([word, count]) => (
        <li key={word} data-tone={word === 'unreachable' ? 'failed' : 'unknown'}>
          <State word={word} /> {count} of {sum(status.clusters)} clusters. <Link to="/waiting">Which</Link>
        </li>
      ))}
      {status.blocked > 0 && (
        <li data-tone="blocked">
          <State word="blocked" /> {status.blocked} {status.blocked === 1 ? 'cluster is' : 'clusters are'} not written to
        </li>
      )}
      {status.paused > 0 && (
        <li data-tone="paused">
          <State word="paused" /> {status.paused.toLocaleString('en')} {status.paused === 1 ? 'placement gets' : 'placements get'} no runs by{' '}
          {status.paused === 1 ? 'itself' : 'themselves'}.{' '}
          <Link to="/" search={{ paused: 'true' }}>
            Which
          </Link>
        </li>
      )}
      {status.approvals.length > 0 && (
        <li data-tone="out-of-sync">
          <b>{status.approvals.length + status.more_approvals}</b> {status.approvals.length === 1 ? 'approval waits' : 'approvals wait'}:{' '}
          {status.approvals.slice(0, 3).map((one) => `${one.kind} of ${one.subject}`).join(', ')}
          {status.approvals.length > 3 && ` and ${status.approvals.length - 3 + status.more_approvals} more`}. <Link to="/waiting">Look and decide</Link>
        </li>
      )}
      {status.faults.slice(0, TOLD).map((one) => (
        <li key={`${one.scope} ${one.file} ${one.line} ${one.what}`} data-tone="degraded">
          <Link to="/faults">
            <code>{one.file ? `${one.file}:${one.line}` : one.scope}</code>
          </Link>{' '}
          <Sentence of={sentences(one.what, one.remedy)} /> <Age at={one.first_seen_at} ago />
        </li>
      ))}
      {more > 0 && (
        <li>
          {more.toLocaleString('en')} more: <Link to="/faults">all faults</Link>
        </li>
      )}
    </ul>
  );
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0);
}

/** All placements of a filter, in the order of their names, with what can be done with all of them. */
function Listed({ filter }: { filter: Filter }) {
  const found = usePlacements(filter);
  return (
    <section>
      <h2>Placements</h2>
      <Query of={found}>
        {(data) => {
          const rows = data.pages.flatMap((page) => page.items);
          if (rows.length === 0) return <Empty>No placement is like that now.</Empty>;
          return (
            <>
              {/* No request is made of what is paused by what is so: it is resumed one by one. */}
              {!filter.paused && <BulkActions of={given(filter)} />}
              <PlacementTable placements={rows} more={found.hasNextPage ? () => void found.fetchNextPage() : undefined} />
            </>
          );
        }}
      </Query>
    </section>
  );
}

function Worst({ filter, placed, retained }: { filter: Filter; placed: boolean; retained: number }) {
  const found = useProblems(filter);
  return (
    <section>
      <h2>Worst first</h2>
      <Query of={found}>
        {({ items, more }) => {
          if (items.length > 0) return <Problems of={items} more={more} />;
          if (!placed && retained > 0) return <p className="fine">{keptAlone(retained)}</p>;
          return placed ? (
            <p className="fine">
              <State word="healthy" /> Everything here is synced and healthy.
            </p>
          ) : (
            <Empty command="flotilla plan DIR">Nothing is placed that you may see. What a registry in a folder would place:</Empty>
          );
        }}
      </Query>
    </section>
  );
}

/** The fleet: counts that filter, the worst with their reasons, and the picture of it all. */
export function FleetPage() {
  const { health, sync, cluster, application, paused } = useSearch({ from: '/' });
  const filter = { health, sync, cluster, application, paused };
  const status = useStatus(filter);
  return (
    <>
      <Title of={status.data?.fleet?.name ?? 'Fleet'} />
      <Query of={status} title="Fleet">
        {(data) => (
          <>
            <h1>
              {data.fleet?.name ?? 'No registry read yet'}
              {data.fleet && (
                <small>
                  registry at <code>{data.fleet.commit.slice(0, 8) || '–'}</code>
                  {data.fleet.seen_commit && data.fleet.seen_commit !== data.fleet.commit && (
                    <>
                      , head <code>{data.fleet.seen_commit.slice(0, 8)}</code> is refused
                    </>
                  )}
                  , looked at <Age at={data.fleet.checked_at} ago />
                </small>
              )}
            </h1>
            {(sum(data.sync) > 0 || health || sync) && (
              <div className="summary">
                <Counts kind="health" counts={data.health} chosen={filter.health ?? ''} />
                <Counts kind="sync" counts={data.sync} chosen={filter.sync ?? ''} />
              </div>
            )}
            <Alerts status={data} />
            {health || sync || paused ? <Listed filter={filter} /> : <Worst filter={filter} placed={sum(data.sync) > 0} retained={data.retained} />}
            <PictureOf filter={filter} />
          </>
        )}
      </Query>
    </>
  );
}
