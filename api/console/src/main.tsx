import "./lib/theme";
import "./styles.css";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { setKey } from "./lib/api";
import { setFirstCode } from "./ui/door";

// From the address that `dibs up` prints. It does not stay in the address bar or the history.
const given = new URLSearchParams(location.hash.slice(1));
const [key, code] = [given.get("key"), given.get("first")];
if (key || code) {
  if (key) setKey(key);
  if (code) setFirstCode(code);
  history.replaceState(null, "", location.pathname);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
createRoot(document.getElementById("root")!).render(<App />);
