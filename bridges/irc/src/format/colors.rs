//! The colours of mIRC's code 0x03.

/// 0 to 15, as most clients draw them; the order is the protocol's.
const BASE: [u32; 16] = [
    0xffffff, 0x000000, 0x00007f, 0x009300, 0xff0000, 0x7f0000, 0x9c009c, 0xfc7f00, 0xffff00, 0x00fc00, 0x009393,
    0x00ffff, 0x0000fc, 0xff00ff, 0x7f7f7f, 0xd2d2d2,
];

/// 16 to 98: seven rows of twelve hues, then greys.
const EXTENDED: [u32; 83] = [
    0x470000, 0x472100, 0x474700, 0x324700, 0x004700, 0x00472c, 0x004747, 0x002747, 0x000047, 0x2e0047, 0x470047,
    0x47002a, 0x740000, 0x743a00, 0x747400, 0x517400, 0x007400, 0x007449, 0x007474, 0x004074, 0x000074, 0x4b0074,
    0x740074, 0x740045, 0xb50000, 0xb56300, 0xb5b500, 0x7db500, 0x00b500, 0x00b571, 0x00b5b5, 0x0063b5, 0x0000b5,
    0x7500b5, 0xb500b5, 0xb5006b, 0xff0000, 0xff8c00, 0xffff00, 0xb2ff00, 0x00ff00, 0x00ffa0, 0x00ffff, 0x008cff,
    0x0000ff, 0xa500ff, 0xff00ff, 0xff0098, 0xff5959, 0xffb459, 0xffff71, 0xcfff60, 0x6fff6f, 0x65ffc9, 0x6dffff,
    0x59b4ff, 0x5959ff, 0xc459ff, 0xff66ff, 0xff59bc, 0xff9c9c, 0xffd39c, 0xffff9c, 0xe2ff9c, 0x9cff9c, 0x9cffdb,
    0x9cffff, 0x9cd3ff, 0x9c9cff, 0xdc9cff, 0xff9cff, 0xff94d3, 0x000000, 0x131313, 0x282828, 0x363636, 0x4d4d4d,
    0x656565, 0x818181, 0x9f9f9f, 0xbcbcbc, 0xe2e2e2, 0xffffff,
];

/// `None` for 99 («default») and beyond.
pub fn rgb(code: u8) -> Option<u32> {
    let code = usize::from(code);
    BASE.get(code).or_else(|| EXTENDED.get(code.checked_sub(16)?)).copied()
}

/// The nearest of the sixteen that every client knows.
pub fn nearest(rgb: u32) -> u8 {
    let channel = |color: u32, shift: u32| i64::from((color >> shift) & 0xff);
    let distance = |base: u32| [16, 8, 0].iter().map(|s| (channel(base, *s) - channel(rgb, *s)).pow(2)).sum::<i64>();
    (0u8..16).min_by_key(|code| distance(BASE[usize::from(*code)])).unwrap_or(1)
}

/// `#rrggbb`, `#rgb`.
pub fn parse(text: &str) -> Option<u32> {
    let hex = text.trim().strip_prefix('#')?;
    let value = u32::from_str_radix(hex, 16).ok()?;
    match hex.len() {
        6 => Some(value),
        3 => Some([8, 4, 0].iter().fold(0, |rgb, shift| (rgb << 8) | (((value >> shift) & 0xf) * 0x11))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_but_the_default_has_a_color() {
        assert_eq!(rgb(4), Some(0xff0000));
        assert_eq!(rgb(98), Some(0xffffff));
        assert_eq!(rgb(99), None);
    }

    #[test]
    fn colors_are_read_and_rounded_to_the_sixteen() {
        assert_eq!(parse("#f00"), Some(0xff0000));
        assert_eq!(parse("#00ff00"), Some(0x00ff00));
        assert_eq!(parse("red"), None);
        assert_eq!((nearest(0xfe0101), nearest(0x010101), nearest(0xffffff)), (4, 1, 0));
    }
}
