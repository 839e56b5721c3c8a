import './early.ts';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { ErrorBoundary, NotLoaded } from './error-boundary.tsx';
import './styles/page.css';
import './styles/form.css';
import './styles/buttons.css';
import './styles/create.css';
import './styles/rail.css';
import './styles/notes.css';
import './styles/models.css';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <ErrorBoundary instead={<NotLoaded />}>
      <App />
    </ErrorBoundary>
  </StrictMode>,
);
