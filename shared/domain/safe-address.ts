/** Hosts that are reached without crossing a public network: this machine, a name without a dot (of a container), private ranges. */
const privateHost =
  /^(?:[^.:]+|.+\.(?:localhost|local|internal)|127\.[\d.]+|10\.[\d.]+|192\.168\.[\d.]+|172\.(?:1[6-9]|2\d|3[01])\.[\d.]+|\[::1\])$/;

/**
 * An address of an operator's setting to which secrets may be sent: encrypted, or within a private network, without user and fragment.
 * @returns null where it is none
 */
export function parseSafeAddress(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && privateHost.test(url.hostname));
  return url === null || !isSafe || url.username || url.password || url.hash ? null : url;
}
