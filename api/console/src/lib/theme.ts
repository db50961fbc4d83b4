// Light, dark, or as the system says.

const STORE = "dibs theme";
export type Theme = "system" | "light" | "dark";

export const themeNow = (): Theme => (localStorage.getItem(STORE) as Theme) ?? "system";

export function setTheme(theme: Theme): void {
  localStorage.setItem(STORE, theme);
  document.documentElement.dataset.theme = theme;
  window.dispatchEvent(new Event("dibs:theme"));
}

document.documentElement.dataset.theme = themeNow();
