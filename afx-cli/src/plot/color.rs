//! Colours: roles that follow the theme, and colour maps whose lightness is monotonic so that they survive grey print and colour blindness.

/// An sRGB colour, 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// `#rrggbb`.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }

    /// Relative luminance, 0 to 1 (WCAG 2, IEC 61966-2-1 linearisation).
    #[must_use]
    pub fn luminance(self) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// Black or white, whichever is read more easily on this colour.
    #[must_use]
    pub fn ink(self) -> Self {
        // Equal contrast ratios (L + .05) / .05 = 1.05 / (L + .05) meet at L = sqrt(.0525) - .05.
        if self.luminance() > 0.179 { Self(20, 22, 26) } else { Self(255, 255, 255) }
    }
}

/// Light or dark paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// Number of distinguishable series colours; further series repeat them, dashed.
pub const SERIES: usize = 6;

/// What a mark is painted with: a role whose colour the theme decides, or a fixed colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// The paper.
    Background,
    /// Titles and labels.
    Text,
    /// Tick labels and notes.
    Muted,
    /// Grid lines.
    Grid,
    /// Finer grid lines.
    MinorGrid,
    /// The frame of a panel.
    Frame,
    /// The n-th series; Okabe and Ito's palette, reordered, lightened on dark paper.
    Series(usize),
    /// The same colour on any paper: colour maps, heat map cells.
    Fixed(Rgb),
}

/// Hues of Okabe and Ito 2008, "Color Universal Design": blue, vermillion, green, purple, orange, sky; darkened for thin lines on white, lightened
/// for dark paper.
const SERIES_LIGHT: [Rgb; SERIES] =
    [Rgb(0, 104, 171), Rgb(213, 84, 0), Rgb(0, 145, 106), Rgb(181, 89, 147), Rgb(196, 134, 0), Rgb(58, 148, 200)];
const SERIES_DARK: [Rgb; SERIES] =
    [Rgb(86, 180, 233), Rgb(255, 128, 66), Rgb(38, 200, 150), Rgb(222, 146, 192), Rgb(240, 190, 60), Rgb(160, 190, 255)];

impl Paint {
    /// Every role, for style sheets.
    pub(crate) const ROLES: [Self; 12] = [
        Self::Background,
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::MinorGrid,
        Self::Frame,
        Self::Series(0),
        Self::Series(1),
        Self::Series(2),
        Self::Series(3),
        Self::Series(4),
        Self::Series(5),
    ];

    /// The colour on `theme`'s paper.
    #[must_use]
    pub const fn resolve(self, theme: Theme) -> Rgb {
        let dark = matches!(theme, Theme::Dark);
        match self {
            Self::Background => {
                if dark {
                    Rgb(23, 25, 30)
                } else {
                    Rgb(255, 255, 255)
                }
            }
            Self::Text => {
                if dark {
                    Rgb(232, 234, 238)
                } else {
                    Rgb(28, 31, 38)
                }
            }
            Self::Muted => {
                if dark {
                    Rgb(160, 166, 178)
                } else {
                    Rgb(88, 94, 106)
                }
            }
            Self::Grid => {
                if dark {
                    Rgb(52, 56, 65)
                } else {
                    Rgb(222, 225, 230)
                }
            }
            Self::MinorGrid => {
                if dark {
                    Rgb(37, 40, 47)
                } else {
                    Rgb(240, 241, 244)
                }
            }
            Self::Frame => {
                if dark {
                    Rgb(96, 102, 114)
                } else {
                    Rgb(150, 156, 168)
                }
            }
            Self::Series(n) => {
                if dark {
                    SERIES_DARK[n % SERIES]
                } else {
                    SERIES_LIGHT[n % SERIES]
                }
            }
            Self::Fixed(rgb) => rgb,
        }
    }

    /// Short class name of a role (`None` for a fixed colour), so that a page's style sheet can override the colours of an inline SVG.
    pub(crate) fn class(self) -> Option<String> {
        Some(match self {
            Self::Background => "bg".into(),
            Self::Text => "tx".into(),
            Self::Muted => "mu".into(),
            Self::Grid => "gr".into(),
            Self::MinorGrid => "mg".into(),
            Self::Frame => "fr".into(),
            Self::Series(n) => format!("s{}", n % SERIES),
            Self::Fixed(_) => return None,
        })
    }
}

/// A way from a number in 0 to 1 to a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorMap {
    /// Near-black through violet, red and orange to pale yellow: levels in a spectrogram.
    Heat,
    /// Pale to deep blue: errors in cells, where small should look calm.
    Tint,
    /// Blue through near-white to red, 0.5 in the middle: differences.
    Diverging,
    /// Violet to amber in mid lightness, visible on light and dark paper: time along a line.
    Time,
}

impl ColorMap {
    /// The colour at `t`, clamped to 0..=1 (NaN counts as 0). Paths are written in OKLCH (Ottosson 2020), lightness linear in `t`.
    #[must_use]
    pub fn at(self, t: f64) -> Rgb {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let bump = (core::f64::consts::PI * t).sin();
        match self {
            Self::Heat => oklch(0.13 + 0.84 * t, 0.03 + 0.17 * bump.powf(0.8), 280.0 + 178.0 * t),
            Self::Tint => oklch(0.975 - 0.60 * t, 0.012 + 0.13 * (1.0 - (1.0 - t) * (1.0 - t)), 215.0 + 60.0 * t),
            Self::Diverging => {
                let u = 2.0 * t - 1.0;
                let hue = if u < 0.0 { 255.0 } else { 32.0 };
                oklch(0.965 - 0.50 * u.abs().powf(1.15), 0.19 * u.abs().powf(0.9), hue)
            }
            Self::Time => oklch(0.46 + 0.32 * t, 0.165, 290.0 + 145.0 * t),
        }
    }

    /// `count` colours from 0 to 1, for a palette.
    #[must_use]
    pub fn palette(self, count: usize) -> Vec<Rgb> {
        let last = count.saturating_sub(1).max(1) as f64;
        (0..count).map(|i| self.at(i as f64 / last)).collect()
    }
}

/// OKLCH to sRGB, clipped to the gamut (B. Ottosson, "A perceptual color space for image processing", 2020).
fn oklch(lightness: f64, chroma: f64, hue_deg: f64) -> Rgb {
    let (sin, cos) = hue_deg.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let l = (lightness + 0.3963377774 * a + 0.2158037573 * b).powi(3);
    let m = (lightness - 0.1055613458 * a - 0.0638541728 * b).powi(3);
    let s = (lightness - 0.0894841775 * a - 1.2914855480 * b).powi(3);
    Rgb(
        encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
        encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
        encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
    )
}

/// Linear light to an 8-bit sRGB code (IEC 61966-2-1).
fn encode(linear: f64) -> u8 {
    let c = linear.clamp(0.0, 1.0);
    let v = if c <= 0.0031308 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    (255.0 * v).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oklch_without_chroma_is_grey_and_reaches_black_and_white() {
        assert_eq!(oklch(0.0, 0.0, 0.0), Rgb(0, 0, 0));
        assert_eq!(oklch(1.0, 0.0, 0.0), Rgb(255, 255, 255));
        let grey = oklch(0.6, 0.0, 123.0);
        assert!(grey.0 == grey.1 && grey.1 == grey.2);
    }

    #[test]
    fn sequential_maps_are_monotonic_in_luminance() {
        for (map, sign) in [(ColorMap::Heat, 1.0), (ColorMap::Tint, -1.0)] {
            let l: Vec<f64> = map.palette(64).iter().map(|c| sign * c.luminance()).collect();
            assert!(l.windows(2).all(|w| w[1] > w[0]), "{map:?}: {l:?}");
        }
    }

    #[test]
    fn the_diverging_map_falls_off_on_both_sides_of_its_middle() {
        let l: Vec<f64> = ColorMap::Diverging.palette(65).iter().map(|c| c.luminance()).collect();
        assert!(l[..33].windows(2).all(|w| w[1] > w[0]));
        assert!(l[32..].windows(2).all(|w| w[1] < w[0]));
        let (blue, red) = (ColorMap::Diverging.at(0.0), ColorMap::Diverging.at(1.0));
        assert!(blue.2 > blue.0 && red.0 > red.2);
    }

    #[test]
    fn text_reaches_the_contrast_of_wcag_aa_on_both_papers() {
        for theme in [Theme::Light, Theme::Dark] {
            let paper = Paint::Background.resolve(theme).luminance();
            for paint in [Paint::Text, Paint::Muted] {
                let ink = paint.resolve(theme).luminance();
                let ratio = (paper.max(ink) + 0.05) / (paper.min(ink) + 0.05);
                assert!(ratio > 4.5, "{theme:?} {paint:?}: {ratio}"); // WCAG 2.1 SC 1.4.3
            }
        }
    }

    #[test]
    fn out_of_range_and_nan_are_clamped() {
        assert_eq!(ColorMap::Heat.at(-3.0), ColorMap::Heat.at(0.0));
        assert_eq!(ColorMap::Heat.at(7.0), ColorMap::Heat.at(1.0));
        assert_eq!(ColorMap::Heat.at(f64::NAN), ColorMap::Heat.at(0.0));
    }
}
