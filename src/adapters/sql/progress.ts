/** How far a statement has come, for the fault that ends it. */
export interface Progress {
  phase: string;
}
