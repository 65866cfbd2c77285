import { useState } from 'react';

/** Copies a text; where the page may not, as without HTTPS, there is no button. */
export function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  if (!window.isSecureContext) return null;
  return (
    <button
      type="button"
      className="act"
      onClick={() =>
        void navigator.clipboard.writeText(text).then(
          () => setCopied(true),
          () => setCopied(false),
        )
      }
    >
      {copied ? 'Copied' : 'Copy'}
    </button>
  );
}
