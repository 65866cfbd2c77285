import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';

import type { Run } from '@/api/types';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { RunTable } from '@/ui/RunTable';

interface Props {
  of: UseInfiniteQueryResult<InfiniteData<{ items: Run[] }>>;
  /** What is synced by hand, as a command names it. */
  placement: string;
}

/** The runs of several placements, the newest first. */
export function History({ of, placement }: Props) {
  return (
    <Query of={of}>
      {(data) => {
        const runs = data.pages.flatMap((page) => page.items);
        return runs.length > 0 ? (
          <RunTable runs={runs} of="all" more={of.hasNextPage ? () => void of.fetchNextPage() : undefined} />
        ) : (
          <Empty command={`flotilla sync ${placement}`}>No run yet, of what you may read. One is made of each new revision, or when somebody asks:</Empty>
        );
      }}
    </Query>
  );
}
