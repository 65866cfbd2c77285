import { Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';

import { ALL, isOld } from '@/api/events';
import { ask, newKey, type Preview, preview, useIntent, type Wish } from '@/api/intents';
import { may, useMe, type Verb } from '@/api/me';
import { ApiError } from '@/api/problem';
import { useRun } from '@/api/runs';
import { changes, isConfirmed, toType } from '@/lib/consent';
import { ofPaused, soFar } from '@/lib/foreseen';
import { Problem } from '@/ui/Problem';
import { counted, standing } from '@/ui/RunTable';
import { State } from '@/ui/State';
import { Sentence } from '@/ui/Steps';

export interface Action extends Wish {
  /** On its buttons: a verb in the imperative. */
  title: string;
  /** The right that it takes. */
  verb: Verb;
  /** What it does, for who has not done it before. */
  says: string;
  /** Whether it is not done without a reason. */
  needsReason?: boolean;
  /** What exactly it is about, where that is more than placements. */
  about?: ReactNode;
}

const LISTED = 12;

function objects(count: number): string {
  return count === 1 ? '1 object is' : `${count.toLocaleString('en')} objects are`;
}

/** What a wish would do, as it is stored now: what keeps it from being done stands first. */
function Seen({ of, kind }: { of: Preview; kind: Action['kind'] }) {
  return (
    <>
      {of.removes && (
        <p data-tone="degraded" className="warning">
          <b>{objects(of.removals)} removed from clusters.</b>
        </p>
      )}
      {of.takes_over && (
        <p data-tone="degraded" className="warning">
          <b>It takes over from project {of.takes_over}.</b>
        </p>
      )}
      {of.unreachable > 0 && <p>{of.unreachable} on clusters that do not answer: done when they do.</p>}
      {[ofPaused(kind, of), ...soFar(of)].filter(Boolean).map((one) => (
        <p key={one}>
          <Sentence of={one} />
        </p>
      ))}
      {of.placements > 0 && (
        <ul className="seen">
          {of.items.slice(0, LISTED).map((one) => (
            <li key={one.ref}>
              <span>{one.ref}</span> <State word={one.paused ? 'paused' : one.sync} /> <State word={one.health} />
              {one.obstacle && !one.paused && (
                <span className="soft">
                  <Sentence of={one.obstacle} />
                </span>
              )}
            </li>
          ))}
          {of.placements > LISTED && <li className="soft">and {of.placements - LISTED} more</li>}
        </ul>
      )}
    </>
  );
}

/** What is otherwise than it was when somebody agreed to it. */
function Changed({ from, to }: { from: Preview; to: Preview }) {
  return (
    <div className="warning" data-tone="out-of-sync" role="status">
      <b>It has changed since you looked. Nothing was done.</b>
      <ul>
        {changes(from, to).map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </div>
  );
}

/** How its run goes, and how it ended. */
function RunOutcome({ id }: { id: string }) {
  const found = useRun(id);
  if (found.data === undefined) return found.isError ? <Problem error={found.error} /> : <p role="status">A run was made …</p>;
  const { run } = found.data;
  const told = [run.error || run.reason, counted(run.counts)].filter(Boolean).join('; ');
  return (
    <div role="status">
      <p>
        <State word={standing(run)} /> {told && <Sentence of={told} />}
      </p>
      <Link to="/runs/$run" params={{ run: id }}>
        See the run
      </Link>
    </div>
  );
}

/** What came of it, as soon as the scheduler has carried it out. */
function Outcome({ id }: { id: number }) {
  const intent = useIntent(id);
  const client = useQueryClient();
  const handled = intent.data?.handled_at;
  useEffect(() => {
    // No event tells of every change that a request makes, as of a pause.
    if (handled) void client.invalidateQueries({ predicate: (query) => isOld(query.queryKey, ALL) });
  }, [client, handled]);
  if (intent.isError) return <Problem error={intent.error} />;
  if (!intent.data?.handled_at) return <p role="status">Asked for. The scheduler takes it at its next turn …</p>;
  const counts = Object.entries(intent.data.counts).map(([outcome, count]) => `${count} ${outcome}`);
  if (intent.data.run_id) return <RunOutcome id={intent.data.run_id} />;
  return (
    <p role="status">
      <Sentence of={intent.data.result || counts.join(', ')} />
    </p>
  );
}

function Form({ of, close }: { of: Action; close: () => void }) {
  const [reason, setReason] = useState('');
  const [count, setCount] = useState('');
  const [key, setKey] = useState(newKey);
  const [before, setBefore] = useState<Preview | null>(null);
  const [opening] = useState(newKey);
  // Once for each opening: what is agreed to is what was read, and not what came to be below the pointer.
  const seen = useQuery({
    queryKey: ['preview', opening],
    queryFn: ({ signal }) => preview(of, signal),
    refetchInterval: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });
  const asked = useMutation({
    mutationFn: (shown: Preview) => ask(of, reason, shown, key),
    onError: (error, shown) => {
      if (!(error instanceof ApiError && error.status === 412)) return;
      // Another wish from now on: it is read, counted and asked for anew.
      setBefore(shown);
      setCount('');
      setKey(newKey());
      void seen.refetch();
    },
  });
  if (asked.isSuccess) {
    return (
      <div className="action">
        <Outcome id={asked.data} />
        <button type="button" className="do" onClick={close}>
          Close
        </button>
      </div>
    );
  }
  if (seen.isError) return <Problem error={seen.error} />;
  if (!seen.data) return <p className="loading">Looking at what it would do …</p>;
  const shown = seen.data;
  const number = toType(shown);
  const ready = !seen.isFetching && isConfirmed(shown, { count, reason, needsReason: of.needsReason ?? false });
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !asked.isPending) asked.mutate(shown);
      }}
    >
      <p>{of.says}</p>
      {before !== null && !seen.isFetching && <Changed from={before} to={shown} />}
      <Seen of={shown} kind={of.kind} />
      {of.about}
      <label>
        Reason{of.needsReason ? '' : ', for the audit'}
        <textarea rows={2} maxLength={1000} value={reason} required={of.needsReason} autoFocus data-autofocus onChange={(event) => setReason(event.target.value)} />
      </label>
      {number !== null && (
        <label>
          Type {number} to confirm
          <input inputMode="numeric" autoComplete="off" value={count} onChange={(event) => setCount(event.target.value)} />
        </label>
      )}
      {asked.isError && <Problem error={asked.error} />}
      <button type="submit" className="do" disabled={!ready || asked.isPending}>
        {of.title}
        {shown.removals > 0 ? `, removing ${shown.removals}` : shown.placements > 1 && ` ${shown.placements.toLocaleString('en')}`}
      </button>
    </form>
  );
}

/** The panel of an action: what it would do, why it is done, and the button that does it; closed for null. */
export function ActionPanel({ action, close }: { action: Action | null; close: () => void }) {
  return (
    <Modal opened={action !== null} onClose={close} title={action?.title} size={560} closeButtonProps={{ 'aria-label': 'Close' }}>
      {action && <Form of={action} close={close} />}
    </Modal>
  );
}

/** Return what somebody lacks to do something, in words; null where they may, and while that is not known. */
export function useLack(verb: Verb, project?: string): string | null {
  const me = useMe();
  if (me.data === undefined || may(me.data, verb, project)) return null;
  return `Needs the right "${verb}"${project ? ` in the project ${project}` : project === '' ? ' in the whole fleet' : ''}.`;
}

interface Props {
  action: Action;
  /** In which the right is needed; empty for what belongs to none, and left out where that is not known here. */
  project?: string;
  children?: ReactNode;
}

/** A button that opens the panel of an action. */
export function ActionButton({ action, project, children }: Props) {
  // As it was opened: what a button offers changes under an open panel, as from pausing to resuming.
  const [opened, setOpened] = useState<Action | null>(null);
  const lack = useLack(action.verb, project);
  return (
    <>
      <button type="button" className="act" disabled={lack !== null} title={lack ?? action.says} onClick={() => setOpened(action)}>
        {children ?? action.title}
      </button>
      <ActionPanel action={opened} close={() => setOpened(null)} />
    </>
  );
}
