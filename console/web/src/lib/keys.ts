/** What keys mean, apart from the browser: a pure function from what was pressed to what is to be done. */

export interface Pressed {
  key: string;
  modified: boolean;
  /** Ctrl or Cmd. */
  command: boolean;
  /** Whether somebody is typing into a field. */
  typing: boolean;
}

export type Action =
  | { do: 'search' }
  | { do: 'filter' }
  | { do: 'help' }
  | { do: 'move'; by: 1 | -1 }
  | { do: 'open' }
  | { do: 'press'; key: string }
  | { do: 'step'; by: 1 | -1 }
  | { do: 'go'; letter: string }
  | { do: 'prefix' };

/**
 * Return what a key does; null for nothing.
 *
 * @param afterG whether `g` was pressed just before.
 */
export function action(pressed: Pressed, afterG: boolean): Action | null {
  if (pressed.command && pressed.key.toLowerCase() === 'k') return { do: 'search' };
  if (pressed.typing || pressed.modified || pressed.command) return null;
  if (afterG) return /^[a-z]$/.test(pressed.key) ? { do: 'go', letter: pressed.key } : null;
  switch (pressed.key) {
    case '/':
      return { do: 'filter' };
    case '?':
      return { do: 'help' };
    case 'j':
      return { do: 'move', by: 1 };
    case 'k':
      return { do: 'move', by: -1 };
    case 't':
      return { do: 'press', key: 't' };
    case 'Enter':
      return { do: 'open' };
    case '[':
      return { do: 'step', by: -1 };
    case ']':
      return { do: 'step', by: 1 };
    case 'g':
      return { do: 'prefix' };
    default:
      return null;
  }
}

/** Return where a step leads from one page of a list; null where the list has none there, or does not have it. */
export function step(list: readonly string[], here: string, by: 1 | -1): string | null {
  const at = list.indexOf(here);
  return at < 0 ? null : (list[at + by] ?? null);
}
