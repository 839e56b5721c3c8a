import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { forgetKey, keyState, onKeyChange } from './api/key.ts';
import { CreateRoom } from './create/create-room.tsx';
import { typing } from './create/keys.ts';
import { ErrorBoundary, NotLoaded } from './error-boundary.tsx';
import logo from './logo.svg';
import { rooms } from './rooms.ts';
import { DropTarget } from './save/drop-target.tsx';
import { ThemeSwitch } from './theme.tsx';

/* Create comes with the page; every other room is fetched when it is first entered. */
const CompareRoom = lazy(() =>
  import('./compare/compare-room.tsx').then(({ CompareRoom }) => ({ default: CompareRoom })),
);
const GalleryRoom = lazy(() =>
  import('./gallery/gallery-room.tsx').then(({ GalleryRoom }) => ({ default: GalleryRoom })),
);
const ServerView = lazy(() => import('./server/server-view.tsx').then(({ ServerView }) => ({ default: ServerView })));
const EditRoom = lazy(() => import('./edit/edit-room.tsx').then(({ EditRoom }) => ({ default: EditRoom })));
const PluginsRoom = lazy(() =>
  import('./plugins/plugins-room.tsx').then(({ PluginsRoom }) => ({ default: PluginsRoom })),
);

const KeyForm = lazy(() => import('./key-form.tsx').then(({ KeyForm }) => ({ default: KeyForm })));
const Shortcuts = lazy(() => import('./shortcuts.tsx').then(({ Shortcuts }) => ({ default: Shortcuts })));

export function App() {
  const { key, asks } = useSyncExternalStore(onKeyChange, keyState);
  const [path] = useLocation();
  // Create tells by itself how its run is.
  const room = rooms.find((one) => one.path === roomOf(path));
  useEffect(() => {
    if (room?.path !== '/') document.title = room ? `${room.title} · Tessera` : 'Tessera';
  }, [room]);
  const [showsKeys, setShowsKeys] = useState(false);
  useEffect(() => {
    const press = ({ key: pressed, target }: KeyboardEvent) => {
      if (pressed === '?' && !(target as Element).closest?.(`${typing}, dialog`)) setShowsKeys(true);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return (
    <>
      <header className="page-header">
        <button type="button" className="skip" onClick={focusMain}>
          Skip to the content
        </button>
        <img src={logo} alt="" width="28" height="28" />
        <h1>Tessera</h1>
        <nav aria-label="Rooms">
          {rooms.map((one) => (
            <Link key={one.path} href={one.path} aria-current={one === room ? 'page' : undefined}>
              {one.title}
            </Link>
          ))}
        </nav>
        <div className="page-tools">
          {key !== null && (
            <button type="button" onClick={forgetKey}>
              Forget key
            </button>
          )}
          <ThemeSwitch />
        </div>
      </header>
      {asks ? (
        <ErrorBoundary instead={<NotLoaded />}>
          <Suspense>
            <KeyForm refused={asks === 'refused'} />
          </Suspense>
        </ErrorBoundary>
      ) : (
        <Rooms path={path} />
      )}
      <DropTarget />
      <ErrorBoundary instead={null}>
        <Suspense>{showsKeys && <Shortcuts room={roomOf(path)} onClose={() => setShowsKeys(false)} />}</Suspense>
      </ErrorBoundary>
    </>
  );
}

/** Of the room that is shown: Create stays behind the others. */
function focusMain(): void {
  const main = [...document.querySelectorAll('main')].find((one) => one.checkVisibility());
  if (!main) return;
  main.tabIndex = -1;
  main.focus();
}

/** Results are shown in Create; what is below a room's address is in the room. */
function roomOf(path: string): string {
  return path.startsWith('/g/') ? '/' : `/${path.split('/')[1]}`;
}

function Rooms({ path }: { readonly path: string }) {
  const isCreate = roomOf(path) === '/';
  return (
    <>
      {/* Its form and pictures stay as they are while one looks at another room. */}
      <div hidden={!isCreate}>
        <CreateRoom isShown={isCreate} />
      </div>
      <ErrorBoundary key={roomOf(path)} instead={<NotLoaded />}>
        <Suspense fallback={<p className="loading">Loading…</p>}>
          <Switch>
            <Route path="/">{null}</Route>
            <Route path="/g/:id">{null}</Route>
            <Route path="/edit/:id?">
              <EditRoom />
            </Route>
            <Route path="/compare">
              <CompareRoom />
            </Route>
            <Route path="/gallery">
              <GalleryRoom />
            </Route>
            <Route path="/plugins">
              <PluginsRoom />
            </Route>
            <Route path="/server">
              <ServerView />
            </Route>
            <Route>
              <p className="loading">
                There is no page at this address. <Link href="/">Create images</Link>
              </p>
            </Route>
          </Switch>
        </Suspense>
      </ErrorBoundary>
    </>
  );
}
