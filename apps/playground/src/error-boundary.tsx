import { Component, type ReactNode } from 'react';
import { ErrorNote } from './error-note.tsx';

interface Props {
  readonly children: ReactNode;
  /** What to show instead. */
  readonly instead: ReactNode;
}

/** Keeps the page when a part of it cannot be fetched, as when the server is gone. */
export class ErrorBoundary extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? this.props.instead : this.props.children;
  }
}

/** A browser does not ask again for a script that it could not get; a page that is loaded again does. */
export function NotLoaded() {
  return (
    <ErrorNote
      message="This part of the page could not be loaded: the server does not answer, or has a newer page."
      retry={() => location.reload()}
    />
  );
}
