/** The pin of a server's key that a text names: SHA-256 in Base64 (RFC 7469, section 2.4). */
export function pinIn(text: string): string | undefined {
  return /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=/.exec(text)?.[0];
}
