import type { Placement } from '@/api/types';
import { type Action, ActionButton } from '@/ui/ActionPanel';

/** What can be done with one placement. */
function actions(of: Placement): Action[] {
  const selection = { placements: [of.ref] };
  const paused: Action = of.paused_by
    ? { kind: 'resume', selection, title: 'Resume', verb: 'pause', says: 'It gets runs by itself again.' }
    : { kind: 'pause', selection, title: 'Pause', verb: 'pause', says: 'It gets no runs by itself until somebody resumes it.', needsReason: true };
  return [
    { kind: 'sync', selection, title: 'Sync', verb: 'sync', says: 'A run brings it to what Git says now.' },
    { kind: 'check', selection, title: 'Check', verb: 'sync', says: 'A run finds out what a sync would change, and writes nothing.' },
    paused,
  ];
}

/** Buttons for them. */
export function Actions({ of }: { of: Placement }) {
  return (
    <div className="actions" role="group" aria-label="Actions">
      {actions(of).map((one, place) => (
        <ActionButton key={place} action={one} project={of.project} />
      ))}
    </div>
  );
}
