import { afterAll, expect } from "vitest";
import { readMarks } from "../support/secrets.ts";
import { testDirectory } from "../support/test-directory.ts";
import { listLeaks } from "./known-findings.ts";
import { createSecretSearch } from "./secret-search.ts";
import { watchAnswers } from "./watch-answers.ts";

const watch = watchAnswers(createSecretSearch(await readMarks(testDirectory)));

afterAll(() => expect(listLeaks(watch.stop()), "secrets in answers").toEqual([]));
