import { Link, useSearch } from '@tanstack/react-router';

import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { RunTable } from '@/ui/RunTable';

import { useRuns } from './queries';

const OUTCOMES = ['failed', 'needs-approval', 'succeeded'] as const;

/** Runs, newest first. */
export function RunsPage() {
  const filter = useSearch({ from: '/runs' });
  const found = useRuns(filter);
  const of = [filter.cluster, filter.application].filter(Boolean).join('/');
  return (
    <>
      <h1>
        Runs{of && <small>of {of}</small>}
        <span className="choice" role="group" aria-label="Outcome">
          <Link from="/runs" to="." search={(old: object) => ({ ...old, outcome: undefined, state: undefined })} aria-current={!filter.outcome && !filter.state ? true : undefined}>
            all
          </Link>
          <Link from="/runs" to="." search={(old: object) => ({ ...old, outcome: undefined, state: 'running' })} aria-current={filter.state === 'running' || undefined}>
            running
          </Link>
          {OUTCOMES.map((word) => (
            <Link key={word} from="/runs" to="." search={(old: object) => ({ ...old, outcome: word, state: undefined })} aria-current={filter.outcome === word || undefined}>
              {word}
            </Link>
          ))}
        </span>
      </h1>
      <Query of={found}>
        {(data) => {
          const runs = data.pages.flatMap((page) => page.items);
          return runs.length > 0 ? (
            <RunTable runs={runs} of="all" more={found.hasNextPage ? () => void found.fetchNextPage() : undefined} />
          ) : (
            <Empty command="flotilla sync CLUSTER/APPLICATION">No such run. One is made of each new revision, or when somebody asks:</Empty>
          );
        }}
      </Query>
    </>
  );
}
