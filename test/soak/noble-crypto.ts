/** What stands in for `src/node/crypto.ts` where the server is to do without Node's primitives. */

export { nobleCrypto as nodeCrypto } from '../../src/crypto/default-crypto.ts';
export { nobleBackend as nodeBackend } from '../../src/crypto/noble/backend.ts';
