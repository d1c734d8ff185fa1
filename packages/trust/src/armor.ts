// SPDX-License-Identifier: Apache-2.0

/** An OpenPGP certificate in ASCII armor: RFC 9580, section 6, with the checksum that older readers want. */
export function armored(bytes: Uint8Array): string {
  const [begin, end] = ['-----BEGIN PGP PUBLIC KEY BLOCK-----', '-----END PGP PUBLIC KEY BLOCK-----'];
  const sum = crc24(bytes);
  const checksum = Buffer.from([sum >> 16, (sum >> 8) & 0xff, sum & 0xff]).toString('base64');
  return `${begin}\n\n${lines(bytes)}\n=${checksum}\n${end}\n`;
}

/** A SubjectPublicKeyInfo in PEM: RFC 7468. */
export function pem(bytes: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${lines(bytes)}\n-----END PUBLIC KEY-----\n`;
}

function lines(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n');
}

/** RFC 9580, section 6.1.1. */
function crc24(bytes: Uint8Array): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}
