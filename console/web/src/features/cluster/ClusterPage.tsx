import { Link, useParams, useSearch } from '@tanstack/react-router';

import type { Cluster } from '@/api/types';
import { look } from '@/lib/state';
import { distinct } from '@/lib/words';
import { Age } from '@/ui/Age';
import { useNow } from '@/ui/clock';
import { Empty } from '@/ui/Empty';
import { Facts } from '@/ui/Facts';
import { History } from '@/ui/History';
import { PlacementTable } from '@/ui/PlacementTable';
import { Query } from '@/ui/Query';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';
import { Tabs } from '@/ui/Tabs';
import { Title } from '@/ui/Title';

import { ending, reach } from './model';
import { useCluster, usePlacements, useRuns, useStatus } from './queries';

const TABS = [
  ['placements', 'Placements'],
  ['history', 'History'],
] as const;

function Credentials({ end }: { end: string }) {
  const found = ending(end, useNow());
  if (found === null) return null;
  const { glyph, tone } = look(found.word);
  return (
    <span className="tone" data-tone={tone} title={new Date(end).toLocaleString()}>
      <span aria-hidden="true">{glyph}</span> {found.said}
    </span>
  );
}

function Detail({ of }: { of: Cluster }) {
  const retained = useStatus(of.name).data?.retained ?? 0;
  const wrong = distinct(of.blocked, of.error);
  return (
    <>
      <h1>
        {of.name}
        <span className="states">
          <State word={reach(of)} />
          {of.blocked_code && <State word="blocked" />}
          {!of.declared && <State word="leaving" />}
          <small>
            answered <Age at={of.last_seen_at} ago />
          </small>
        </span>
      </h1>
      <section className="reason" aria-label="Why">
        {wrong.length > 0 ? wrong.map((one) => <p key={one}><Sentence of={one} /></p>) : reach(of) === 'reachable' && !of.blocked_code && retained === 0 && <p className="soft">Nothing is in the way.</p>}
        {retained > 0 && (
          <p>
            <State word="retained" count={retained} />: the registry does not place {retained === 1 ? 'it' : 'them'} here any more.{' '}
            <Link to="/faults">Faults</Link> may say why.
          </p>
        )}
        {reach(of) === 'unreachable' && (
          <p>
            <Sentence of={`The hub tries again by itself. What exactly is in the way: \`flotilla cluster check ${of.name}\`.`} />
          </p>
        )}
        {(of.blocked_code || of.error_code) && <p className="soft"><code>{distinct(of.blocked_code, of.error_code).join(' ')}</code></p>}
      </section>
      <Facts
        of={[
          ['Placements', [of.placements > 0 || retained === 0 ? `${of.synced} of ${of.placements} synced` : '', retained > 0 && `${retained} retained: not placed any more, and left as they are`].filter(Boolean).join('; ')],
          ['Swept', <Age at={of.swept_at} ago />],
          ['Credentials', of.credentials_expire_at === null ? <span className="soft">no end is known</span> : <Credentials end={of.credentials_expire_at} />],
          ['Version', of.version],
          ['Server', <code>{of.server}</code>],
          ['Pool', of.pool],
        ]}
      />
    </>
  );
}

function Placements({ cluster }: { cluster: string }) {
  const { health } = useSearch({ from: '/clusters/$cluster' });
  const found = usePlacements(cluster, health);
  return (
    <Query of={found}>
      {(data) => {
        const all = data.pages.flatMap((page) => page.items);
        return all.length > 0 ? (
          <PlacementTable placements={all} versions more={found.hasNextPage ? () => void found.fetchNextPage() : undefined} />
        ) : (
          <Empty command="flotilla plan DIR">Nothing is placed here that you may see. What a registry in a folder would place:</Empty>
        );
      }}
    </Query>
  );
}

function Runs({ cluster }: { cluster: string }) {
  return <History of={useRuns(cluster)} placement={`${cluster}/APPLICATION`} />;
}

/** One cluster: whether it is reached and why not, how long its credentials hold, and what is placed there. */
export function ClusterPage() {
  const { cluster } = useParams({ from: '/clusters/$cluster' });
  const { tab } = useSearch({ from: '/clusters/$cluster' });
  const found = useCluster(cluster);
  return (
    <>
      <Title of={cluster} word={found.data?.[0] && reach(found.data[0])} />
      <Query of={found} title={cluster}>
        {(data) => (
          <>
            {data.map((one) => (
              <Detail key={one.name} of={one} />
            ))}
            <Tabs tabs={TABS} open={tab === 'history' ? tab : 'placements'} />
            {tab === 'history' ? <Runs cluster={cluster} /> : <Placements cluster={cluster} />}
          </>
        )}
      </Query>
    </>
  );
}
