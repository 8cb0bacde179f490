//! A node as bytes: the row that the store keeps.
//!
//! A tag byte, then variable-length integers (seven bits a byte, low ones first). Leaf: count, then for each pair the
//! key's distance from the one before and the value. Branch: two bytes of which children there are, then their ids.

use thiserror::Error;

use super::{EMPTY, FAN_OUT, Key, LEAF_PAIRS, Node};

const LEAF: u8 = 0;
const BRANCH: u8 = 1;

/// Why bytes are not a node or a state: the store is corrupt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    #[error("state trie bytes end too early")]
    Short,
    #[error("state trie bytes go on after their end")]
    Long,
    #[error("state trie bytes have the unknown tag {0}")]
    Tag(u8),
    #[error("state trie bytes hold a number that is out of range")]
    Range,
    #[error("state trie bytes hold keys that don't ascend")]
    Order,
}

/// The bytes of a node.
pub fn encode(node: &Node) -> Vec<u8> {
    let mut bytes = Vec::new();
    match node {
        Node::Leaf(pairs) => {
            bytes.push(LEAF);
            put(&mut bytes, pairs.len() as u64);
            let mut last = 0;
            for (key, value) in pairs {
                put(&mut bytes, u64::from(key - last));
                put(&mut bytes, *value);
                last = *key;
            }
        }
        Node::Branch(children) => {
            bytes.push(BRANCH);
            let present = children.iter().rev().fold(0_u16, |bits, child| bits << 1 | u16::from(*child != EMPTY));
            bytes.extend(present.to_le_bytes());
            for child in children.iter().filter(|child| **child != EMPTY) {
                put(&mut bytes, *child);
            }
        }
    }
    bytes
}

/// The node that bytes hold; every byte is checked.
pub fn decode(bytes: &[u8]) -> Result<Node, DecodeError> {
    let mut reader = Reader(bytes);
    let node = match reader.byte()? {
        LEAF => {
            let count = reader.number()?;
            if count == 0 || count > LEAF_PAIRS as u64 {
                return Err(DecodeError::Range);
            }
            let mut keys = Keys::default();
            let pairs = (0..count).map(|_| Ok((keys.next(&mut reader)?, reader.number()?)));
            Node::Leaf(pairs.collect::<Result<_, DecodeError>>()?)
        }
        BRANCH => {
            let present = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
            if present == 0 {
                return Err(DecodeError::Range);
            }
            let mut children = [EMPTY; FAN_OUT];
            let present = (0..FAN_OUT).filter(|index| present >> index & 1 == 1);
            for index in present {
                let child = &mut children[index];
                *child = reader.number()?;
                if *child == EMPTY {
                    return Err(DecodeError::Range);
                }
            }
            Node::Branch(children)
        }
        tag => return Err(DecodeError::Tag(tag)),
    };
    reader.end()?;
    Ok(node)
}

/// Appends a variable-length integer.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads what [`put`] wrote.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.0.split_first().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Range);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DecodeError::Range)
    }

    pub fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() { Ok(()) } else { Err(DecodeError::Long) }
    }
}

/// Reads ascending keys, written as distances.
#[derive(Default)]
pub(crate) struct Keys(Option<Key>);

impl Keys {
    pub fn next(&mut self, reader: &mut Reader<'_>) -> Result<Key, DecodeError> {
        let distance = Key::try_from(reader.number()?).map_err(|_| DecodeError::Range)?;
        let key = match self.0 {
            Some(_) if distance == 0 => return Err(DecodeError::Order),
            Some(last) => last.checked_add(distance).ok_or(DecodeError::Range)?,
            None => distance,
        };
        self.0 = Some(key);
        Ok(key)
    }
}
