//! The records of a write-ahead log.
//!
//! A record is a mark (one byte), the length and the CRC-32 of its payload
//! (four bytes each, least significant first), and the payload in postcard.
//! The CRC also covers the length, the generation of the log and the place of
//! the record, so that bytes which look like a record inside the payload of
//! another are not taken for one.
//!
//! A reader meets two kinds of damage. A write that a crash tore is at the very
//! end and nobody was told that it is durable: it may be cut off. Rot is
//! anywhere, and cutting it off would lose what was acknowledged. The reader
//! tells them apart by what follows: a bad record with a valid one anywhere
//! behind it is rot, because records are synced one after the other.
//!
//! **What this cannot do:** rot in the very last record looks exactly like a
//! torn write, and is cut off as one. A log by itself cannot tell them apart;
//! it would need a second place that says how long the log was.

use crc32fast::Hasher;
use postcard::ser_flavors::Flavor;
use serde::Serialize;

/// The first byte of a record; not zero, since lost writes often read as zeros.
const MARK: u8 = 0xd5;
/// Mark, length and CRC.
pub const HEADER: usize = 9;

/// Counts the checkpoints of a node; each has its own log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// With a valid record, or with nothing at all.
    Clean,
    /// With a write that a crash tore.
    Torn {
        /// Where the valid part ends.
        offset: usize,
        /// How many bytes there are behind it.
        bytes: usize,
    },
    /// It does not end where it breaks: a valid record is behind a bad one.
    Rotten {
        /// Where the bad record is.
        offset: usize,
    },
}

/// Puts a record that will stand at `offset` into `buffer`, in place of what was there.
pub fn encode(buffer: &mut Vec<u8>, generation: Generation, offset: usize, value: &impl Serialize) {
    buffer.clear();
    buffer.extend_from_slice(&[0; HEADER]);
    postcard::serialize_with_flavor::<_, Onto<'_>, ()>(value, Onto(buffer))
        .expect("plain data always encodes into memory that grows");
    let length = u32::try_from(buffer.len() - HEADER).expect("a record is below 4 GiB");
    let crc = checksum(generation, offset, length, &buffer[HEADER..]);
    buffer[0] = MARK;
    buffer[1..5].copy_from_slice(&length.to_le_bytes());
    buffer[5..HEADER].copy_from_slice(&crc.to_le_bytes());
}

/// Serializes onto the end of a vector, whole slices at a time.
struct Onto<'a>(&'a mut Vec<u8>);

impl Flavor for Onto<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn checksum(generation: Generation, offset: usize, length: u32, payload: &[u8]) -> u32 {
    let mut place = [0; 20];
    place[..8].copy_from_slice(&generation.0.to_le_bytes());
    place[8..16].copy_from_slice(&(offset as u64).to_le_bytes());
    place[16..].copy_from_slice(&length.to_le_bytes());
    let mut hasher = Hasher::new();
    hasher.update(&place);
    hasher.update(payload);
    hasher.finalize()
}

/// The payload of the record at `offset`, if a valid one is there.
#[must_use]
pub fn record_at(bytes: &[u8], generation: Generation, offset: usize) -> Option<&[u8]> {
    let record = bytes.get(offset..)?;
    let (header, rest) = record.split_at_checked(HEADER)?;
    let word = |at: usize| -> u32 {
        let four = header[at..at + 4].try_into();
        u32::from_le_bytes(four.expect("four bytes are four bytes"))
    };
    let (length, crc) = (word(1), word(5));
    let payload = rest.get(..length as usize)?;
    let valid = header[0] == MARK && crc == checksum(generation, offset, length, payload);
    valid.then_some(payload)
}

/// The valid records of a log in order, and after them the [`Tail`].
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    generation: Generation,
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Reads a log from its beginning.
    #[must_use]
    pub fn new(bytes: &'a [u8], generation: Generation) -> Self {
        Self {
            bytes,
            generation,
            offset: 0,
        }
    }

    /// What stands behind the records that were read.
    #[must_use]
    pub fn tail(&self) -> Tail {
        let offset = self.offset;
        if offset == self.bytes.len() {
            return Tail::Clean;
        }
        // The length of a bad record may be bad too, so that the next record
        // may begin at any byte.
        let valid_behind = (offset + 1..self.bytes.len()).any(|place| {
            self.bytes[place] == MARK && record_at(self.bytes, self.generation, place).is_some()
        });
        if valid_behind {
            Tail::Rotten { offset }
        } else {
            Tail::Torn {
                offset,
                bytes: self.bytes.len() - offset,
            }
        }
    }
}

impl<'a> Iterator for Reader<'a> {
    /// Where the record is, and its payload.
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        let payload = record_at(self.bytes, self.generation, offset)?;
        self.offset += HEADER + payload.len();
        Some((offset, payload))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIRST: Generation = Generation(1);

    fn log(values: &[&str]) -> Vec<u8> {
        let (mut log, mut buffer) = (Vec::new(), Vec::new());
        for value in values {
            encode(&mut buffer, FIRST, log.len(), value);
            log.extend_from_slice(&buffer);
        }
        log
    }

    fn read(log: &[u8]) -> (usize, Tail) {
        let mut reader = Reader::new(log, FIRST);
        (reader.by_ref().count(), reader.tail())
    }

    #[test]
    fn any_cut_through_the_last_record_is_a_torn_write() {
        let whole = log(&["one", "two", "three"]);
        let two = log(&["one", "two"]).len();
        assert_eq!(read(&whole), (3, Tail::Clean));
        assert_eq!(read(&whole[..two]), (2, Tail::Clean));
        for cut in two + 1..whole.len() {
            let bytes = cut - two;
            assert_eq!(read(&whole[..cut]), (2, Tail::Torn { offset: two, bytes }));
        }
    }

    #[test]
    fn any_flipped_bit_before_the_last_record_is_rot() {
        let whole = log(&["one", "two", "three"]);
        let offsets: Vec<usize> = Reader::new(&whole, FIRST)
            .map(|(offset, _)| offset)
            .collect();
        for place in 0..offsets[2] {
            for bit in 0..8 {
                let mut rotten = whole.clone();
                rotten[place] ^= 1 << bit;
                let index = usize::from(place >= offsets[1]);
                let offset = offsets[index];
                assert_eq!(read(&rotten), (index, Tail::Rotten { offset }));
            }
        }
    }

    #[test]
    fn a_record_inside_a_torn_record_is_not_taken_for_one() {
        let mut buffer = Vec::new();
        let mut inner = Vec::new();
        encode(&mut inner, FIRST, 0, &"inner");
        encode(&mut buffer, FIRST, 0, &(inner, "more"));
        let cut = buffer.len() - 1;
        assert_eq!(
            read(&buffer[..cut]).1,
            Tail::Torn {
                offset: 0,
                bytes: cut
            }
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            read(&bytes);
        }

        #[test]
        fn what_is_written_is_read(values: Vec<String>) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let log = log(&values);
            let back: Result<Vec<&str>, _> = Reader::new(&log, FIRST)
                .map(|(_, payload)| postcard::from_bytes(payload))
                .collect();
            prop_assert_eq!(back, Ok(values));
        }
    }
}
