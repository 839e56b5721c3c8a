/** Where one can go, in the order of the header. */
export const rooms = [
  { path: '/', title: 'Create' },
  { path: '/compare', title: 'Compare' },
  { path: '/edit', title: 'Edit' },
  { path: '/gallery', title: 'Gallery' },
  { path: '/plugins', title: 'Plug-ins' },
  { path: '/server', title: 'Server' },
] as const;
