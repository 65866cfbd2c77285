import { Link } from '@tanstack/react-router';

export function NotFound() {
  return (
    <div className="empty">
      <h1>There is no such page</h1>
      <p>
        <Link to="/">The fleet</Link> shows what is wrong now; <kbd>Ctrl</kbd> <kbd>K</kbd> finds the rest.
      </p>
    </div>
  );
}
