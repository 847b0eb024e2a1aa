/** One value per target, created at the first use; a failed creation is retried at the next use. */
export class TargetCache<T extends object, R> {
  private readonly made = new WeakMap<T, R>();

  async of(target: T, make: () => R | Promise<R>): Promise<R> {
    const known = this.made.get(target);
    if (known !== undefined) return known;
    const result = await make();
    this.made.set(target, result);
    return result;
  }
}
