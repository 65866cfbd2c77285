import { useRouter } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

import { PAGES } from '@/app/pages';
import { type Action, action } from '@/lib/keys';
import { along, listOf } from '@/ui/list';

/** Milliseconds that `g` waits for its letter. */
const WAITS = 1500;

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Whether `Enter` already means something there. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && /^(A|BUTTON|SUMMARY)$/.test(target.tagName);
}

/** Listen to keys on all pages; `open` shows the search or the help. */
export function useKeys(open: (what: 'search' | 'help') => void): void {
  const router = useRouter();
  const since = useRef(0);
  useEffect(() => {
    const carryOut = (wanted: Action): boolean => {
      switch (wanted.do) {
        case 'search':
        case 'help':
          open(wanted.do);
          return true;
        case 'filter': {
          const field = document.querySelector<HTMLElement>('[data-filter]');
          if (field === null) open('search');
          else field.focus();
          return true;
        }
        case 'move':
          listOf()?.move(wanted.by);
          return listOf() !== null;
        case 'open':
          return listOf()?.open() ?? false;
        case 'press': {
          const found = document.querySelector<HTMLElement>(`[aria-keyshortcuts="${wanted.key}"]`);
          found?.click();
          return found !== null;
        }
        case 'step': {
          const next = along(router.state.location.pathname, wanted.by);
          if (next !== null) void router.navigate({ to: next });
          return next !== null;
        }
        case 'go': {
          const page = PAGES.find((one) => one.letter === wanted.letter);
          if (page !== undefined) void router.navigate({ to: page.to });
          return page !== undefined;
        }
        case 'prefix':
          since.current = Date.now();
          return true;
      }
    };
    const pressed = (event: KeyboardEvent) => {
      const afterG = Date.now() - since.current < WAITS;
      since.current = 0;
      const wanted = action(
        {
          key: event.key,
          modified: event.altKey,
          command: event.ctrlKey || event.metaKey,
          typing: isTyping(event.target) || document.querySelector('[role=dialog]') !== null,
        },
        afterG,
      );
      if (wanted === null || (wanted.do === 'open' && isPressable(event.target))) return;
      if (carryOut(wanted)) event.preventDefault();
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [open, router]);
}
