//! Registers as they came, in the blocks in which they were asked for.

use crate::plan::ReadRequest;

/// Registers as they came, in blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registers {
    blocks: Vec<(ReadRequest, Vec<u16>)>,
}

impl Registers {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Vec::new() }
    }

    /// Adds what came for a request.
    pub fn add(&mut self, request: ReadRequest, words: Vec<u16>) {
        self.blocks.push((request, words));
    }

    /// The registers of a request, from several blocks where no single one holds them all. For evidence
    /// alone: a number whose halves are of different instants is none.
    #[must_use]
    pub fn assembled(&self, request: &ReadRequest) -> Option<Vec<u16>> {
        let one = |offset: u16| {
            let at = ReadRequest {
                address: request.address.checked_add(offset)?,
                count: 1,
                ..*request
            };
            self.get(&at)?.first().copied()
        };
        self.get(request)
            .map(<[u16]>::to_vec)
            .or_else(|| (0..request.count).map(one).collect())
    }

    /// The registers of a request, if one block holds them all.
    #[must_use]
    pub fn get(&self, request: &ReadRequest) -> Option<&[u16]> {
        self.blocks.iter().find_map(|(block, words)| {
            let start = usize::from(request.address.checked_sub(block.address)?);
            let end = start.checked_add(usize::from(request.count))?;
            if block.covers(request) {
                words.get(start..end)
            } else {
                None
            }
        })
    }
}
