// What lies over the page for a moment: the palette and the keys. Focus stays inside.

import { type ReactNode, useEffect, useRef } from "react";
import { useKeys } from "../lib/keys";

export function Layer(props: { label: string; onClose: () => void; children: ReactNode }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys({ Escape: props.onClose, "?": props.onClose, "ctrl+k": props.onClose }, true);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={props.label}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) props.onClose();
      }}
    >
      {props.children}
    </dialog>
  );
}
