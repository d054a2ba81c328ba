//! Telegrams out of a stream of bytes, as a serial P1 port or a P1 gateway over TCP gives it.

/// More than any telegram has (a meter with four gas meters sends about 2 KiB).
const BYTES_MAX: usize = 8 * 1_024;

/// Collects bytes until a telegram is whole. Its checksum is not looked at here.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    bytes: Vec<u8>,
    dropped: u64,
}

impl Framer {
    /// Takes what has arrived and gives the telegrams that are whole now, from `/` to the end of the
    /// checksum. Whatever stands outside of a telegram is dropped and counted.
    pub fn push(&mut self, arrived: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for byte in arrived {
            match byte {
                // A new telegram begins; one that was not ended is lost.
                b'/' => {
                    self.drop_all();
                    self.bytes.push(b'/');
                }
                _ if self.bytes.is_empty() => self.dropped = self.dropped.saturating_add(1),
                b'\n' if self.bytes.contains(&b'!') => {
                    whole.push(std::mem::take(&mut self.bytes));
                }
                byte => {
                    self.bytes.push(*byte);
                    if self.bytes.len() > BYTES_MAX {
                        self.drop_all();
                    }
                }
            }
        }
        whole
    }

    /// How many bytes belonged to no whole telegram.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn drop_all(&mut self) {
        let lost = u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
        self.dropped = self.dropped.saturating_add(lost);
        self.bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn telegrams_come_out_whole_and_the_rest_is_counted() {
        let mut framer = Framer::default();
        assert_eq!(framer.push(b"garbage\r\n/A\r\n1"), Vec::<Vec<u8>>::new());
        assert_eq!(framer.dropped(), 9);
        let whole = framer.push(b"-0\r\n!ABCD\r\n/B\r\n!0000\r\n/C");
        assert_eq!(
            whole,
            [b"/A\r\n1-0\r\n!ABCD\r".to_vec(), b"/B\r\n!0000\r".to_vec()]
        );
        // The beginning of another telegram ends one that was cut off.
        assert_eq!(framer.push(b"\r\n/D\r\n!\r\n"), [b"/D\r\n!\r".to_vec()]);
        assert_eq!(framer.dropped(), 9 + 4);
    }

    #[test]
    fn a_telegram_without_end_does_not_fill_the_memory() {
        let mut framer = Framer::default();
        framer.push(b"/");
        for _ in 0..20 {
            assert!(framer.push(&[b'x'; 1_024]).is_empty());
        }
        assert!(framer.bytes.len() <= BYTES_MAX);
        assert_eq!(framer.push(b"/E\r\n!\r\n"), [b"/E\r\n!\r".to_vec()]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in proptest::collection::vec(prop_oneof![Just(b'/'), Just(b'!'), Just(b'\n'), any::<u8>()], 0..300), at in 0_usize..300) {
            let mut whole = Framer::default();
            let mut pieces = Framer::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut out = pieces.push(first);
            out.extend(pieces.push(second));
            prop_assert_eq!(whole.push(&bytes), out);
            prop_assert_eq!(whole.dropped(), pieces.dropped());
        }
    }
}
