//! From a stream of bytes to frames and back.

use bytes::{Buf, BufMut, BytesMut};
use causeway_bindings::v0_1::causeway::bridge::net::Framing;

/// A longer line or length is a broken or hostile peer.
const LINE: usize = 64 << 10;
const BLOCK: usize = 16 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
}

impl Frame {
    pub fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a frame of the remote end is longer than {0} bytes")]
pub struct TooLong(usize);

/// Takes the next whole frame off the front of `buffer`.
pub fn decode(framing: Framing, buffer: &mut BytesMut) -> Result<Option<Frame>, TooLong> {
    let (head, length) = match framing {
        Framing::Raw if buffer.is_empty() => return Ok(None),
        Framing::Raw => return Ok(Some(Frame::Binary(buffer.split().to_vec()))),
        Framing::Lines => return line(buffer),
        Framing::Len16Be if buffer.len() >= 2 => (2, usize::from(u16::from_be_bytes([buffer[0], buffer[1]]))),
        Framing::Len24Be if buffer.len() >= 3 => (3, u32::from_be_bytes([0, buffer[0], buffer[1], buffer[2]]) as usize),
        Framing::Len32Be if buffer.len() >= 4 => (4, buffer.as_ref().get_u32() as usize),
        Framing::Len32Le if buffer.len() >= 4 => (4, buffer.as_ref().get_u32_le() as usize),
        _ => return Ok(None),
    };
    if length > BLOCK {
        return Err(TooLong(BLOCK));
    }
    if buffer.len() < head + length {
        return Ok(None);
    }
    buffer.advance(head);
    Ok(Some(Frame::Binary(buffer.split_to(length).to_vec())))
}

fn line(buffer: &mut BytesMut) -> Result<Option<Frame>, TooLong> {
    let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
        return if buffer.len() > LINE { Err(TooLong(LINE)) } else { Ok(None) };
    };
    if end > LINE {
        return Err(TooLong(LINE));
    }
    let mut line = buffer.split_to(end + 1).to_vec();
    line.pop();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8(line).map_or_else(|error| Frame::Binary(error.into_bytes()), Frame::Text)))
}

/// Why a frame can't be sent under its framing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    #[error("a line must not contain a line break or NUL")]
    LineBreak,
    #[error("the frame is longer than its framing can say")]
    TooLong,
}

/// Checked when the guest hands the frame over, so that writing it can't fail.
pub fn check(framing: Framing, frame: &Frame) -> Result<(), Unfit> {
    let most = match framing {
        Framing::Raw => usize::MAX,
        Framing::Lines if frame.bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) => {
            return Err(Unfit::LineBreak);
        }
        Framing::Lines => LINE,
        Framing::Len16Be => usize::from(u16::MAX),
        Framing::Len24Be | Framing::Len32Be | Framing::Len32Le => BLOCK,
    };
    if frame.len() > most { Err(Unfit::TooLong) } else { Ok(()) }
}

pub fn encode(framing: Framing, frame: &Frame, buffer: &mut BytesMut) {
    let bytes = frame.bytes();
    let length = u32::try_from(bytes.len()).expect("frames are checked against their framing when they are taken");
    match framing {
        Framing::Raw | Framing::Lines => {}
        Framing::Len16Be => buffer.put_slice(&length.to_be_bytes()[2..]),
        Framing::Len24Be => buffer.put_slice(&length.to_be_bytes()[1..]),
        Framing::Len32Be => buffer.put_u32(length),
        Framing::Len32Le => buffer.put_u32_le(length),
    }
    buffer.put_slice(bytes);
    if framing == Framing::Lines {
        buffer.put_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framing: Framing, bytes: &[u8]) -> Vec<Frame> {
        let mut buffer = BytesMut::from(bytes);
        std::iter::from_fn(|| decode(framing, &mut buffer).expect("no frame is too long")).collect()
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_an_unfinished_one_waits() {
        let frames = all(Framing::Lines, b"one\r\ntwo\n\xff\nthr");
        assert_eq!(frames, [Frame::Text("one".into()), Frame::Text("two".into()), Frame::Binary(vec![0xff])]);
    }

    #[test]
    fn endless_line_is_refused() {
        let mut buffer = BytesMut::from(vec![b'a'; LINE + 1].as_slice());
        assert!(decode(Framing::Lines, &mut buffer).is_err());
    }

    #[test]
    fn every_length_framing_reads_what_it_wrote() {
        for framing in [Framing::Len16Be, Framing::Len24Be, Framing::Len32Be, Framing::Len32Le] {
            let mut buffer = BytesMut::new();
            encode(framing, &Frame::Binary(vec![1, 2, 3]), &mut buffer);
            encode(framing, &Frame::Binary(vec![]), &mut buffer);
            assert_eq!(all(framing, &buffer), [Frame::Binary(vec![1, 2, 3]), Frame::Binary(vec![])], "{framing:?}");
        }
    }

    #[test]
    fn line_with_a_break_inside_is_refused() {
        assert_eq!(check(Framing::Lines, &Frame::Text("QUIT\r\nJOIN #x".into())), Err(Unfit::LineBreak));
    }
}
