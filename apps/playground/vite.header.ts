import type { Plugin } from 'vite';
import { rooms } from './src/rooms.ts';

/** The header stands in the HTML too, so that it is seen before the scripts are there. React draws the same in its place. */
export const headerFirst: Plugin = {
  name: 'header-first',
  transformIndexHtml: {
    order: 'pre',
    handler: (html) => html.replace('<div id="root"></div>', `<div id="root">${header()}</div>`),
  },
};

function header(): string {
  const links = rooms.map(({ path, title }) => `<a href="${path}">${title}</a>`).join('');
  return [
    '<header class="page-header"><img src="/src/logo.svg" alt="" width="28" height="28" /><h1>Tessera</h1>',
    `<nav aria-label="Rooms">${links}</nav><div class="page-tools"><label class="theme"><span class="unseen">Theme</span>`,
    '<select disabled><option>System</option></select></label></div></header>',
  ].join('');
}
