//! The accent colour of the pages, and what becomes of it on a light and on a dark ground.

use std::fmt;
use std::str::FromStr;

/// The lightest and the darkest ground that the accent is seen on; the stylesheet has the same two.
pub const LIGHT_GROUND: Rgb = Rgb([0xf6, 0xf7, 0xf8]);
/// See [`LIGHT_GROUND`].
pub const DARK_GROUND: Rgb = Rgb([0x1a, 0x1d, 0x21]);

/// Times a text's luminance differs from its ground's, at least (WCAG 2.2, success criterion 1.4.3).
const CONTRAST: f64 = 4.5;

/// A colour of the sRGB space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb([u8; 3]);

impl Rgb {
    /// The colour as it is written if it can be read on a light ground, else the nearest darker shade that can.
    pub fn on_light(self) -> Self {
        self.until_readable([0; 3], LIGHT_GROUND)
    }

    /// The colour as it is written if it can be read on a dark ground, else the nearest lighter shade that can.
    pub fn on_dark(self) -> Self {
        self.until_readable([255; 3], DARK_GROUND)
    }

    /// How well this is seen on `ground`, from 1, not at all, to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, ground: Self) -> f64 {
        let (one, other) = (self.luminance(), ground.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn until_readable(self, end: [u8; 3], ground: Self) -> Self {
        let mixed = |percent: u32| {
            let channel = |index: usize| {
                let (from, to) = (u32::from(self.0[index]), u32::from(end[index]));
                u8::try_from((from * (100 - percent) + to * percent) / 100).expect("between two bytes")
            };
            Self([0, 1, 2].map(channel))
        };
        let is_readable = |shade: &Self| shade.contrast(ground) >= CONTRAST;
        (0..100).map(mixed).find(is_readable).unwrap_or(Self(end))
    }

    /// Relative luminance (WCAG 2.2), from 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |byte: u8| {
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

/// The text is not a colour.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAColour;

impl FromStr for Rgb {
    type Err = NotAColour;

    /// Reads `#rrggbb`.
    fn from_str(text: &str) -> Result<Self, NotAColour> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(NotAColour)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAColour);
        }
        let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| NotAColour);
        Ok(Self([channel(0)?, channel(2)?, channel(4)?]))
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_accent_can_be_read_on_both_grounds(channels: [u8; 3]) {
            let accent = Rgb(channels);
            prop_assert!(accent.on_light().contrast(LIGHT_GROUND) >= CONTRAST);
            prop_assert!(accent.on_dark().contrast(DARK_GROUND) >= CONTRAST);
        }

        #[test]
        fn a_colour_reads_back_as_it_was_written(channels: [u8; 3]) {
            prop_assert_eq!(Rgb(channels).to_string().parse(), Ok(Rgb(channels)));
        }

        #[test]
        fn any_text_is_a_colour_or_a_refusal(text in "#?[0-9a-zA-Z+é]{0,8}") {
            let _ = text.parse::<Rgb>();
        }
    }

    #[test]
    fn contrast_is_what_the_guidelines_say() {
        let ratio = |one: &str, other: &str| {
            let (one, other): (Rgb, Rgb) = (one.parse().unwrap(), other.parse().unwrap());
            (one.contrast(other) * 100.0).round() / 100.0
        };
        assert_eq!(ratio("#000000", "#ffffff"), 21.0);
        assert_eq!(ratio("#767676", "#ffffff"), 4.54);
        assert_eq!(ratio("#ff0000", "#ffffff"), 4.0);
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        let accent: Rgb = "#1f5fbf".parse().unwrap();
        assert_eq!(accent.on_light(), accent);
        assert_ne!(accent.on_dark(), accent);
    }
}
