import type { WrittenReply } from "./wire-format.ts";

/** The tokens of a reply's thoughts, or of the rest. */
export function countWritten({ parts }: WrittenReply, isThought: boolean): number {
  return parts
    .filter((part) => part.isThought === isThought)
    .reduce((sum, part) => sum + part.pieces.length * part.tokensPerPiece, 0);
}
