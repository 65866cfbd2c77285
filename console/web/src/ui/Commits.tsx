import type { SourceCommit } from '@/api/types';
import { Age } from '@/ui/Age';
import { CommitLink } from '@/ui/Versions';

/** Where a revision comes from, source by source: the version or commit, its subject, who wrote it and when. */
export function Commits({ of }: { of: readonly SourceCommit[] }) {
  if (of.length === 0) return <span className="soft">none</span>;
  return (
    <>
      {of.map(({ repo, ref, commit }) => (
        <span className="commit" key={`${repo} ${ref}`} title={`${repo} ${ref}\n${commit.id}`}>
          <code>
            <CommitLink id={commit.id} called={commit.version} />
          </code>{' '}
          {commit.subject}{' '}
          <span className="soft">
            {commit.author}
            {commit.at && (
              <>
                {commit.author && ', '}
                <Age at={commit.at} ago />
              </>
            )}
          </span>
        </span>
      ))}
    </>
  );
}
