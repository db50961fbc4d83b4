// Server-sent events of one answer, with a key in the header, which EventSource cannot send.

/** Read events until the answer ends; `beat` is called whenever anything came. */
export async function read(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  tell: (name: string, data: unknown) => void,
  beat: () => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    beat();
    const parts = (rest + value).split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const name = /^event: ?(.*)$/m.exec(part)?.[1];
      const data = /^data: ?(.*)$/m.exec(part)?.[1];
      if (name && data) tell(name, JSON.parse(data));
    }
  }
}
