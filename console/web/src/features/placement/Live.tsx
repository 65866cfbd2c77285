import type { ReactNode } from 'react';

import type { ApiError } from '@/api/problem';
import { clock } from '@/lib/age';
import { parseObject } from '@/lib/objects';
import { Age } from '@/ui/Age';
import { Choice } from '@/ui/Choice';
import { Empty } from '@/ui/Empty';
import { ObjectTree } from '@/ui/ObjectTree';
import { Problem } from '@/ui/Problem';
import { State } from '@/ui/State';

import { imageTags, type LiveObject, liveNodes, useInspection } from './live';
import { Operations } from './Operations';
import type { Ref } from './queries';

const VIEWS = [
  ['events', 'Events'],
  ['logs', 'Logs'],
  ['manifest', 'Manifest'],
] as const;

function name({ cluster, application }: Ref): string {
  return `${cluster}/${application}`;
}

function Beside({ of }: { of: LiveObject }) {
  const ready = of.wanted === null ? '' : `${of.ready ?? 0}/${of.wanted} ready`;
  const restarts = of.restarts ? `${of.restarts} ${of.restarts === 1 ? 'restart' : 'restarts'}` : '';
  return (
    <>
      {(of.health !== 'unknown' || of.reason) && <State word={of.health} />}
      <span className="soft">{[of.reason, ready, restarts, imageTags(of.images), of.node].filter(Boolean).join(' · ')}</span>
      {of.created_at && <Age at={of.created_at} />}
    </>
  );
}

function Waiting() {
  return (
    <p className="loading" role="status">
      A worker looks at the cluster …
    </p>
  );
}

function Notes({ of }: { of: readonly string[] }) {
  return of.map((one) => (
    <p key={one} className="soft">
      {one}
    </p>
  ));
}

/** A part of an answer: waiting, the reason why there is none, or what it shows, with when that was and a way to look again. */
function Looked({ asked, children }: { asked: ReturnType<typeof useInspection>; children: ReactNode }) {
  return (
    <>
      {asked.isFetching && <Waiting />}
      {asked.isError && !asked.isFetching && <Problem error={asked.error as ApiError} />}
      {!asked.isFetching && (
        <p className="soft looked">
          {asked.data && `As it was at ${clock(asked.dataUpdatedAt)}. `}
          <button type="button" className="link" onClick={() => void asked.refetch()}>
            Look again
          </button>
        </p>
      )}
      {asked.data && children}
    </>
  );
}

/** The objects on the cluster now, with what hangs on each. */
export function LiveTree({ of, selected, select }: { of: Ref; selected: string; select: (object: string) => void }) {
  const asked = useInspection({ placement: name(of), what: 'tree', object: '', container: '' });
  const tree = asked.data?.tree;
  return (
    <Looked asked={asked}>
      {tree && (
        <>
          <Notes of={tree.notes} />
          <ObjectTree label="Objects on the cluster" nodes={liveNodes(tree.objects)} beside={(one) => <Beside of={one} />} selected={selected} select={select} />
        </>
      )}
    </Looked>
  );
}

function Events({ of, object }: { of: Ref; object: string }) {
  const asked = useInspection({ placement: name(of), what: 'events', object, container: '' });
  const found = asked.data?.events;
  return (
    <Looked asked={asked}>
      {found?.events.length === 0 && <Empty>The cluster tells of no events; it keeps them for about an hour.</Empty>}
      {found && found.events.length > 0 && (
        <ol className="events">
          {found.events.map((one, index) => (
            <li key={index}>
              <Age at={one.at || null} />
              <span>
                <b data-tone={one.type === 'Warning' ? 'degraded' : 'plain'}>{one.reason}</b> {one.message}{' '}
                <span className="soft">{parseObject(one.object).kind} {parseObject(one.object).name}</span>
              </span>
              <span className="soft">{one.times > 1 && `${one.times} times`}</span>
            </li>
          ))}
        </ol>
      )}
      {found && <Notes of={found.notes} />}
    </Looked>
  );
}

function Logs({ of, object, previous }: { of: Ref; object: string; previous: boolean }) {
  const asked = useInspection({ placement: name(of), what: 'logs', object, container: '', previous });
  const found = asked.data?.logs;
  return (
    <>
      <Choice
        label="Which logs"
        options={[
          { title: 'since the last restart', on: !previous, search: { previous: undefined } },
          { title: 'before it', on: previous, search: { previous: '1' } },
        ]}
      />
      <Looked asked={asked}>
        {found?.logs.length === 0 && <Empty>No container of it has written anything.</Empty>}
        {found?.logs.map((one) => (
          <section key={`${one.pod} ${one.container}`}>
            <h3>
              {one.pod} <span className="soft">{one.container}</span> {one.cut && <span className="soft">the last {one.lines.length} lines</span>}
            </h3>
            <pre className="log" tabIndex={0}>{one.lines.join('\n') || 'nothing'}</pre>
          </section>
        ))}
        {found && <Notes of={found.notes} />}
      </Looked>
    </>
  );
}

function Manifest({ of, object }: { of: Ref; object: string }) {
  const asked = useInspection({ placement: name(of), what: 'manifest', object, container: '' });
  const found = asked.data?.manifest;
  return (
    <Looked asked={asked}>
      {found && (
        <>
          <Notes of={found.notes} />
          <pre className="log" tabIndex={0}>{found.manifest}</pre>
        </>
      )}
    </Looked>
  );
}

/** What the cluster says of one object: its events, what its containers wrote, and its manifest. */
export function LiveObjectPanel({ of, object, view, previous }: { of: Ref; object: string; view: string; previous: boolean }) {
  const { kind, name: short } = parseObject(object);
  const open = VIEWS.find(([key]) => key === view)?.[0] ?? 'events';
  return (
    <section className="panel" aria-label={`${kind} ${short}`}>
      <h2>
        {kind} {short}
        <Choice label="What of it" options={VIEWS.map(([key, title]) => ({ title, on: key === open, search: { view: key } }))} />
      </h2>
      <Operations of={of} object={object} />
      {open === 'events' && <Events of={of} object={object} />}
      {open === 'logs' && <Logs of={of} object={object} previous={previous} />}
      {open === 'manifest' && <Manifest of={of} object={object} />}
    </section>
  );
}
