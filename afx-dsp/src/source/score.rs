//! Makes up what the guitar plays, bar by bar.

use super::exact::db;
use super::rng::Rng;
use super::string::{Gesture, Pluck};
use alloc::vec::Vec;

/// What happens to a string.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Pluck(Pluck),
    Refret(f64),
    Damp,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// Seconds from the start of the phrase.
    pub(super) at_s: f64,
    pub(super) string: usize,
    pub(super) action: Action,
}

/// Open strings of the standard tuning, MIDI.
pub(super) const TUNING: [f64; 6] = [40.0, 45.0, 50.0, 55.0, 59.0, 64.0];

const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
const MINOR: [i32; 7] = [0, 2, 3, 5, 7, 8, 10];
const PENTATONIC: [i32; 5] = [0, 3, 5, 7, 10];

/// Open chords, frets from the low string, -1 for a string that is not struck: E, A, D, G, C, Em, Am, Dm.
const CHORDS: [[i8; 6]; 8] = [
    [0, 2, 2, 1, 0, 0],
    [-1, 0, 2, 2, 2, 0],
    [-1, -1, 0, 2, 3, 2],
    [3, 2, 0, 0, 0, 3],
    [-1, 3, 2, 0, 1, 0],
    [0, 2, 2, 0, 0, 0],
    [-1, 0, 2, 2, 1, 0],
    [-1, -1, 0, 2, 3, 1],
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Style {
    Riff,
    Chug,
    PowerChords,
    Strum,
    Arpeggio,
    Lead,
    Sparse,
    Rest,
}

/// Every style comes once per round, in random order, so a phrase of a minute has them all.
#[derive(Clone, Debug)]
pub(super) struct Score {
    rng: Rng,
    round: [Style; 8],
    next: usize,
    style: Style,
    bars_left: usize,
    beat_s: f64,
    /// Root of the low register, MIDI 40 to 47.
    root: i32,
    scale: [i32; 7],
    /// Factor of all velocities of a section.
    loudness: f64,
    degree: i32,
}

impl Score {
    pub(super) fn new(rng: Rng) -> Self {
        use Style::*;
        let round = [Riff, Chug, PowerChords, Strum, Arpeggio, Lead, Sparse, Rest];
        Score { rng, round, next: 8, style: Rest, bars_left: 0, beat_s: 0.5, root: 40, scale: MINOR, loudness: 1.0, degree: 0 }
    }

    /// Adds the next bar, which starts at `start_s`, to `events` and returns where it ends.
    pub(super) fn bar(&mut self, start_s: f64, events: &mut Vec<Event>) -> f64 {
        if self.bars_left == 0 {
            self.section();
        }
        self.bars_left -= 1;
        match self.style {
            Style::Riff => self.riff(start_s, events),
            Style::Chug => self.chug(start_s, events),
            Style::PowerChords => self.power_chords(start_s, events),
            Style::Strum => self.strum(start_s, events),
            Style::Arpeggio => self.arpeggio(start_s, events),
            Style::Lead => self.lead(start_s, events),
            Style::Sparse => self.sparse(start_s, events),
            Style::Rest => return self.rest(start_s, events),
        }
        start_s + 4.0 * self.beat_s
    }

    fn section(&mut self) {
        if self.next == self.round.len() {
            self.rng.shuffle(&mut self.round);
            self.next = 0;
        }
        self.style = self.round[self.next];
        self.next += 1;
        self.bars_left = if self.style == Style::Rest { 1 } else { 1 + self.rng.below(2) };
        self.beat_s = 60.0 / self.rng.range(84.0, 168.0);
        self.root = 40 + self.rng.below(8) as i32;
        self.scale = if self.rng.chance(0.6) { MINOR } else { MAJOR };
        let level = [0.0, -3.0, -6.0, -12.0, -20.0][self.rng.below(5)];
        self.loudness = db(level + self.rng.range(-2.0, 2.0));
    }

    /// Pitch of a degree of the scale, counted from the root through the octaves.
    fn pitch(&self, degree: i32) -> f64 {
        f64::from(self.root + self.scale[degree.rem_euclid(7) as usize] + 12 * degree.div_euclid(7))
    }

    fn velocity(&mut self, accent: f64) -> f64 {
        (accent * self.loudness * db(self.rng.range(-3.5, 1.5))).min(1.0)
    }

    /// A few milliseconds early or late, never before the bar.
    fn human(&mut self, at_s: f64, bar_s: f64) -> f64 {
        (at_s + 0.004 * self.rng.normal()).max(bar_s)
    }

    fn note(&mut self, at_s: f64, string: usize, pitch: f64, velocity: f64, mute: f64, gesture: Gesture) -> Event {
        let position = self.rng.range(0.08, 0.3);
        Event { at_s, string, action: Action::Pluck(Pluck { pitch, velocity, mute, position, gesture }) }
    }

    /// Single notes on the low strings, some muted, some left out.
    fn riff(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let step_s = self.beat_s / if self.rng.chance(0.4) { 4.0 } else { 2.0 };
        let mut at = 0.0;
        while at < 4.0 * self.beat_s - 1e-9 {
            let held = 1.0 + self.rng.below(3) as f64;
            if self.rng.chance(0.85) {
                self.degree = (self.degree + self.rng.below(5) as i32 - 2).clamp(0, 9);
                let pitch = self.pitch(self.degree);
                let string = low_string(pitch);
                let mute = if self.rng.chance(0.4) { self.rng.range(0.5, 1.0) } else { 0.0 };
                let (velocity, when) = (self.velocity(0.7), self.human(bar_s + at, bar_s));
                let off = when + 0.92 * held * step_s;
                events.push(self.note(when, string, pitch, velocity, mute, Gesture::default()));
                events.push(Event { at_s: off, string, action: Action::Damp });
            }
            at += held * step_s;
        }
    }

    /// Palm-muted root with accents on open power chords.
    fn chug(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let steps = if self.rng.chance(0.4) { 16 } else { 8 };
        let step_s = 4.0 * self.beat_s / steps as f64;
        for k in 0..steps {
            let when = self.human(bar_s + k as f64 * step_s, bar_s);
            if self.rng.chance(0.12) {
                continue;
            }
            if k % (steps / 4) == 0 && self.rng.chance(0.3) {
                self.degree = self.rng.below(5) as i32;
                self.power_chord(when, self.degree, 0.85, 0.0, events);
                for string in 0..3 {
                    events.push(Event { at_s: when + 0.9 * step_s, string, action: Action::Damp });
                }
            } else {
                let mute = self.rng.range(0.75, 1.0);
                self.power_chord(when, 0, if k % 2 == 0 { 0.75 } else { 0.55 }, mute, events);
            }
        }
    }

    /// Root, fifth and octave on neighbouring strings, a millisecond or two apart.
    fn power_chord(&mut self, at_s: f64, degree: i32, accent: f64, mute: f64, events: &mut Vec<Event>) {
        let pitch = self.pitch(degree);
        let low = low_string(pitch).min(3);
        let notes = if mute > 0.0 && self.rng.chance(0.5) { 1 } else { 3 };
        let (velocity, spread) = (self.velocity(accent), self.rng.range(0.001, 0.004));
        for (k, interval) in [0.0, 7.0, 12.0].into_iter().take(notes).enumerate() {
            events.push(self.note(at_s + spread * k as f64, low + k, pitch + interval, velocity, mute, Gesture::default()));
        }
    }

    /// Power chords that ring, some slid to.
    fn power_chords(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let count = 1 + self.rng.below(4);
        for k in 0..count {
            let when = self.human(bar_s + 4.0 * self.beat_s * k as f64 / count as f64, bar_s);
            (0..6).for_each(|string| events.push(Event { at_s: when - 0.01, string, action: Action::Damp }));
            self.degree = self.rng.below(6) as i32;
            let from = events.len();
            self.power_chord(when, self.degree, 0.9, 0.0, events);
            if self.rng.chance(0.25) {
                let (bend, start_s) = ([-2.0, 2.0, 3.0, 5.0][self.rng.below(4)], self.rng.range(0.1, 0.3));
                for event in &mut events[from..] {
                    if let Action::Pluck(pluck) = &mut event.action {
                        pluck.gesture = Gesture { bend, start_s, bend_s: 0.1, ..Gesture::default() };
                    }
                }
            }
        }
    }

    /// Open or barred chords in eighths, down and up, with a scratch now and then.
    fn strum(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let shape = CHORDS[self.rng.below(CHORDS.len())];
        let shift = if self.rng.chance(0.5) { 0.0 } else { self.rng.below(6) as f64 };
        let spread = self.rng.range(0.003, 0.018);
        for k in 0..8 {
            let down = k % 2 == 0;
            if k != 0 && self.rng.chance(if down { 0.15 } else { 0.35 }) {
                continue;
            }
            let mute = if k != 0 && self.rng.chance(0.15) { 1.0 } else { 0.0 };
            let when = self.human(bar_s + 0.5 * self.beat_s * k as f64, bar_s);
            let velocity = self.velocity(if down { 0.6 } else { 0.4 });
            let mut order = 0.0;
            for n in 0..6 {
                let string = if down { n } else { 5 - n };
                if shape[string] < 0 || (!down && string < 2) {
                    continue;
                }
                let strength = velocity * db(self.rng.range(-3.0, 0.0));
                let pitch = TUNING[string] + f64::from(shape[string]) + shift;
                events.push(self.note(when + spread * order, string, pitch, strength, mute, Gesture::default()));
                order += 1.0;
            }
        }
    }

    /// The notes of a chord one by one, left to ring.
    fn arpeggio(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let shape = CHORDS[self.rng.below(CHORDS.len())];
        let steps = if self.rng.chance(0.5) { 8 } else { 12 };
        let bass = shape.iter().position(|&f| f >= 0).unwrap_or(0);
        let mut string = bass;
        for k in 0..steps {
            let when = self.human(bar_s + 4.0 * self.beat_s * k as f64 / steps as f64, bar_s);
            let velocity = self.velocity(if k == 0 { 0.7 } else { 0.5 });
            let pitch = TUNING[string] + f64::from(shape[string].max(0));
            events.push(self.note(when, string, pitch, velocity, 0.0, Gesture::default()));
            string = if self.rng.chance(0.2) { bass } else { bass + 1 + self.rng.below(5 - bass) };
        }
    }

    /// A melody high on the neck: bends, slides, vibrato, hammer-ons.
    fn lead(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        let mut at = 0.0;
        while at < 4.0 * self.beat_s - 1e-9 {
            let length = self.beat_s * [0.25, 0.5, 0.5, 1.0, 2.0][self.rng.below(5)];
            self.degree = (self.degree + self.rng.below(7) as i32 - 3).clamp(0, 11);
            let steps = PENTATONIC[self.degree.rem_euclid(5) as usize] + 12 * self.degree.div_euclid(5);
            let pitch = f64::from(self.root + 12 + steps);
            let string = high_string(pitch);
            let gesture = self.gesture(length);
            let (velocity, when) = (self.velocity(0.75), self.human(bar_s + at, bar_s));
            events.push(self.note(when, string, pitch, velocity, 0.0, gesture));
            if gesture == Gesture::default() && self.rng.chance(0.3) {
                let up = if self.rng.chance(0.5) { 2.0 } else { -2.0 };
                events.push(Event { at_s: when + 0.5 * length, string, action: Action::Refret(pitch + up) });
            }
            events.push(Event { at_s: when + 0.97 * length, string, action: Action::Damp });
            at += length;
        }
    }

    fn gesture(&mut self, length_s: f64) -> Gesture {
        let mut gesture = Gesture::default();
        if length_s > 0.4 && self.rng.chance(0.7) {
            (gesture.vibrato_cents, gesture.vibrato_hz) = (self.rng.range(10.0, 45.0), self.rng.range(4.5, 6.5));
        }
        match self.rng.below(5) {
            0 => {
                gesture.bend = [1.0, 2.0, 2.0, 3.0][self.rng.below(4)];
                (gesture.start_s, gesture.bend_s) = (self.rng.range(0.02, 0.1), self.rng.range(0.08, 0.3));
                gesture.hold_s = if self.rng.chance(0.4) { 0.3 * length_s } else { 0.0 };
            }
            1 => {
                gesture.bend = [-4.0, -2.0, 2.0, 3.0, 5.0][self.rng.below(5)];
                (gesture.start_s, gesture.bend_s) = (0.4 * length_s, self.rng.range(0.04, 0.12));
            }
            _ => {}
        }
        gesture
    }

    /// One or two quiet notes that ring out.
    fn sparse(&mut self, bar_s: f64, events: &mut Vec<Event>) {
        for k in 0..1 + self.rng.below(2) {
            let degree = self.rng.below(15) as i32;
            let pitch = self.pitch(degree);
            let (velocity, when) = (self.velocity(0.3), self.human(bar_s + 2.0 * self.beat_s * k as f64, bar_s));
            events.push(self.note(when, high_string(pitch), pitch, velocity, 0.0, Gesture::default()));
        }
    }

    /// All strings damped; half a beat to half a bar of nothing.
    fn rest(&mut self, bar_s: f64, events: &mut Vec<Event>) -> f64 {
        (0..6).for_each(|string| events.push(Event { at_s: bar_s, string, action: Action::Damp }));
        bar_s + self.beat_s * self.rng.range(0.5, 2.0)
    }
}

/// The string for a note low on the neck.
fn low_string(pitch: f64) -> usize {
    TUNING.iter().rposition(|&open| open <= pitch).unwrap_or(0)
}

/// The string for a note around the seventh fret.
fn high_string(pitch: f64) -> usize {
    TUNING.iter().rposition(|&open| open + 5.0 <= pitch).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_everything_a_guitar_does() {
        for seed in 0..20 {
            let (mut score, mut events, mut now) = (Score::new(Rng::new(seed)), Vec::new(), 0.0);
            while now < 60.0 {
                let end = score.bar(now, &mut events);
                assert!(end > now);
                now = end;
            }
            let plucks: Vec<Pluck> = events.iter().filter_map(|e| if let Action::Pluck(p) = e.action { Some(p) } else { None }).collect();
            let count = |f: &dyn Fn(&Pluck) -> bool| plucks.iter().filter(|p| f(p)).count();
            assert!((80..1500).contains(&plucks.len()), "seed {seed}: {} notes", plucks.len());
            assert!(count(&|p| p.mute > 0.4) > 5 && count(&|p| p.mute == 0.0) > 30, "seed {seed}: muted and open");
            assert!(count(&|p| p.gesture.bend > 0.5) > 0, "seed {seed}: bends and slides");
            assert!(count(&|p| p.velocity > 0.4) > 3 && count(&|p| p.velocity < 0.15) > 3, "seed {seed}: loud and quiet");
            assert!(plucks.iter().all(|p| (40.0..=88.0).contains(&p.pitch) && p.velocity > 0.0 && p.velocity <= 1.0), "seed {seed}");
            assert!(events.iter().all(|e| e.string < 6 && e.at_s > -0.02), "seed {seed}");
        }
    }

    /// One bar: the score after it, where it starts and what is in it.
    struct Bar {
        score: Score,
        start_s: f64,
        events: Vec<Event>,
    }

    impl Bar {
        /// Time, string and the rest of each note.
        fn plucks(&self) -> impl Iterator<Item = (f64, usize, Pluck)> {
            self.events.iter().filter_map(|e| if let Action::Pluck(p) = e.action { Some((e.at_s, e.string, p)) } else { None })
        }
        /// The part of the bar at which something happens, in `count`ths; it must lie within a player's 30 ms of a whole one.
        fn step(&self, at_s: f64, count: f64) -> i32 {
            let step_s = 4.0 * self.score.beat_s / count;
            let k = ((at_s - self.start_s) / step_s).round();
            assert!((at_s - self.start_s - k * step_s).abs() < 0.03, "{k} of {count}");
            k as i32
        }
    }

    /// Some bars of one style, from 7 s on.
    fn bars(style: Style) -> impl Iterator<Item = Bar> {
        (0..30).flat_map(move |seed| {
            let (mut score, mut start_s, mut found) = (Score::new(Rng::new(seed)), 7.0, Vec::new());
            for _ in 0..40 {
                let mut events = Vec::new();
                let end_s = score.bar(start_s, &mut events);
                assert!(score.style == Style::Rest || (end_s - start_s - 4.0 * score.beat_s).abs() < 1e-9);
                if score.style == style {
                    found.push(Bar { score: score.clone(), start_s, events });
                }
                start_s = end_s;
            }
            found
        })
    }

    #[test]
    fn a_player_has_a_fret_for_every_note_and_the_time_of_a_bar() {
        use Style::*;
        for bar in [Riff, Chug, PowerChords, Strum, Arpeggio, Lead, Sparse, Rest].into_iter().flat_map(bars) {
            let beats = |at_s: f64| (at_s - bar.start_s) / bar.score.beat_s;
            for event in &bar.events {
                let frets = |pitch: f64| (0.0..=26.0).contains(&(pitch - TUNING[event.string]));
                // a note held over the end of the bar is damped in the next one
                assert!((-0.03..5.8).contains(&beats(event.at_s)), "{:?}: beat {}", bar.score.style, beats(event.at_s));
                assert!(if let Action::Pluck(Pluck { pitch, .. }) | Action::Refret(pitch) = event.action { frets(pitch) } else { true });
            }
            assert!(bar.plucks().all(|(at_s, ..)| (0.0..4.1).contains(&beats(at_s))), "{:?}", bar.score.style);
        }
    }

    #[test]
    fn a_strum_goes_through_a_chord_down_on_the_beat_and_up_off_it() {
        for bar in bars(Style::Strum) {
            let notes: Vec<_> = bar.plucks().collect();
            let strokes: Vec<_> = notes.chunk_by(|a, b| (b.0 - a.0).abs() < 0.04).collect();
            assert_eq!(bar.step(strokes[0][0].0, 8.0), 0, "the first stroke is never left out");
            let shift =
                |shape: &[i8; 6], &(_, string, pluck): &(f64, usize, Pluck)| pluck.pitch - TUNING[string] - f64::from(shape[string]);
            let fits = |shape: &&[i8; 6]| {
                let struck: Vec<usize> = (0..6).filter(|&string| shape[string] >= 0).collect();
                (0.0..6.0).contains(&shift(shape, &notes[0]))
                    && notes.iter().all(|note| shift(shape, note) == shift(shape, &notes[0]))
                    && strokes[0].iter().map(|note| note.1).eq(struck)
            };
            assert!(CHORDS.iter().any(|shape| fits(&shape)));
            for stroke in &strokes {
                let down = bar.step(stroke[0].0, 8.0) % 2 == 0;
                assert!(stroke.is_sorted_by(|a, b| a.0 < b.0 && if down { a.1 < b.1 } else { a.1 > b.1 }));
                assert!(down || stroke.iter().all(|note| note.1 >= 2));
            }
        }
    }

    #[test]
    fn an_arpeggio_spreads_a_chord_evenly_from_its_lowest_string() {
        let mut reached = [false; 6];
        for bar in bars(Style::Arpeggio) {
            let notes: Vec<_> = bar.plucks().collect();
            notes.iter().for_each(|note| reached[note.1] = true);
            assert!(notes.len() == 8 || notes.len() == 12);
            assert!(notes.iter().enumerate().all(|(k, note)| bar.step(note.0, notes.len() as f64) == k as i32));
            let fits = |shape: &[i8; 6]| {
                shape[..notes[0].1].iter().all(|&fret| fret < 0)
                    && notes
                        .iter()
                        .all(|(_, string, pluck)| pluck.pitch == TUNING[*string] + f64::from(shape[*string]) && shape[*string] >= 0)
            };
            assert!(CHORDS.iter().any(fits));
        }
        assert_eq!(reached, [true; 6]);
    }

    #[test]
    fn notes_of_a_melody_last_as_written_and_wander_both_ways() {
        for (style, part, lengths) in [(Style::Riff, 0.92, &[0.25, 0.5, 0.75, 1.0, 1.5][..]), (Style::Lead, 0.97, &[0.25, 0.5, 1.0, 2.0])] {
            let (mut up, mut down, mut pitches) = (0, 0, Vec::new());
            for bar in bars(style) {
                let mut plucked = bar.events[0];
                let mut before = None;
                for event in &bar.events {
                    let length = (event.at_s - plucked.at_s) / part / bar.score.beat_s;
                    let written = |length: f64| lengths.iter().any(|l: &f64| (l - length).abs() < 1e-9);
                    match event.action {
                        Action::Pluck(pluck) => {
                            pitches.push(pluck.pitch - f64::from(bar.score.root));
                            up += usize::from(before.is_some_and(|b| pluck.pitch > b));
                            down += usize::from(before.is_some_and(|b| pluck.pitch < b));
                            (plucked, before) = (*event, Some(pluck.pitch));
                        }
                        Action::Refret(pitch) => {
                            assert!(
                                written(2.0 * length * part) && before.is_some_and(|b| (b - pitch).abs() == 2.0),
                                "half-way, a tone off"
                            );
                        }
                        Action::Damp => assert!(written(length) && event.string == plucked.string, "{style:?}: {length} beats"),
                    }
                }
            }
            // a degree moves up as often as down, but for the ends of the range
            assert!(2 * up > down && 2 * down > up, "{style:?}: {up} up, {down} down");
            let (low, high) = pitches.iter().fold((f64::MAX, f64::MIN), |(low, high), p| (p.min(low), p.max(high)));
            assert!(high - low >= 14.0, "{style:?}: {low} to {high}");
            let steps = if style == Style::Riff { [MAJOR, MINOR].concat() } else { PENTATONIC.to_vec() };
            assert!(pitches.iter().all(|p| steps.contains(&(*p as i32 % 12))));
        }
    }
}
