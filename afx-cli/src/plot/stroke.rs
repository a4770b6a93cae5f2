//! From many points to few strokes.
use super::{
    color::{ColorMap, Paint},
    scene::Mark,
};

/// A cross of two strokes at each finite point.
pub(super) fn crosses(points: &[(f64, f64)], paint: Paint, marks: &mut Vec<Mark>) {
    const R: f64 = 3.6;
    let finite = points.iter().filter(|p| p.0.is_finite() && p.1.is_finite());
    let paths = finite.flat_map(|&(x, y)| [vec![(x - R, y - R), (x + R, y + R)], vec![(x - R, y + R), (x + R, y - R)]]).collect();
    marks.push(Mark::Line { paths, paint, width: 1.7, opacity: 1.0, dash: 0.0 });
}

/// A line in at most 96 strokes of one colour each.
pub(super) fn gradient(points: &[(f64, f64)], map: ColorMap, marks: &mut Vec<Mark>) {
    let chunk = points.len().div_ceil(96).max(2);
    let last = points.len().saturating_sub(1).max(1) as f64;
    for start in (0..points.len()).step_by(chunk) {
        let end = (start + chunk + 1).min(points.len()); // shares a point with the next stroke
        let color = map.at((start + end) as f64 / 2.0 / last);
        let paths = unbroken(&points[start..end]);
        if !paths.is_empty() {
            marks.push(Mark::Line { paths, paint: Paint::Fixed(color), width: 1.8, opacity: 1.0, dash: 0.0 });
        }
    }
}

/// The runs of at least two finite points.
pub(super) fn unbroken(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    points.split(|p| !(p.0.is_finite() && p.1.is_finite())).filter(|run| run.len() > 1).map(<[_]>::to_vec).collect()
}

/// Keeps the first, lowest, highest and last point of each half unit of x: what the eye sees of a long line that runs rightwards.
pub(super) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let rightwards = points.windows(2).all(|w| w[1].0 >= w[0].0);
    if points.len() < 1500 || !rightwards {
        return points.to_vec();
    }
    let column = |p: &(f64, f64)| (2.0 * p.0).floor();
    let mut kept = Vec::new();
    for group in points.chunk_by(|a, b| column(a) == column(b)) {
        let index = |pick: fn(f64, f64) -> bool| (1..group.len()).fold(0, |best, i| if pick(group[i].1, group[best].1) { i } else { best });
        let mut chosen = [0, index(|a, b| a < b), index(|a, b| a > b), group.len() - 1];
        chosen.sort_unstable();
        kept.extend(chosen.iter().enumerate().filter(|&(k, i)| k == 0 || chosen[k - 1] != *i).map(|(_, &i)| group[i]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_every_column_s_extremes() {
        let points: Vec<(f64, f64)> =
            (0..20_000).map(|i| (f64::from(i) * 0.01, if i == 7_777 { 99.0 } else { f64::from(i % 7) })).collect();
        let kept = thin(&points);
        assert!(kept.len() <= 4 * 401 && kept.contains(&(77.77, 99.0)) && kept.windows(2).all(|w| w[1].0 >= w[0].0));
        assert_eq!((kept[0], kept[kept.len() - 1]), (points[0], points[19_999]));
    }

    #[test]
    fn a_line_breaks_where_a_point_is_not_finite() {
        let runs = unbroken(&[(0.0, 0.0), (1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, f64::INFINITY), (5.0, 0.0), (6.0, 0.0)]);
        assert_eq!(runs, [vec![(0.0, 0.0), (1.0, 1.0)], vec![(5.0, 0.0), (6.0, 0.0)]]);
    }
}
