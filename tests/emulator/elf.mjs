// What of an ELF file a loader needs: segments, and symbols by name (System V ABI, chapters 4 and 5).

const PT_LOAD = 1;
const SHT_SYMTAB = 2;

/** `{ segments: [{ address, bytes }], symbols: Map }`; addresses are those in flash. */
export function parseElf(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const u16 = (at) => view.getUint16(at, true);
  const u32 = (at) => view.getUint32(at, true);
  if (u32(0) !== 0x464c457f || file[4] !== 1 || file[5] !== 1) throw new Error("no ELF of 32 bits, little-endian");

  const segments = [];
  for (let number = 0; number < u16(44); number++) {
    const header = u32(28) + number * u16(42);
    const [type, offset, , address, length] = [0, 4, 8, 12, 16].map((field) => u32(header + field));
    if (type === PT_LOAD && length > 0) segments.push({ address, bytes: file.subarray(offset, offset + length) });
  }

  const symbols = new Map();
  const section = (number) => u32(32) + number * u16(46);
  for (let number = 0; number < u16(48); number++) {
    const header = section(number);
    if (u32(header + 4) !== SHT_SYMTAB) continue;
    const [table, length, link] = [16, 20, 24].map((field) => u32(header + field));
    const names = u32(section(link) + 16);
    for (let symbol = table; symbol < table + length; symbol += 16) {
      const start = names + u32(symbol);
      symbols.set(file.toString("latin1", start, file.indexOf(0, start)), u32(symbol + 4));
    }
  }
  return { segments, symbols };
}
