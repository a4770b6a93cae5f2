//! Players that share one position, so that an ear can jump between input, device and model.
use super::{
    base64,
    escape::escape,
    wav::{self, WavError},
};

/// Clips of one passage. Without scripts each has the browser's own player; with them one bar plays all and buttons choose which is heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Players {
    title: String,
    sample_rate_hz: u32,
    channels: u16,
    clips: Vec<(String, Vec<f32>)>,
}

impl Players {
    /// No clips yet; `channels` are interleaved in each.
    ///
    /// # Errors
    /// A sample rate or a number of channels that a WAV file cannot state.
    pub fn new(title: &str, sample_rate_hz: u32, channels: u16) -> Result<Self, WavError> {
        wav::check(0, sample_rate_hz, channels)?;
        Ok(Self { title: title.into(), sample_rate_hz, channels, clips: Vec::new() })
    }

    /// With one more clip. A second of mono at 48 kHz takes 128 kB of the page.
    ///
    /// # Errors
    /// A number of samples that is not a multiple of the channels, or above 2^28.
    pub fn clip(mut self, label: &str, samples: &[f32]) -> Result<Self, WavError> {
        wav::check(samples.len(), self.sample_rate_hz, self.channels)?;
        self.clips.push((label.into(), samples.to_vec()));
        Ok(self)
    }

    /// The gain that keeps the loudest clip at full scale; one for all clips, so that their levels still compare. 1 where nothing clips.
    #[must_use]
    pub fn gain(&self) -> f32 {
        let finite = self.clips.iter().flat_map(|(_, x)| x).map(|x| x.abs()).filter(|x| x.is_finite());
        1.0 / finite.fold(1.0, f32::max)
    }

    pub(super) fn html(&self) -> String {
        let gain = self.gain();
        let title = escape(&self.title);
        let mut out = format!("<div class=\"players\" role=\"group\" aria-label=\"{title}\">\n<h3>{title}</h3>\n");
        for (label, samples) in &self.clips {
            let label = escape(label);
            // `new` and `clip` checked what the encoder checks; were it to refuse, the player would stay silent.
            let data = wav::encode(samples, gain, self.sample_rate_hz, self.channels).map(|w| base64::encode(&w)).unwrap_or_default();
            out += &format!(
                "<p class=\"clip\"><span>{label}</span><audio controls preload=\"auto\" data-label=\"{label}\" src=\"data:audio/wav;base64,{data}\"></audio></p>\n"
            );
        }
        if gain < 0.99 {
            out += &format!(
                "<p class=\"note\">All clips are turned down by {:.1} dB, so that the loudest does not clip.</p>\n",
                -20.0 * gain.log10()
            );
        }
        out + "</div>\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_clips_turn_all_clips_down_alike() {
        let players = Players::new("x", 48_000, 1).unwrap().clip("a", &[0.5]).unwrap().clip("b", &[-4.0, f32::NAN]).unwrap();
        assert_eq!(players.gain(), 0.25);
        assert!(players.html().contains("turned down by 12.0 dB"));
        assert_eq!(Players::new("x", 48_000, 1).unwrap().gain(), 1.0);
    }

    #[test]
    fn wrong_formats_are_refused_when_they_come_in() {
        assert!(Players::new("x", 0, 1).is_err() && Players::new("x", 48_000, 0).is_err());
        assert!(Players::new("x", 48_000, 2).unwrap().clip("odd", &[0.0; 3]).is_err());
    }
}
