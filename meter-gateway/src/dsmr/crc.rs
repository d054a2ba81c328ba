//! CRC16/ARC: polynomial 0x8005 reflected (0xA001), start 0, no final inversion.

/// The checksum of a P1 telegram: of everything from `/` to `!`, both included.
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 1 {
                shifted ^ 0xa001
            } else {
                shifted
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        // "CRC-16/ARC" in the catalogue of parametrised CRC algorithms: check 0xBB3D.
        assert_eq!(crc16_arc(b"123456789"), 0xbb3d);
        assert_eq!(crc16_arc(b""), 0);
    }
}
