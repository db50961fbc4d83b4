// Before the console: who is it? Whoever was here comes back to where he was, because the address
// stays as it is.

import { type ReactNode, useEffect, useState } from "react";
import { hasKey, onKeyRefused, Refusal } from "../lib/api";
import { t } from "../lib/i18n";
import { ended, look, useSession } from "../lib/session";
import "../people.css";
import { Skeleton, Trouble } from "./bits";
import { Door, FirstAdmin, OwnPassword } from "./door";

const AGAIN_MS = 2_000;

export function Entry({ children }: { children: ReactNode }) {
  const session = useSession();
  const [why, setWhy] = useState("");
  const [lost, setLost] = useState<Refusal | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    onKeyRefused((reason) => {
      setWhy(reason);
      ended();
    });
  }, []);
  useEffect(() => {
    if (session) return;
    const had = hasKey();
    let timer = 0;
    look().then(
      (found) => {
        setLost(null);
        if (had && found.kind === "nobody") setWhy(t("door.key_refused"));
      },
      (error) => {
        if (!(error instanceof Refusal)) throw error;
        setLost(error);
        timer = window.setTimeout(() => setTurn(turn + 1), AGAIN_MS);
      },
    );
    return () => window.clearTimeout(timer);
  }, [session, turn]);
  if (!session && lost)
    return (
      <main className="door">
        <Trouble error={lost} again={() => setTurn(turn + 1)} />
      </main>
    );
  if (!session)
    return (
      <main className="door">
        <Skeleton lines={4} />
      </main>
    );
  if (session.kind === "nobody")
    return session.first_admin ? <FirstAdmin /> : <Door why={why} onIn={() => setWhy("")} />;
  if (session.password_due) return <OwnPassword />;
  return children;
}
