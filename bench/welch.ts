/**
 * Welch's t of two samples, which need not vary alike: how many standard errors their means are apart (B. L. Welch, "The generalization of
 * 'Student's' problem when several different population variances are involved", 1947).
 */
export function welchT(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [describe(one), describe(other)];
  return (a.mean - b.mean) / Math.sqrt(a.variance / one.length + b.variance / other.length);
}

function describe(sample: readonly number[]) {
  const mean = sample.reduce((sum, value) => sum + value, 0) / sample.length;
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (sample.length - 1);
  return { mean, variance };
}
