import type { Answer } from "../http.ts";

/** HTML that is safe to put into a page. */
export interface Html {
  html: string;
}

/** Makes HTML from a template: texts in it are escaped, HTML and lists of it are not. */
export function html(
  strings: TemplateStringsArray,
  ...values: (Html | Html[] | string | number | null)[]
): Html {
  const parts = values.map((value, index) => write(value) + (strings[index + 1] ?? ""));
  return { html: (strings[0] ?? "") + parts.join("") };
}

function write(value: Html | Html[] | string | number | null): string {
  if (value === null) return "";
  if (Array.isArray(value)) return value.map(write).join("");
  return typeof value === "object" ? value.html : escapeText(String(value));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const style = `body{margin:0;background:#f6f7f9;color:#1a1f36;font:16px/1.5 system-ui,sans-serif}
main{max-width:28rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d9dce3;border-radius:12px}
h1{font-size:1.4rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
table{width:100%;border-collapse:collapse}td,th{padding:.35rem 0;text-align:left;font-weight:400;vertical-align:top}td:last-child{text-align:right}
tfoot td,tfoot th{border-top:1px solid #d9dce3;font-weight:600}
label{display:block;margin-bottom:.25rem;font-weight:600}
select{width:100%;padding:.5rem;font:inherit;border:1px solid #8792a2;border-radius:6px;background:#fff}
button{margin-top:1rem;padding:.6rem 1.2rem;font:inherit;font-weight:600;color:#fff;background:#4b3fd1;border:0;border-radius:6px;cursor:pointer}
button.quiet{color:#1a1f36;background:#e3e5ec}
a{color:#4b3fd1}[role=alert]{padding:.6rem .8rem;background:#fdecec;border:1px solid #c0362c;border-radius:6px}
[role=status]{padding:.6rem .8rem;background:#e9f6ec;border:1px solid #2f7d43;border-radius:6px}
footer{margin-top:1.5rem;color:#596275;font-size:.85rem}`;

/** A whole page. */
export function page(title: string, content: Html, status = 200): Answer {
  const { html: body } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: style }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
<footer>This page stands in for Stripe’s. No money moves, and no card is asked for.</footer>
</main>
</body>
</html>
`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
  };
  return { status, headers, body };
}

/** Sends the browser on, with GET. */
export function seeOther(location: string): Answer {
  return { status: 303, headers: { location }, body: "" };
}
