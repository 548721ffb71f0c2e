/// Turns a block into `N` decimal digits, as ASCII, the way PVV and CVV do: first the hexadecimal digits
/// that are decimal, left to right, then the others less ten.
pub(crate) fn decimalise<const N: usize>(block: [u8; 8]) -> [u8; N] {
    let nibbles = || block.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    let decimal = nibbles().filter(|nibble| *nibble <= 9);
    let letters = nibbles().filter(|nibble| *nibble > 9).map(|nibble| nibble - 10);
    let mut digits = [b'0'; N];
    for (slot, digit) in digits.iter_mut().zip(decimal.chain(letters)) {
        *slot = b'0' + digit;
    }
    digits
}
