import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';

import type { InventoryObject, Placement, Why } from '@/api/types';
import { outside } from '@/lib/links';
import { nodes as nodesOf } from '@/lib/objects';
import { obstacles } from '@/lib/reasons';
import { worst } from '@/lib/state';
import { Age } from '@/ui/Age';
import { Choice } from '@/ui/Choice';
import { Commits } from '@/ui/Commits';
import { Empty } from '@/ui/Empty';
import { Facts } from '@/ui/Facts';
import { ObjectTree } from '@/ui/ObjectTree';
import { Query } from '@/ui/Query';
import { Results } from '@/ui/Results';
import { RunTable } from '@/ui/RunTable';
import { State } from '@/ui/State';
import { Sentence, Steps } from '@/ui/Steps';
import { Tabs } from '@/ui/Tabs';
import { Title } from '@/ui/Title';

import { Actions } from './Actions';
import { LiveObjectPanel, LiveTree } from './Live';
import { type Ref, useObjects, useRuns, useWhy } from './queries';

const TABS = [
  ['objects', 'Objects'],
  ['changes', 'Last change'],
  ['runs', 'Runs'],
  ['events', 'Events'],
] as const;

/** Return a text, or nothing where the sentences above have it already. */
function untold(text: string, told: readonly string[]): string {
  return told.some((one) => one.includes(text)) ? '' : text;
}

function Reason({ of: { placement, next_steps } }: { of: Why }) {
  const { failure } = placement;
  const reasons = obstacles(placement);
  const remedy = failure && untold(String(failure.params['remedy'] ?? ''), reasons);
  return (
    <section className="reason" aria-label="Why">
      {reasons.map((one) => (
        <p key={one}>
          <Sentence of={one} />
        </p>
      ))}
      {placement.paused_by && (
        <p>
          <State word="paused" /> by {placement.paused_by}
          {placement.pause_reason && `: ${placement.pause_reason}`}
          {placement.paused_at && (
            <>
              , <Age at={placement.paused_at} ago />
            </>
          )}
        </p>
      )}
      {failure && (
        <Facts
          of={[
            ['Error', untold(failure.message, reasons) && <code className="message">{failure.message}</code>],
            ['Remedy', remedy && <Sentence of={remedy} />],
            ['Since', <Age at={failure.since} ago />],
            ['Tried', `${failure.count} ${failure.count === 1 ? 'time' : 'times'}`],
            ['Code', <code>{failure.code}</code>],
          ]}
        />
      )}
      <Steps of={next_steps} />
    </section>
  );
}

function Beside({ of }: { of: InventoryObject }) {
  return (
    <>
      {/* A kind whose health nobody looks at has none to show. */}
      {(of.health !== 'unknown' || of.health_reason) && <State word={of.health} />}
      <span className="soft">
        {[of.health_reason, !of.wanted && 'to be pruned', of.adopted && 'adopted', of.refused].filter(Boolean).join('; ')}
      </span>
    </>
  );
}

function Stored({ of, seen }: { of: Ref; seen: string | null }) {
  const found = useObjects(of);
  const objects = found.data?.objects;
  const nodes = useMemo(() => nodesOf(objects ?? []), [objects]);
  return (
    <Query of={found}>
      {() =>
        nodes.length > 0 ? (
          <>
            <p className="soft looked">
              Seen <Age at={seen} ago={seen !== null} />.
            </p>
            <ObjectTree label="Objects" nodes={nodes} beside={(one) => <Beside of={one} />} />
          </>
        ) : (
          <Empty command={`flotilla diff ${of.cluster}/${of.application}`}>It owns nothing yet. What a run would create:</Empty>
        )
      }
    </Query>
  );
}

function Objects({ of, seen }: { of: Ref; seen: string | null }) {
  const { live, object = '', view = '', previous } = useSearch({ from: '/placements/$cluster/$application' });
  const navigate = useNavigate({ from: '/placements/$cluster/$application' });
  const select = (key: string) => void navigate({ search: (old: object) => ({ ...old, object: key }), replace: true });
  return (
    <>
      <div className="above">
        <Choice
          label="Which objects"
          options={[
            { title: 'as last seen', on: !live, search: { live: undefined, object: undefined } },
            { title: 'on the cluster now', on: Boolean(live), search: { live: '1' } },
          ]}
        />
      </div>
      {live ? <LiveTree of={of} selected={object} select={select} /> : <Stored of={of} seen={seen} />}
      {live && object && <LiveObjectPanel of={of} object={object} view={view} previous={previous !== undefined} />}
    </>
  );
}

function Runs({ cluster, application }: Ref) {
  const found = useRuns({ cluster, application });
  return (
    <Query of={found}>
      {(page) => (
        <>
          {page.items.length > 0 ? <RunTable runs={page.items} of="one placement" /> : <Empty>No run yet.</Empty>}
          {page.after && (
            <p>
              <Link to="/runs" search={{ cluster, application }}>
                All of its runs
              </Link>
            </p>
          )}
        </>
      )}
    </Query>
  );
}

function Changes({ of }: { of: Why }) {
  if (of.last_change === null) return <Empty>None of its last runs changed anything.</Empty>;
  return (
    <>
      <p className="soft">
        <Link to="/runs/$run" params={{ run: of.last_change.id }}>
          The run
        </Link>{' '}
        of <Age at={of.last_change.created_at} ago />, by {of.last_change.actor}: {of.last_change.cause || of.last_change.trigger}
      </p>
      <Results of={of.changes} />
    </>
  );
}

function Events({ of }: { of: Why }) {
  if (of.events.length === 0) return <Empty>Nothing has come about yet.</Empty>;
  return (
    <ol className="events">
      {[...of.events].reverse().map((one) => (
        <li key={one.id}>
          <Age at={one.at} /> <span>
            <Sentence of={one.sentence} />
          </span>
          {one.run && (
            <Link to="/runs/$run" params={{ run: one.run }}>
              run
            </Link>
          )}
        </li>
      ))}
    </ol>
  );
}

/** What its project and the fleet link to; each opens beside the page, and does not learn from where. */
function Elsewhere({ of }: { of: Ref }) {
  const links = useObjects(of).data?.links ?? [];
  if (links.length === 0) return null;
  return (
    <p className="elsewhere">
      {links.map(({ name, url }) => {
        const address = outside(url);
        return (
          address && (
            <a key={name} href={address} target="_blank" rel="noopener noreferrer">
              {name}
            </a>
          )
        );
      })}
    </p>
  );
}

function Heading({ of }: { of: Placement }) {
  return (
    <h1>
      <Link to="/clusters/$cluster" params={{ cluster: of.cluster }}>
        {of.cluster}
      </Link>
      /
      <Link to="/applications/$application" params={{ application: of.application }}>
        {of.application}
      </Link>
      <span className="states">
        <span>
          <small>sync</small> <State word={of.sync} title={`confirmed ${of.confirmed_at ?? 'never'}`} />
        </span>
        <span>
          <small>health</small> <State word={of.health} />
        </span>
        {of.state !== 'placed' && <State word={of.state} />}
        <small>
          confirmed <Age at={of.confirmed_at} ago />
        </small>
      </span>
    </h1>
  );
}

/** One placement: why it is as it is and what to do first, then its objects, runs and events. */
export function PlacementPage() {
  const ref = useParams({ from: '/placements/$cluster/$application' });
  const { tab = 'objects' } = useSearch({ from: '/placements/$cluster/$application' });
  const why = useWhy(ref);
  const stand = why.data?.placement;
  return (
    <>
      <Title of={`${ref.cluster}/${ref.application}`} word={stand && worst(stand.sync, stand.health)} />
      <Query of={why} title={`${ref.cluster}/${ref.application}`}>
        {(data) => (
          <>
            <Heading of={data.placement} />
            <Actions of={data.placement} />
            <Reason of={data} />
            <Facts
              of={[
                ['Applied', <Commits of={data.applied} />],
                ['Wanted', data.placement.desired_sources.length > 0 && <Commits of={data.wanted} />],
                ['Health seen', <Age at={data.placement.health_at} ago />],
              ]}
            />
            <Elsewhere of={ref} />
            <Tabs tabs={TABS} open={tab} />
            {tab === 'runs' && <Runs {...ref} />}
            {tab === 'changes' && <Changes of={data} />}
            {tab === 'events' && <Events of={data} />}
            {!TABS.slice(1).some(([key]) => key === tab) && <Objects of={ref} seen={data.placement.health_at} />}
          </>
        )}
      </Query>
    </>
  );
}
