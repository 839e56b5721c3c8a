/** Style sheet of the report: colours of both themes as variables, which the charts use too. */
export const reportStyle = `
:root { color-scheme: light dark; --paper: #ffffff; --ground: #f5f6f8; --ink: #16181d; --faint: #4b5563; --rule: #d9dde4; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1c1f26; --ground: #121419; --ink: #eceef2; --faint: #a9b1be; --rule: #363c47; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 78rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
header p { margin: .25rem 0; color: var(--faint); max-width: 60rem; }
header strong { color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; background: var(--paper); border: 1px solid var(--rule); font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .9rem; text-align: right; border-bottom: 1px solid var(--rule); font-weight: 400; }
thead th { color: var(--faint); font-size: .85rem; }
th[scope=row], thead th:first-child { text-align: left; font-weight: 600; }
tbody tr:last-child > * { border-bottom: 0; }
.charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); }
.pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); align-items: start; }
figure { margin: 0; padding: .75rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .5rem; }
figure svg, figure img { display: block; width: 100%; height: auto; }
figure img { image-rendering: pixelated; }
figcaption { margin-top: .5rem; font-size: .875rem; color: var(--faint); }
pre { overflow: auto; padding: 1rem; background: var(--paper); border: 1px solid var(--rule); border-radius: .5rem; font-size: .85rem; }
summary { cursor: pointer; }
:focus-visible { outline: 2px solid #2563eb; outline-offset: 2px; }
`;
