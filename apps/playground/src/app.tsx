import { lazy, Suspense, useSyncExternalStore } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { forgetKey, keyState, onKeyChange } from './api/key.ts';
import { CreateRoom } from './create/create-room.tsx';
import { KeyForm } from './key-form.tsx';
import logo from './logo.svg';
import { DropTarget } from './save/drop-target.tsx';
import { ThemeSwitch } from './theme.tsx';

/* Create comes with the page; every other room is fetched when it is first entered. */
const ServerView = lazy(() => import('./server/server-view.tsx').then(({ ServerView }) => ({ default: ServerView })));
const EditRoom = lazy(() => import('./edit/edit-room.tsx').then(({ EditRoom }) => ({ default: EditRoom })));

const rooms = [
  { path: '/', title: 'Create' },
  { path: '/edit', title: 'Edit' },
  { path: '/server', title: 'Server' },
] as const;

export function App() {
  const { key, asks } = useSyncExternalStore(onKeyChange, keyState);
  const [path] = useLocation();
  return (
    <>
      <header className="page-header">
        <img src={logo} alt="" width="28" height="28" />
        <h1>Tessera</h1>
        <nav aria-label="Rooms">
          {rooms.map((room) => (
            <Link key={room.path} href={room.path} aria-current={room.path === path ? 'page' : undefined}>
              {room.title}
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
      {asks ? <KeyForm refused={asks === 'refused'} /> : <Rooms isCreate={path === '/'} />}
      <DropTarget />
    </>
  );
}

function Rooms({ isCreate }: { readonly isCreate: boolean }) {
  return (
    <>
      {/* Its form and pictures stay as they are while one looks at another room. */}
      <div hidden={!isCreate}>
        <CreateRoom isShown={isCreate} />
      </div>
      <Suspense fallback={<p className="loading">Loading…</p>}>
        <Switch>
          <Route path="/">{null}</Route>
          <Route path="/edit/:id?">
            <EditRoom />
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
    </>
  );
}
