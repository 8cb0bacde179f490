//! QR codes for the page to draw.

use causeway_engine::ProcessView;
use causeway_engine::connector::{Action, DisplayKind};
use qrcode::{Color, QrCode};
use serde_json::{Value, json};

/// The process, and beside a QR code's text its modules: rows of `1` (dark) and `0`, without the quiet zone. `null` for what
/// no QR code can hold.
pub(super) fn drawn(view: ProcessView) -> Value {
    let qr = match &view.step.action {
        Action::DisplayAndWait(display) if display.kind == DisplayKind::Qr => rows(&display.data),
        _ => None,
    };
    json!({ "process": view.process, "step": view.step, "qr": qr })
}

fn rows(data: &str) -> Option<Vec<String>> {
    let code = QrCode::new(data).ok()?;
    let digit = |color: &Color| if *color == Color::Dark { '1' } else { '0' };
    let colors = code.to_colors();
    Some(colors.chunks(code.width()).map(|row| row.iter().map(digit).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_square_with_its_finder_patterns() {
        let rows = rows("sgnl://linkdevice?uuid=1&pub_key=2").unwrap();
        assert!(rows.iter().all(|row| row.len() == rows.len()));
        assert!(rows[0].starts_with("11111110") && rows[0].ends_with("01111111"));
        assert!(rows[rows.len() - 1].starts_with("11111110"));
    }

    #[test]
    fn what_is_too_long_for_a_code_has_none() {
        assert_eq!(rows(&"x".repeat(10_000)), None);
    }
}
