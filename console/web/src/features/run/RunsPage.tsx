import { useSearch } from '@tanstack/react-router';

import { Choice } from '@/ui/Choice';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { RunTable } from '@/ui/RunTable';
import { Title } from '@/ui/Title';

import { useRuns } from './queries';

const OUTCOMES = ['failed', 'needs-approval', 'succeeded'] as const;

/** Runs, newest first. */
export function RunsPage() {
  const filter = useSearch({ from: '/runs' });
  const found = useRuns(filter);
  const of = [filter.cluster, filter.application].filter(Boolean).join('/');
  return (
    <>
      <Title of={of ? `Runs of ${of}` : 'Runs'} />
      <h1>
        Runs{of && <small>of {of}</small>}
        <Choice
          label="Which runs"
          options={[
            { title: 'all', on: !filter.outcome && !filter.state, search: { outcome: undefined, state: undefined } },
            { title: 'running', on: filter.state === 'running', search: { outcome: undefined, state: 'running' } },
            ...OUTCOMES.map((word) => ({ title: word, on: filter.outcome === word, search: { outcome: word, state: undefined } })),
          ]}
        />
      </h1>
      <Query of={found}>
        {(data) => {
          const runs = data.pages.flatMap((page) => page.items);
          return runs.length > 0 ? (
            <RunTable runs={runs} of="all" more={found.hasNextPage ? () => void found.fetchNextPage() : undefined} />
          ) : (
            <Empty command="flotilla sync CLUSTER/APPLICATION">No run like that, of what you may read. One is made of each new revision, or when somebody asks:</Empty>
          );
        }}
      </Query>
    </>
  );
}
