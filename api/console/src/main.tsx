import "./lib/theme";
import "./styles.css";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { setKey } from "./lib/api";

// From the address that `dibs up` prints. It does not stay in the address bar or the history.
const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  setKey(given);
  history.replaceState(null, "", location.pathname);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
createRoot(document.getElementById("root")!).render(<App />);
