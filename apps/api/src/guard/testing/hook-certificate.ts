/*
 * Certificate of hook.example and 127.0.0.1 that signs itself, valid until 2126, for servers in tests. Made by
 * openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=hook.example
 *   -addext subjectAltName=DNS:hook.example,IP:127.0.0.1
 */
export const hookCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBozCCAUqgAwIBAgIUG4xJQpPnAD0kLH0lFvJ86cSf4NUwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMaG9vay5leGFtcGxlMCAXDTI2MTEyOTEzNDMxMloYDzIxMjYx
MTA1MTM0MzEyWjAXMRUwEwYDVQQDDAxob29rLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAARvssm0itSReN4ZorOOu1uMUpCVVAy0UERuvi3Py9UGU4Z+
muxpX5UzCMkqeM1M35UoG9m8ToSw86NMNxgUeW/Po3IwcDAdBgNVHQ4EFgQUSP23
MS6RouJZ4xDE7/61ZyB56F0wHwYDVR0jBBgwFoAUSP23MS6RouJZ4xDE7/61ZyB5
6F0wDwYDVR0TAQH/BAUwAwEB/zAdBgNVHREEFjAUggxob29rLmV4YW1wbGWHBH8A
AAEwCgYIKoZIzj0EAwIDRwAwRAIgOqajD/HJFDJJrkFCHn+qT2hxl+xISq+yeW11
Ybt0HjYCICuw0uy0IABpjiyMJyML9DIBACMNfedZKLXcBg4qm+BO
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqEJFYDUrOFJ6wwoy
zIPc+bwoMv9ebd52luF+xmi5NO6hRANCAARvssm0itSReN4ZorOOu1uMUpCVVAy0
UERuvi3Py9UGU4Z+muxpX5UzCMkqeM1M35UoG9m8ToSw86NMNxgUeW/P
-----END PRIVATE KEY-----
`,
};
