import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useId, useState } from 'react';

import { api, read } from '@/api/client';
import { type Found, suggestions } from '@/app/suggestions';
import { worst } from '@/lib/state';
import { State } from '@/ui/State';

const SHOWN = 20;

/** Placements of the application or on the cluster that was named, or the one placement. */
function usePlacements(text: string) {
  const [cluster, application] = text.includes('/') ? text.split('/', 2) : ['', ''];
  return useQuery({
    queryKey: ['search', text],
    queryFn: async ({ signal }) => {
      const asked = text.includes('/')
        ? [{ cluster: cluster ?? '', application: application ?? '' }]
        : [{ application: text }, { cluster: text }];
      const pages = await Promise.all(
        asked.map((query) =>
          read(api.GET('/api/v1/placements', { params: { query: { ...query, limit: SHOWN } }, signal })).catch(() => ({ items: [] })),
        ),
      );
      return pages.flatMap((page) => page.items).slice(0, SHOWN);
    },
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
  const placements = usePlacements(text.trim());
  const found = suggestions(text.trim(), placements.data);
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
            {one.placement ? <State word={worst(one.placement.sync, one.placement.health)} /> : <span className="soft">{one.what}</span>}
          </div>
        ))}
      </div>
    </div>
  );
}
