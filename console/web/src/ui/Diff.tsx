/** What differs between two texts, line by line as it was told: what goes is marked, and so is what comes. */
export function Diff({ text }: { text: string }) {
  return (
    <pre className="diff" tabIndex={0}>
      {text.split('\n').map((line, index) => (
        <span key={index} data-sign={line.startsWith('+') ? '+' : line.startsWith('-') ? '-' : undefined}>
          {`${line}\n`}
        </span>
      ))}
    </pre>
  );
}
