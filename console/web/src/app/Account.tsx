import { Link } from '@tanstack/react-router';
import { useRef } from 'react';

import { held, useMe } from '@/api/me';

const LISTED = 12;

/** Who is signed in, what they may do where, and the way out. */
export function Account() {
  const me = useMe();
  const box = useRef<HTMLDetailsElement>(null);
  const close = () => {
    if (box.current) box.current.open = false;
  };
  const rights = me.data ? held(me.data) : [];
  return (
    <details
      ref={box}
      className="account"
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) close();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        close();
        box.current?.querySelector('summary')?.focus();
      }}
    >
      <summary className="quiet">{me.data?.actor ?? 'You'}</summary>
      <div className="sheet" tabIndex={-1}>
        <p>
          <b>{me.data?.actor}</b> <span className="soft">{me.data && `by ${me.data.means}`}</span>
        </p>
        <dl className="facts">
          {rights.slice(0, LISTED).map(({ project, verbs }) => (
            <div key={project ?? ''}>
              <dt>{project ?? 'everywhere'}</dt>
              <dd>{verbs.join(', ')}</dd>
            </div>
          ))}
        </dl>
        {rights.length > LISTED && <p className="soft">and in {rights.length - LISTED} more projects</p>}
        {me.data && rights.length === 0 && <p>You have no rights yet.</p>}
        <p>
          <Link to="/access" onClick={close}>
            Sessions, tokens and what you may do
          </Link>
        </p>
        <form method="post" action="/logout">
          <button type="submit" className="act">
            Sign out
          </button>
        </form>
      </div>
    </details>
  );
}
