import { Link } from '@tanstack/react-router';
import { useId, useState } from 'react';

import type { Approval } from '@/api/types';
import { type Action, ActionPanel, useLack } from '@/ui/ActionPanel';
import { Age } from '@/ui/Age';
import { Empty } from '@/ui/Empty';
import { Query } from '@/ui/Query';
import { PlacementLink } from '@/ui/RunTable';

import { Listed } from './Listed';
import { type Group, groups, meaning } from './model';
import { useApprovals } from './queries';

/** What an approval is of, as a link. */
export function Subject({ of }: { of: Approval }) {
  if (of.subject.includes('/')) return <PlacementLink placement={of.subject} />;
  if (of.kind === 'leaving') return <>the fleet</>;
  return (
    <Link to="/clusters/$cluster" params={{ cluster: of.subject }}>
      {of.subject}
    </Link>
  );
}

function approve(of: Approval): Action {
  const found = meaning(of);
  return {
    kind: 'approve',
    selection: { approval: of.id },
    title: 'Approve',
    verb: 'approve',
    says: found.does || of.reason,
    needsReason: true,
    about: <Listed of={found} />,
  };
}

function reject(of: Approval): Action {
  const says = `Nothing of it is done: ${of.kind} of ${of.subject} stays refused as long as it would do the same.`;
  return { kind: 'reject', selection: { approval: of.id }, title: 'Reject', verb: 'approve', says };
}

interface Opens {
  open: (action: Action) => void;
}

/** The two answers, which stand apart and look different: a slip of the hand must not make one of the other. */
function Answers({ to, open }: { to: Approval } & Opens) {
  const lack = useLack('approve', to.project);
  const id = useId();
  const more = { type: 'button', disabled: lack !== null, 'aria-describedby': lack ? id : undefined } as const;
  return (
    <span className="answers">
      <button {...more} className="act" aria-label={`Approve ${to.kind} ${to.subject}`} onClick={() => open(approve(to))}>
        Approve …
      </button>
      {lack && (
        <span className="soft" id={id}>
          {lack}
        </span>
      )}
      <button {...more} className="aside" aria-label={`Reject ${to.kind} ${to.subject}`} onClick={() => open(reject(to))}>
        Reject …
      </button>
    </span>
  );
}

function Card({ of, open }: { of: Group } & Opens) {
  const [first] = of.all;
  if (first === undefined) return null;
  const several = of.all.length > 1;
  const found = meaning(several ? { ...first, subject: 'each of these' } : first);
  return (
    <li className="card" data-tone={found.removes ? 'failed' : 'out-of-sync'}>
      <b>
        {first.kind} {several ? `of ${of.all.length}, each the same` : <Subject of={first} />}
      </b>
      <p>{first.reason}</p>
      <p>{found.does}</p>
      <Listed of={found} />
      <ul className="asked" aria-label="Decide">
        {of.all.map((one) => (
          <li key={one.id}>
            <span className="line">
              {several && <Subject of={one} />}
              <span className="soft">approval {one.id}</span>
              <Age at={one.created_at} ago />
            </span>
            <Answers to={one} open={open} />
          </li>
        ))}
      </ul>
    </li>
  );
}

/** What is open, with what exactly a yes allows, and the panel of the answer that is being given. */
export function Approvals() {
  const found = useApprovals('open');
  // Above the list: what was decided leaves it, and its panel stays until it was read.
  const [opened, setOpened] = useState<Action | null>(null);
  return (
    <>
      <Query of={found}>
        {({ items, after }) =>
          items.length > 0 ? (
            <>
              <ul className="cards" aria-label="Approvals">
                {groups(items).map((one) => (
                  <Card key={one.key} of={one} open={setOpened} />
                ))}
              </ul>
              {after && <p className="soft">These are the latest {items.length}; older ones are shown once some are decided.</p>}
            </>
          ) : (
            <Empty command="flotilla approvals">Nothing waits for a yes. What does is listed here, and by:</Empty>
          )
        }
      </Query>
      <ActionPanel action={opened} close={() => setOpened(null)} />
    </>
  );
}
