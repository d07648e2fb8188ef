import { type Capture, CaptureRefused } from "../contract/capture.ts";

/** What an adapter sees of the capture: it ends with the attempt, and its refusals are remembered. */
export interface AttemptCapture {
  readonly capture: Capture;
  /** The size bound that was hit, whatever the adapter made of it. */
  readonly sizeExceeded: CaptureRefused | undefined;
  /** Refuses everything from now on: an adapter that outlives its attempt adds no evidence. */
  close(): void;
}

/** Wraps a capture for one adapter run. */
export function startAttemptCapture(inner: Capture): AttemptCapture {
  let closed = false;
  let sizeExceeded: CaptureRefused | undefined;
  const check = () => {
    if (closed) throw new CaptureRefused("CAPTURE_CLOSED", "the attempt has ended");
  };
  return {
    get sizeExceeded() {
      return sizeExceeded;
    },
    close() {
      closed = true;
    },
    capture: {
      wants: (name) => inner.wants(name),
      open(name, origin) {
        check();
        const writer = inner.open(name, origin);
        return {
          async write(bytes) {
            check();
            try {
              await writer.write(bytes);
            } catch (error) {
              if (error instanceof CaptureRefused && error.code === "SIZE_EXCEEDED") sizeExceeded ??= error;
              throw error;
            }
          },
          async end() {
            check();
            await writer.end();
          },
        };
      },
    },
  };
}
