import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";

/** Reads one secret: asked for at a terminal, without showing it, else all of stdin. Without the line break at its end. */
export async function readSecret(prompt: string): Promise<string> {
  if (process.stdin.isTTY) return askHidden(prompt);
  return (await text(process.stdin)).replace(/\r?\n$/, "");
}

function askHidden(prompt: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    // As a terminal of its own it takes the echo away and still lets the line be edited; what it would show goes nowhere.
    const terminal = createInterface({
      input: process.stdin,
      output: nowhere,
      terminal: true,
      historySize: 0,
    });
    terminal.once("line", (line) => {
      resolve(line);
      terminal.close();
    });
    terminal.once("close", () => {
      process.stderr.write("\n");
      reject(new Error("No key was given."));
    });
    process.stderr.write(prompt);
  });
}
