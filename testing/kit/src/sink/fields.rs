//! The fields of a request, read where they lie.
//!
//! The protocol's own decoder says exactly what is wrong and makes owned
//! values; a sink needs neither, and its time is charged to what it measures.

/// Reads fields one after another; `None` as soon as one is malformed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(&'a [u8]);

/// A record of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Fields(payload)
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Option<u64> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        if first < 0x80 {
            return Some(first.into());
        }
        self.long_varint(first)
    }

    fn long_varint(&mut self, first: u8) -> Option<u64> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..u64::BITS).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Whether an optional field is there.
    #[inline]
    pub(super) fn tag(&mut self) -> Option<bool> {
        let (&tag, rest) = self.0.split_first()?;
        self.0 = rest;
        match tag {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn record(&mut self) -> Option<Record<'a>> {
        let key = if self.tag()? { Some(self.bytes()?) } else { None };
        Some(Record { key, value: self.bytes()? })
    }

    pub(super) fn optional_varint(&mut self) -> Option<Option<u64>> {
        Some(if self.tag()? { Some(self.varint()?) } else { None })
    }

    /// Passes over numbers that do not matter.
    pub(super) fn skip_varints(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.varint().map(drop))
    }

    /// One raw byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    /// A number of 32 bits.
    pub(super) fn number(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(super) fn optional_number(&mut self) -> Option<Option<u32>> {
        Some(if self.tag()? { Some(self.number()?) } else { None })
    }

    /// Ends the request.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
