import { Link } from '@tanstack/react-router';

/** The commits of sources, eight characters of each, with a plus between two; each leads to who has it. */
export function Versions({ of }: { of: readonly { revision: string }[] }) {
  if (of.length === 0) return <code>–</code>;
  return (
    <code>
      {of.map(({ revision }, index) => (
        <span key={index}>
          {index > 0 && '+'}
          <CommitLink id={revision} />
        </span>
      ))}
    </code>
  );
}

/** A link to a commit, by what it is called or eight characters of its id. */
export function CommitLink({ id, called = '' }: { id: string; called?: string }) {
  return (
    <Link to="/commits/$name" params={{ name: id }} title={id}>
      {called || id.slice(0, 8)}
    </Link>
  );
}
