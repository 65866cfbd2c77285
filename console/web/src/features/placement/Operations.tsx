import { Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';

import { useLack } from '@/ui/ActionPanel';
import { Problem } from '@/ui/Problem';

import { type LiveObject, operate, useInspection } from './live';
import { find, pods, words } from './operations';
import type { Ref } from './queries';

interface Wanted {
  action: string;
  object: LiveObject;
}

function Form({ of, wanted: { action, object }, done, close }: { of: Ref; wanted: Wanted; done: () => void; close: () => void }) {
  const [reason, setReason] = useState('');
  const { title, says } = words(action, object.kind);
  const placement = `${of.cluster}/${of.application}`;
  const asked = useMutation({ mutationFn: () => operate({ placement, object: object.id, action, reason }), onSuccess: done });
  const concerned = pods(object);
  if (asked.isSuccess) {
    return (
      <div className="action">
        <p role="status">Done: {title} of {object.kind} {object.name}.</p>
        {asked.data.operate?.notes.map((one) => (
          <p key={one} className="soft">
            {one}
          </p>
        ))}
        <button type="button" className="do" onClick={close}>
          Close
        </button>
      </div>
    );
  }
  return (
    <form
      className="action"
      onSubmit={(event) => {
        event.preventDefault();
        if (!asked.isPending) asked.mutate();
      }}
    >
      <p>{says}</p>
      <ul className="seen">
        <li>
          <span>
            {object.kind} {object.namespace && `${object.namespace}/`}
            {object.name}
          </span>
          <span className="soft">of {placement}</span>
          {concerned > 0 && <span className="soft">with {concerned} {concerned === 1 ? 'pod' : 'pods'}</span>}
        </li>
      </ul>
      <label>
        Reason, for the audit
        <textarea rows={2} maxLength={1000} value={reason} data-autofocus onChange={(event) => setReason(event.target.value)} />
      </label>
      {asked.isPending && <p role="status">A worker does it on the cluster …</p>}
      {asked.isError && <Problem error={asked.error} />}
      <button type="submit" className="do" disabled={asked.isPending}>
        {title}
      </button>
    </form>
  );
}

/** Buttons for what an object offers now, each with a panel that says what it does and asks why. */
export function Operations({ of, object }: { of: Ref; object: string }) {
  const tree = useInspection({ placement: `${of.cluster}/${of.application}`, what: 'tree', object: '', container: '' });
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const lack = useLack('operate', tree.data?.project);
  const found = find(tree.data?.tree?.objects ?? [], object);
  const close = () => setWanted(null);
  return (
    <>
      {found !== null && found.actions.length > 0 && (
        <div className="actions" role="group" aria-label={`Actions on ${found.kind} ${found.name}`}>
          {found.actions.map((action) => {
            const { title, says } = words(action, found.kind);
            return (
              <button key={action} type="button" className="act" disabled={lack !== null} title={lack ?? says} onClick={() => setWanted({ action, object: found })}>
                {title}
              </button>
            );
          })}
          {lack && <span className="soft">{lack}</span>}
        </div>
      )}
      <Modal opened={wanted !== null} onClose={close} title={wanted && words(wanted.action, wanted.object.kind).title} size={560} closeButtonProps={{ 'aria-label': 'Close' }}>
        {wanted && <Form of={of} wanted={wanted} done={() => void tree.refetch()} close={close} />}
      </Modal>
    </>
  );
}
