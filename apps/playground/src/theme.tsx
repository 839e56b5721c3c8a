import { useEffect, useState } from 'react';

const STORED = 'tessera-theme';
const themes = ['system', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];

/** Light, dark, or what the system says; kept by the browser. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(readStored);
  useEffect(() => {
    document.documentElement.style.colorScheme = theme === 'system' ? 'light dark' : theme;
    try {
      localStorage.setItem(STORED, theme);
    } catch {
      // A browser that stores nothing forgets it.
    }
  }, [theme]);
  return (
    <label className="theme">
      <span className="unseen">Theme</span>
      <select value={theme} onChange={({ target }) => setTheme(target.value as Theme)}>
        {themes.map((one) => (
          <option key={one} value={one}>
            {one[0]!.toUpperCase() + one.slice(1)}
          </option>
        ))}
      </select>
    </label>
  );
}

function readStored(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(STORED)) ?? 'system';
  } catch {
    return 'system';
  }
}
