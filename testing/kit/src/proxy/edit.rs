//! Altering bytes on their way.

use bytes::{Bytes, BytesMut};

use super::plan::Corruption;
use super::{Direction, FrameInTransit, Tamper};

/// Bytes of the length field of a frame, which it does not count itself.
const LENGTH_LEN: usize = 4;

/// Alters the bytes of one direction of one connection.
pub(super) struct Editor {
    connection: u64,
    direction: Direction,
    corruptions: Vec<Corruption>,
    tamper: Option<Tamper>,
    /// Position in the stream of the next byte.
    position: u64,
    /// Number of the next frame.
    frame: u64,
    /// A frame that is not complete yet.
    partial: BytesMut,
}

impl Editor {
    pub(super) fn new(
        connection: u64,
        direction: Direction,
        corruptions: Vec<Corruption>,
        tamper: Option<Tamper>,
    ) -> Self {
        Editor { connection, direction, corruptions, tamper, position: 0, frame: 0, partial: BytesMut::new() }
    }

    /// Takes what came and gives what is to go on; frames are held back only if someone alters frames.
    pub(super) fn edit(&mut self, received: BytesMut) -> Bytes {
        let mut onward = if self.is_by_frame() { self.edit_frames(received) } else { received };
        for corruption in self.corruptions.iter().filter(|corruption| corruption.frame.is_none()) {
            flip(&mut onward, corruption.at.checked_sub(self.position), corruption.xor);
        }
        self.position += onward.len() as u64;
        onward.freeze()
    }

    /// What is left when the stream has ended.
    pub(super) fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.partial).freeze()
    }

    fn is_by_frame(&self) -> bool {
        self.tamper.is_some() || self.corruptions.iter().any(|corruption| corruption.frame.is_some())
    }

    fn edit_frames(&mut self, received: BytesMut) -> BytesMut {
        self.partial.extend_from_slice(&received);
        let mut onward = BytesMut::new();
        while let Some(length) = self.partial.first_chunk::<LENGTH_LEN>() {
            let size = LENGTH_LEN + u32::from_be_bytes(*length) as usize;
            if self.partial.len() < size {
                break;
            }
            let frame = self.partial.split_to(size);
            onward.extend_from_slice(&self.edit_frame(frame.to_vec()));
        }
        onward
    }

    fn edit_frame(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for corruption in self.corruptions.iter().filter(|corruption| corruption.frame == Some(self.frame)) {
            flip(&mut bytes, Some(corruption.at), corruption.xor);
        }
        if let Some(tamper) = &self.tamper {
            let Editor { connection, direction, frame: number, .. } = *self;
            tamper(&mut FrameInTransit { connection, direction, number, bytes: &mut bytes });
        }
        self.frame += 1;
        bytes
    }
}

fn flip(bytes: &mut [u8], at: Option<u64>, xor: u8) {
    let byte = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| bytes.get_mut(at));
    if let Some(byte) = byte {
        *byte ^= xor;
    }
}
