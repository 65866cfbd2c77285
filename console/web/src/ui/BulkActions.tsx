import { type Action, ActionButton } from '@/ui/ActionPanel';

const KINDS: readonly Omit<Action, 'selection'>[] = [
  { kind: 'sync', title: 'Sync', verb: 'sync', says: 'A run for each brings it to what Git says now.' },
  { kind: 'check', title: 'Check', verb: 'sync', says: 'A run for each finds out what a sync would change, and writes nothing.' },
  { kind: 'pause', title: 'Pause', verb: 'pause', says: 'None gets runs by itself until somebody resumes it.' },
  { kind: 'resume', title: 'Resume', verb: 'pause', says: 'All get runs by themselves again.' },
];

/** Buttons for what can be done with all placements that a page lists; the panel counts and names them first. */
export function BulkActions({ of }: { of: Action['selection'] }) {
  return (
    <div className="actions" role="group" aria-label="Actions on all of them">
      {KINDS.map((one) => (
        <ActionButton key={one.kind} action={{ ...one, selection: of }}>
          {one.title} all
        </ActionButton>
      ))}
    </div>
  );
}
