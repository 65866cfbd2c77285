import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useId, useState } from 'react';

import { api, read } from '@/api/client';
import { type Found, suggestions } from '@/app/suggestions';
import { Problem } from '@/ui/Problem';
import { State } from '@/ui/State';

/** What the hub finds by a text. */
function useHits(text: string) {
  return useQuery({
    queryKey: ['search', text],
    queryFn: async ({ signal }) => (await read(api.GET('/api/v1/search', { params: { query: { q: text } }, signal }))).items,
    enabled: text.length > 1,
    refetchInterval: false,
  });
}

/** The search over everything: a name, `cluster/application`, a commit, tag or version, or the id of a run. */
export function Search({ opened, close }: { opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} withCloseButton={false} padding={0} yOffset="10vh" size={620} title="">
      {opened && <Box close={close} />}
    </Modal>
  );
}

function Box({ close }: { close: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const id = useId();
  const hits = useHits(text.trim());
  const found = suggestions(text.trim(), hits.data ?? []);
  const open = (one: Found | undefined) => {
    if (one === undefined) return;
    close();
    void navigate({ to: one.to });
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.key === 'Enter') open(found[at]);
    else if (event.key === 'ArrowDown') setAt(Math.min(found.length - 1, at + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, at - 1));
    else return;
    event.preventDefault();
  };
  return (
    <div className="search">
      <input
        data-autofocus
        role="combobox"
        aria-label="Find an application, a cluster, a placement, a commit or a run"
        aria-expanded={found.length > 0}
        aria-controls={id}
        aria-activedescendant={found[at] && `${id}-${at}`}
        placeholder="Application, cluster, cluster/application, commit, tag, run"
        value={text}
        maxLength={200}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={pressed}
      />
      <div role="listbox" id={id} aria-label="Found">
        {found.map((one, index) => (
          <div
            key={one.to}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => setAt(index)}
            onClick={() => open(one)}
          >
            <span>{one.title}</span>
            {one.health ? <State word={one.health} /> : <span className="soft">{one.what}</span>}
          </div>
        ))}
      </div>
      {hits.isError && <Problem error={hits.error} />}
      {hits.data && found.length === 0 && <p className="none">Nothing has that in its name. A commit or a run is found by six characters of its id.</p>}
    </div>
  );
}
