/** Waits for `work`, but for `milliseconds` at most. @throws what `timeoutError` makes when the time is over */
export async function withTimeLimit<T>(
  work: Promise<T> | T,
  milliseconds: number,
  timeoutError: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(timeoutError()), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
