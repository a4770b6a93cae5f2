//! quick
use afx_core::*;
use afx_models::*;
use std::time::Instant;
fn main() {
    for h in [8, 16, 32, 64] {
        let g = Gru::new(1, h);
        let n = Layer::<f32>::params_len(&g);
        let mut p = Aligned::<f32>::zeros(n);
        let mut noise = afx_core::testing::Noise::new(1);
        for v in p.iter_mut() {
            *v = 0.3 * noise.next_f64() as f32;
        }
        let x: Vec<f32> = noise.take(64, 0.5);
        let mut s = Aligned::<f32>::zeros(Layer::<f32>::state_len(&g));
        let mut s2 = s.clone();
        let mut y = vec![0f32; 64 * h];
        let mut y2 = y.clone();
        let mut best = f64::MAX;
        let mut best2 = f64::MAX;
        for _ in 0..3000 {
            let t = Instant::now();
            g.process(&p, &mut s, &x, &mut y);
            best = best.min(t.elapsed().as_secs_f64() / 64.0 * 1e9);
            let t = Instant::now();
            g.process_pair(&p, [&mut s, &mut s2], [&x, &x], [&mut y, &mut y2]);
            best2 = best2.min(t.elapsed().as_secs_f64() / 64.0 * 1e9);
        }
        println!("gru{h}: {best:.1} ns/sample, pair {best2:.1} ({:.2})", best2 / best);
        let frames = 2048;
        let x: Vec<f32> = noise.take(frames, 0.5);
        let mut y = vec![0f32; frames * h];
        let mut tape = vec![0f32; Differentiable::<f32>::tape_len(&g, frames)];
        let dy: Vec<f32> = noise.take(frames * h, 1.0);
        let mut dp = vec![0f32; n];
        let (mut bf, mut bb) = (f64::MAX, f64::MAX);
        for _ in 0..50 {
            let t = Instant::now();
            g.forward(&p, &mut s, &x, &mut y, &mut tape);
            bf = bf.min(t.elapsed().as_secs_f64() / frames as f64 * 1e9);
            let t = Instant::now();
            g.backward(&p, &x, &y, &mut tape, &dy, &mut [], &mut dp);
            bb = bb.min(t.elapsed().as_secs_f64() / frames as f64 * 1e9);
        }
        println!("   forward {bf:.1} backward {bb:.1} ns/frame -> 80x2048 on 1 core: {:.1} ms", (bf + bb) * 163840e-6);
    }
}
