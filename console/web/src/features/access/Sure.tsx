import { useState } from 'react';

interface Props {
  /** A verb in the imperative. */
  title: string;
  /** What it is done to. */
  of: string;
  sure: () => void;
}

/** A button that is pressed twice: what it ends does not come back. */
export function Sure({ title, of, sure }: Props) {
  const [asked, setAsked] = useState(false);
  return (
    <button
      type="button"
      className="aside"
      aria-label={`${title} ${of}${asked ? ': sure?' : ''}`}
      onBlur={() => setAsked(false)}
      onClick={() => {
        if (asked) sure();
        setAsked(!asked);
      }}
    >
      {asked ? `${title}: sure?` : `${title} …`}
    </button>
  );
}
