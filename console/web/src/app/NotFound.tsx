import { Link } from '@tanstack/react-router';

import { Title } from '@/ui/Title';

export function NotFound() {
  return (
    <div className="empty">
      <Title of="No such page" />
      <h1>There is no such page</h1>
      <p>
        <Link to="/">The fleet</Link> shows what is wrong now; <kbd>Ctrl</kbd> <kbd>K</kbd> finds the rest.
      </p>
    </div>
  );
}
