import { useParams } from '@tanstack/react-router';

import type { Attempt, RunDetail } from '@/api/types';
import { useRun } from '@/api/runs';
import { milliseconds, took } from '@/lib/age';
import { Age } from '@/ui/Age';
import { Empty } from '@/ui/Empty';
import { Facts } from '@/ui/Facts';
import { Query } from '@/ui/Query';
import { Results } from '@/ui/Results';
import { counted, did, PlacementLink, standing } from '@/ui/RunTable';
import { State } from '@/ui/State';
import { Sentence, Steps } from '@/ui/Steps';
import { Title } from '@/ui/Title';
import { Versions } from '@/ui/Versions';

import { stages } from './model';

/** An attempt as a bar, a part for each stage; the same in words beside it. */
function Timeline({ of }: { of: Attempt }) {
  const parts = stages(of.timings);
  return (
    <li>
      <span className="line">
        <b>#{of.number}</b> <State word={of.outcome || 'running'} /> <span className="soft">{of.worker}</span>
        <Age at={of.started_at} ago />
        <span className="soft">{took(of.started_at, of.ended_at)}</span>
      </span>
      {of.error && (
        <p className="error">
          {of.error} {of.error_code && <code>{of.error_code}</code>}
        </p>
      )}
      {parts.length > 0 && (
        <>
          <svg className="stages" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            {parts.map((one, index) => (
              <rect key={one.name} x={one.from} width={one.share} height="4" data-odd={index % 2 === 1 || undefined} />
            ))}
          </svg>
          <p className="soft">
            {parts.map((one) => `${one.name} ${milliseconds(one.took)}`).join(' · ')}
            {Object.keys(of.requests).length > 0 && ` — requests: ${counted(of.requests)}`}
          </p>
        </>
      )}
    </li>
  );
}

/** Where Flower shows the tasks of a run: its page looks for what stands after a field's name. */
function inFlower(run: string): string {
  return `/flower/tasks?name=${encodeURIComponent(`flotilla args:${run}`)}`;
}

function Detail({ of: { run, attempts, objects, next_steps } }: { of: RunDetail }) {
  const told = run.error || run.reason;
  return (
    <>
      <h1>
        <PlacementLink placement={run.ref} />
        <span className="states">
          <State word={standing(run)} />
          <small>
            {run.ended_at ? 'ended' : 'made'} <Age at={run.ended_at ?? run.created_at} ago />
          </small>
        </span>
      </h1>
      <section className="reason" aria-label="Why">
        <p className={told ? undefined : 'soft'}><Sentence of={told || did(run) || 'Nothing to tell yet.'} /></p>
        {run.error_code && <code>{run.error_code}</code>}
        <Steps of={next_steps} />
      </section>
      <Facts
        of={[
          ['Why', run.cause || run.trigger],
          ['By', run.actor],
          ['Version', <Versions of={run.sources} />],
          ['Took', took(run.started_at, run.ended_at)],
          ['Run', <code>{run.id}</code>],
          ['Its task', <a href={inFlower(run.id)}>in Flower</a>],
          ['Manifests', run.manifest_digest && <code title={run.manifest_digest}>sha256:{run.manifest_digest.slice(0, 16)}…</code>],
        ]}
      />
      <h2>Attempts</h2>
      {attempts.length > 0 ? (
        <ol className="attempts">
          {attempts.map((one) => (
            <Timeline key={one.number} of={one} />
          ))}
        </ol>
      ) : (
        <Empty>No worker has taken it yet.</Empty>
      )}
      <h2>Objects</h2>
      {objects.length > 0 ? <Results of={objects} /> : <Empty>Nothing was done to any object.</Empty>}
    </>
  );
}

/** One run: how it ended and why, each attempt by stage, and what it did to each object. */
export function RunPage() {
  const { run } = useParams({ from: '/runs/$run' });
  const found = useRun(run);
  const seen = found.data?.run;
  return (
    <>
      <Title of={seen ? `Run of ${seen.ref}` : 'Run'} word={seen && standing(seen)} />
      <Query of={found} title={`Run ${run.slice(-12)}`} every={seen?.state === 'ended' ? false : undefined}>
        {(data) => <Detail of={data} />}
      </Query>
    </>
  );
}
