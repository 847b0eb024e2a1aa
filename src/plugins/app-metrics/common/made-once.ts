/** What is made for each target once, when it is first needed; what fails is tried again at the next need. */
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
