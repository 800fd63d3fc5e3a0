/** Light or dark: what the system says, until the reader chooses. */

export type Theme = "system" | "light" | "dark";

const storedName = "tallygate-theme";

export function chosenTheme(): Theme {
  try {
    const stored = localStorage.getItem(storedName);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    // Storage may be forbidden; the system's theme serves.
    return "system";
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(storedName);
    else localStorage.setItem(storedName, theme);
  } catch {
    // It holds for this page then.
  }
  applyTheme(theme);
}

export function applyTheme(theme: Theme = chosenTheme()): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  document.dispatchEvent(new Event(themeEvent));
}

/** Sent to the document when colours change, for what draws by itself. */
export const themeEvent = "tallygate-theme";
