//! After `prepare`, a loss allocates nothing.

mod common;
#[path = "common/zoo.rs"]
mod zoo;

use assert_no_alloc::{AllocDisabler, assert_no_alloc, violation_count};

#[global_allocator]
static ALLOCATOR: AllocDisabler = AllocDisabler;

#[test]
fn a_prepared_loss_does_not_allocate() {
    let y = common::single(&common::noise(400, 1));
    let p = common::single(&common::noise(400, 2));
    let mut g = vec![0.0; 400];
    for mut entry in zoo::zoo::<f32>() {
        entry.loss.prepare(400).unwrap();
        if entry.name == "random resolutions" {
            entry.loss.evaluate(&p, &y, None).unwrap(); // draws, once
        }
        let before = violation_count();
        assert_no_alloc(|| entry.loss.evaluate(&p, &y, Some(&mut g)).is_ok() && entry.loss.evaluate(&p, &y, None).is_ok());
        assert_eq!(violation_count(), before, "{}", entry.name);
    }
    // The check itself works.
    let before = violation_count();
    assert_no_alloc(|| drop(std::hint::black_box(vec![0u8; 10])));
    assert!(violation_count() > before);
}
