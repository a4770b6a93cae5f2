//! Images of up to 256 colours, and the PNG encoder.
use super::{PlotError, color::Rgb};

/// Longest side of a picture in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// An indexed image: each pixel names one of at most 256 colours. Row 0 is on top.
#[derive(Clone, Debug, PartialEq)]
pub struct Bitmap {
    width: u32,
    height: u32,
    palette: Vec<Rgb>,
    pixels: Vec<u8>,
}

impl Bitmap {
    /// An image of `width * height` palette indices.
    ///
    /// # Errors
    /// A side of 0 or above [`MAX_SIDE`], a palette of 0 or more than 256 colours, the wrong number of pixels, an index past the palette.
    pub fn new(width: u32, height: u32, palette: Vec<Rgb>, pixels: Vec<u8>) -> Result<Self, PlotError> {
        check_side(f64::from(width), f64::from(height))?;
        if !(1..=256).contains(&palette.len()) {
            return Err(PlotError::Range { what: "palette colours", expected: "1 to 256", found: palette.len() as f64 });
        }
        let expected = width as usize * height as usize;
        if pixels.len() != expected {
            return Err(PlotError::Length { what: "pixels".into(), expected, found: pixels.len() });
        }
        match pixels.iter().find(|&&p| usize::from(p) >= palette.len()) {
            Some(&p) => Err(PlotError::Range { what: "pixel", expected: "an index into the palette", found: f64::from(p) }),
            None => Ok(Self { width, height, palette, pixels }),
        }
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The palette index of column `x`, row `y` (0 outside the image).
    #[must_use]
    pub fn index(&self, x: u32, y: u32) -> u8 {
        if x >= self.width { 0 } else { self.pixels.get(y as usize * self.width as usize + x as usize).copied().unwrap_or(0) }
    }

    /// Straight RGBA bytes, opaque.
    #[must_use]
    pub(crate) fn rgba(&self) -> Vec<u8> {
        self.pixels
            .iter()
            .flat_map(|&p| {
                let Rgb(r, g, b) = self.palette[usize::from(p)]; // `new` checked every index
                [r, g, b, 255]
            })
            .collect()
    }

    /// A palette PNG.
    ///
    /// # Errors
    /// The encoder's, as [`PlotError::Encode`].
    pub fn to_png(&self) -> Result<Vec<u8>, PlotError> {
        let palette: Vec<u8> = self.palette.iter().flat_map(|c| [c.0, c.1, c.2]).collect();
        encode_png(self.width, self.height, Some(palette), &self.pixels)
    }
}

/// Both sides must lie in 1..=[`MAX_SIDE`].
pub(crate) fn check_side(width: f64, height: f64) -> Result<(), PlotError> {
    let ok = |side: f64| side >= 1.0 && side <= f64::from(MAX_SIDE);
    if ok(width) && ok(height) { Ok(()) } else { Err(PlotError::Size { width, height }) }
}

/// PNG bytes of indexed pixels (with a palette) or of RGB triples (without).
pub(crate) fn encode_png(width: u32, height: u32, palette: Option<Vec<u8>>, data: &[u8]) -> Result<Vec<u8>, PlotError> {
    let fail = |e: png::EncodingError| PlotError::Encode(e.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    match palette {
        Some(palette) => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette);
            encoder.set_compression(png::Compression::High); // it will stand in a page, a third longer in base64
            encoder.set_filter(png::Filter::NoFilter); // a filter mixes indices, which are names and not levels
        }
        None => encoder.set_color(png::ColorType::Rgb),
    }
    let mut writer = encoder.write_header().map_err(fail)?;
    writer.write_image_data(data).map_err(fail)?;
    writer.finish().map_err(fail)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_decodes_to_the_pixels_that_went_in() {
        let palette = vec![Rgb(1, 2, 3), Rgb(250, 128, 0)];
        let image = Bitmap::new(3, 2, palette, vec![0, 1, 0, 1, 1, 0]).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(image.to_png().unwrap()));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut out = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut out).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(out, [1, 2, 3, 250, 128, 0, 1, 2, 3, 250, 128, 0, 250, 128, 0, 1, 2, 3]);
    }

    #[test]
    fn wrong_sizes_and_indices_are_refused() {
        let black = || vec![Rgb(0, 0, 0)];
        assert!(matches!(Bitmap::new(0, 2, black(), vec![]), Err(PlotError::Size { .. })));
        assert!(matches!(Bitmap::new(2, 2, black(), vec![0; 3]), Err(PlotError::Length { expected: 4, found: 3, .. })));
        assert!(matches!(Bitmap::new(1, 1, vec![], vec![0]), Err(PlotError::Range { .. })));
        assert!(matches!(Bitmap::new(1, 1, black(), vec![1]), Err(PlotError::Range { .. })));
    }
}
