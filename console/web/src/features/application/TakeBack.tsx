import type { Version } from '@/api/types';
import { Commits } from '@/ui/Commits';

import { former } from './model';

/** How the version that is wanted is taken back: Git says what runs, so it is taken back there. */
export function TakeBack({ of }: { of: readonly Version[] }) {
  const wanted = of.find((one) => one.wanted > 0);
  if (wanted === undefined) return null;
  const before = former(of);
  return (
    <details className="card">
      <summary>Take it back …</summary>
      <p>Git says what runs. Take this back where it was made, and every placement follows:</p>
      {wanted.sources.map(({ repo, ref, commit }) => (
        <div key={`${repo} ${ref}`}>
          <code>{repo}</code>
          <Commits of={[{ repo, ref, commit }]} />
          <pre className="command">
            <code>{`git revert --no-edit ${commit.id}\ngit push`}</code>
          </pre>
        </div>
      ))}
      <p>
        To hold a target where it was meanwhile, pin it in the registry
        {before && (
          <>
            : <code>{`pin: {commit: ${before}}`}</code>
          </>
        )}
        . To keep it from clusters that do not have it yet, pause these: their placements are on the tab beside this one.
      </p>
    </details>
  );
}
