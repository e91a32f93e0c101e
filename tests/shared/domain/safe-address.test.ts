import { expect, test } from "vitest";
import { parseSafeAddress } from "../../../shared/domain/safe-address.ts";

test.each([
  "https://example.com/hook?channel=1",
  "http://localhost:4000/hook",
  "http://hook",
  "http://hook.internal/",
  "http://127.0.0.1:4000/",
  "http://10.0.0.7/",
  "http://192.168.1.7/",
  "http://172.16.0.1/",
  "http://[::1]:4000/",
])("a secret may be sent to %s", (text) => {
  expect(parseSafeAddress(text)?.href).toBe(new URL(text).href);
});

test.each([
  "",
  "example.com",
  "http://example.com/",
  "http://172.32.0.1/",
  "http://8.8.8.8/",
  "ftp://localhost/",
  "file:///etc/passwd",
  "https://user@example.com/",
  "https://:password@example.com/",
  "https://example.com/#part",
])("and not to %j", (text) => {
  expect(parseSafeAddress(text)).toBeNull();
});
