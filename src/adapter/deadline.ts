/** A deadline joined with an outside cancellation. */
export interface Deadline {
  /** Aborted with a `TimeoutError` at the deadline, with an `AbortError` on cancellation. */
  readonly signal: AbortSignal;
  /** Settles `graceMs` after the abort: nobody waits longer than that. */
  readonly over: Promise<"over">;
  /** Takes timers and listeners away. */
  clear(): void;
}

/** Starts a deadline. @param graceMs time that the adapter has to clean up after the abort. */
export function startDeadline(timeoutMs: number, cancelled: AbortSignal, graceMs: number): Deadline {
  const controller = new AbortController();
  const over = Promise.withResolvers<"over">();
  let grace: NodeJS.Timeout | undefined;
  const abort = (reason: DOMException) => {
    if (controller.signal.aborted) return;
    grace = setTimeout(() => over.resolve("over"), graceMs);
    controller.abort(reason);
  };
  const onCancel = () => abort(new DOMException("the attempt was cancelled", "AbortError"));
  const timer = setTimeout(
    () => abort(new DOMException("no complete answer within the deadline", "TimeoutError")),
    timeoutMs,
  );
  if (cancelled.aborted) onCancel();
  else cancelled.addEventListener("abort", onCancel, { once: true });
  return {
    signal: controller.signal,
    over: over.promise,
    clear() {
      clearTimeout(timer);
      clearTimeout(grace);
      cancelled.removeEventListener("abort", onCancel);
    },
  };
}
