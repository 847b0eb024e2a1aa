/** Waits for `work` with a time limit. @throws the error of `timeoutError` at the limit */
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
