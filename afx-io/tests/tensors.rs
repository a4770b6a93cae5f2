//! Safetensors: agreement with the reference implementation, and refusals.

use afx_io::ErrorKind;
use afx_io::tensors::{Data, Tensor, Tensors, bf16_to_f32, f16_to_f32};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn small() -> Tensors {
    let mut t = Tensors::default();
    t.metadata.insert("knobs".into(), "[\"drive\"]\n".into());
    t.tensors.push(Tensor::f32("z.last", &[2, 3], vec![1.0, -2.0, 0.5, 1e-40, f32::MAX, -0.0]));
    t.tensors.push(Tensor::f64("a.first", &[], vec![0.1]));
    t.tensors.push(Tensor::f32("empty", &[3, 0], vec![]));
    t
}

fn any_tensors() -> impl Strategy<Value = Tensors> {
    let shape = prop::collection::vec(0_usize..4, 0..4);
    let tensor = shape.prop_flat_map(|shape| {
        let n = shape.iter().product::<usize>();
        let f32s = prop::collection::vec(prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, n);
        let f64s = prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::ZERO, n);
        prop_oneof![f32s.prop_map(Data::F32), f64s.prop_map(Data::F64)].prop_map(move |data| (shape.clone(), data))
    });
    let metadata = prop::collection::btree_map(".{0,8}", ".{0,20}", 0..4);
    (prop::collection::vec((".{0,6}", tensor), 0..6), metadata).prop_map(|(list, metadata)| {
        // The index makes the names different.
        let tensors = list.into_iter().enumerate().map(|(i, (name, (shape, data)))| Tensor { name: format!("{name}{i}"), shape, data });
        Tensors { metadata, tensors: tensors.collect() }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_order_by_us_and_by_the_reference(tensors in any_tensors()) {
        let bytes = tensors.encode().unwrap();
        prop_assert_eq!(&tensors.encode().unwrap(), &bytes);
        prop_assert_eq!(&Tensors::parse(&bytes).unwrap(), &tensors);

        let oracle = SafeTensors::deserialize(&bytes).unwrap();
        prop_assert_eq!(oracle.len(), tensors.tensors.len());
        for t in &tensors.tensors {
            let view = oracle.tensor(&t.name).unwrap();
            prop_assert_eq!(view.shape(), &t.shape[..]);
            let (dtype, raw): (_, Vec<u8>) = match &t.data {
                Data::F32(v) => (Dtype::F32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
                Data::F64(v) => (Dtype::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
            };
            prop_assert_eq!(view.dtype(), dtype);
            prop_assert_eq!(view.data(), &raw[..]);
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let expected: HashMap<_, _> = tensors.metadata.clone().into_iter().collect();
        prop_assert_eq!(header.metadata().clone().unwrap_or_default(), expected);
    }

    #[test]
    fn what_the_reference_writes_is_read(halves in prop::collection::vec(any::<u16>(), 0..40), longs in prop::collection::vec(-(1_i64 << 53)..=1 << 53, 0..20)) {
        let halves: Vec<u16> = halves.into_iter().filter(|h| f16_to_f32(*h).is_finite() && bf16_to_f32(*h).is_finite()).collect();
        let half_bytes: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
        let long_bytes: Vec<u8> = longs.iter().flat_map(|h| h.to_le_bytes()).collect();
        let ints: Vec<i32> = longs.iter().map(|v| *v as i32).collect();
        let int_bytes: Vec<u8> = ints.iter().flat_map(|h| h.to_le_bytes()).collect();
        let views = [
            ("h", TensorView::new(Dtype::F16, vec![halves.len()], &half_bytes).unwrap()),
            ("b", TensorView::new(Dtype::BF16, vec![1, halves.len()], &half_bytes).unwrap()),
            ("l", TensorView::new(Dtype::I64, vec![longs.len()], &long_bytes).unwrap()),
            ("i", TensorView::new(Dtype::I32, vec![longs.len()], &int_bytes).unwrap()),
        ];
        let bytes = safetensors::serialize(views, None).unwrap();
        let ours = Tensors::parse(&bytes).unwrap();
        prop_assert_eq!(ours.expect("h", &[halves.len()]).unwrap().to_f32().unwrap(), halves.iter().map(|h| f16_to_f32(*h)).collect::<Vec<_>>());
        prop_assert_eq!(ours.expect("b", &[1, halves.len()]).unwrap().to_f32().unwrap(), halves.iter().map(|h| bf16_to_f32(*h)).collect::<Vec<_>>());
        prop_assert_eq!(ours.expect("l", &[longs.len()]).unwrap().to_f64().unwrap(), longs.iter().map(|v| *v as f64).collect::<Vec<_>>());
        prop_assert_eq!(ours.expect("i", &[longs.len()]).unwrap().to_f64().unwrap(), ints.iter().map(|v| f64::from(*v)).collect::<Vec<_>>());
    }

    #[test]
    fn arbitrary_bytes_are_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0_u64..220, brace in any::<bool>()) {
        let mut bytes = bytes;
        if brace && bytes.len() > 9 {
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            bytes[8] = b'{';
        }
        let _ = Tensors::parse(&bytes);
    }

    #[test]
    fn whoever_accepts_a_damaged_header_the_reference_does_too(at in 8_usize..200, byte in any::<u8>()) {
        let mut bytes = small().encode().unwrap();
        let at = at.min(bytes.len() - 40);
        bytes[at] = byte;
        if Tensors::parse(&bytes).is_ok() {
            prop_assert!(SafeTensors::deserialize(&bytes).is_ok());
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = small().encode().unwrap();
    for cut in 0..bytes.len() {
        let error = Tensors::parse(&bytes[..cut]).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Truncated | ErrorKind::WrongFormat), "cut at {cut}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_refused_or_read_without_growth() {
    let bytes = small().encode().unwrap();
    let mut accepted = 0;
    for bit in 0..8 * bytes.len() {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        if let Ok(t) = Tensors::parse(&bad) {
            accepted += 1;
            assert_eq!(t.tensors.iter().map(|t| t.data.len()).sum::<usize>(), 7);
        }
    }
    assert!(accepted > 0 && accepted < 8 * bytes.len());
}

#[test]
fn the_bytes_are_the_ones_written_down_here() {
    let mut t = Tensors::default();
    t.metadata.insert("b".into(), "2".into());
    t.metadata.insert("a".into(), "1".into());
    t.tensors.push(Tensor::f32("w", &[1], vec![1.0]));
    let header = r#"{"__metadata__":{"a":"1","b":"2"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} "#;
    assert_eq!(header.len() % 8, 0);
    assert_eq!(t.encode().unwrap(), file(header, &[0, 0, 0x80, 0x3F]));
}

#[test]
fn the_header_may_name_tensors_in_another_order_than_the_data() {
    let header = r#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let data = [1.0_f32, 2.0].map(f32::to_le_bytes).concat();
    let t = Tensors::parse(&file(header, &data)).unwrap();
    assert_eq!(t.tensors, [Tensor::f32("b", &[1], vec![2.0]), Tensor::f32("a", &[1], vec![1.0])]);
}

#[test]
fn labelled_bad_files_are_refused_with_the_right_kind_and_field() {
    let f32s = |n: usize| vec![0_u8; 4 * n];
    let one = |fields: &str, data: &[u8]| file(&format!("{{\"w\":{{{fields}}}}}"), data);
    let mut long = file("{}", &[]);
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut past = file("{}", &[]);
    past[0] = 3;
    let entry = |begin: u64, end: u64| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":[{begin},{end}]}}"#);
    let two = |a: String, b: String| file(&format!("{{\"a\":{a},\"b\":{b}}}"), &f32s(2));
    let cases: Vec<(&str, Vec<u8>, ErrorKind, &str)> = vec![
        ("empty", vec![], ErrorKind::WrongFormat, "header"),
        ("three bytes", vec![1, 2, 3], ErrorKind::Truncated, "header"),
        ("wave", b"RIFF\x28\0\0\0WAVEfmt ".to_vec(), ErrorKind::WrongFormat, "header"),
        ("zip", b"PK\x03\x04\0\0\x08\x08\0\0\0\0".to_vec(), ErrorKind::WrongFormat, "header"),
        ("2^64 - 1 bytes of header", long, ErrorKind::TooLarge, "header length"),
        ("one byte too few", past, ErrorKind::Truncated, "header"),
        ("no JSON", file("{nonsense", &[]), ErrorKind::Malformed, "header"),
        ("two objects", file("{}{}", &[]), ErrorKind::Malformed, "header"),
        (
            "not UTF-8",
            file("{\"a\u{fffd}", &[]).into_iter().map(|b| if b == 0xBF { 0xFF } else { b }).collect(),
            ErrorKind::Malformed,
            "header",
        ),
        ("deep", file(&format!("{{\"a\":{}", "[".repeat(100_000)), &[]), ErrorKind::Malformed, "header"),
        ("metadata of numbers", file(r#"{"__metadata__":{"a":1}}"#, &[]), ErrorKind::Malformed, "header"),
        ("metadata twice", file(r#"{"__metadata__":{},"__metadata__":{}}"#, &[]), ErrorKind::Duplicate, "header"),
        ("key of metadata twice", file(r#"{"__metadata__":{"a":"","a":""}}"#, &[]), ErrorKind::Duplicate, "header"),
        ("name twice", file(&format!("{{\"a\":{},\"a\":{}}}", entry(0, 4), entry(4, 8)), &f32s(2)), ErrorKind::Duplicate, "header"),
        ("no shape", one(r#""dtype":"F32","data_offsets":[0,4]"#, &f32s(1)), ErrorKind::Malformed, "header"),
        ("extra field", one(r#""dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1"#, &f32s(1)), ErrorKind::Malformed, "header"),
        ("negative extent", one(r#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#, &f32s(1)), ErrorKind::Malformed, "header"),
        ("three offsets", one(r#""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#, &f32s(1)), ErrorKind::Malformed, "header"),
        ("unknown type", one(r#""dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]"#, &f32s(1)), ErrorKind::Unsupported, "w: dtype"),
        ("wrong size", one(r#""dtype":"F32","shape":[2],"data_offsets":[0,4]"#, &f32s(1)), ErrorKind::Malformed, "w: data_offsets"),
        ("reversed", one(r#""dtype":"F32","shape":[1],"data_offsets":[4,0]"#, &f32s(1)), ErrorKind::Malformed, "w: data_offsets"),
        (
            "shape overflows",
            one(r#""dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]"#, &[]),
            ErrorKind::Malformed,
            "w: data_offsets",
        ),
        (
            "bytes overflow",
            one(r#""dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]"#, &[]),
            ErrorKind::Malformed,
            "w: data_offsets",
        ),
        (
            "4 GB claimed",
            one(r#""dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]"#, &f32s(1)),
            ErrorKind::Truncated,
            "data",
        ),
        ("overlap", two(entry(0, 4), entry(0, 4)), ErrorKind::Malformed, "b: data_offsets"),
        ("hole", two(entry(0, 4), entry(5, 9)), ErrorKind::Malformed, "b: data_offsets"),
        ("does not start at 0", two(entry(1, 5), entry(5, 9)), ErrorKind::Malformed, "a: data_offsets"),
        ("bytes left over", one(r#""dtype":"F32","shape":[1],"data_offsets":[0,4]"#, &f32s(2)), ErrorKind::Malformed, "data"),
        (
            "NaN",
            one(r#""dtype":"F32","shape":[2],"data_offsets":[0,8]"#, &[1.0, f32::NAN].map(f32::to_le_bytes).concat()),
            ErrorKind::NonFinite,
            "w[1]",
        ),
        ("half infinity", one(r#""dtype":"F16","shape":[1],"data_offsets":[0,2]"#, &[0x00, 0x7C]), ErrorKind::NonFinite, "w[0]"),
        (
            "2^53 + 1",
            one(r#""dtype":"I64","shape":[1],"data_offsets":[0,8]"#, &((1_i64 << 53) + 1).to_le_bytes()),
            ErrorKind::OutOfRange,
            "w[0]",
        ),
    ];
    for (name, bytes, kind, field) in cases {
        let error = Tensors::parse(&bytes).expect_err(name);
        assert_eq!((error.kind(), error.field()), (kind, field), "{name}: {error}");
        assert!(!error.to_string().contains('\n'), "{name}");
    }
}

#[test]
fn content_that_would_not_be_read_back_is_not_written() {
    let refused = |t: Tensor| Tensors { tensors: vec![t], ..Default::default() }.encode().unwrap_err();
    assert_eq!(refused(Tensor::f32("w", &[2], vec![0.0])).kind(), ErrorKind::Mismatch);
    assert_eq!(refused(Tensor::f32("w", &[usize::MAX, 2], vec![])).kind(), ErrorKind::Mismatch);
    assert_eq!(refused(Tensor::f32("__metadata__", &[1], vec![0.0])).kind(), ErrorKind::Malformed);
    let nan = refused(Tensor::f64("w", &[2], vec![0.0, f64::NAN]));
    assert_eq!((nan.kind(), nan.field()), (ErrorKind::NonFinite, "w[1]"));
    let t = Tensor::f32("w", &[1], vec![0.0]);
    assert_eq!(Tensors { tensors: vec![t.clone(), t], ..Default::default() }.encode().unwrap_err().kind(), ErrorKind::Duplicate);
}

#[test]
fn a_shape_or_name_that_is_not_there_is_named() {
    let t = small();
    assert_eq!(t.expect("z.last", &[3, 2]).unwrap_err().to_string(), "z.last: expected [3, 2], found [2, 3]");
    assert_eq!(t.expect("nope", &[1]).unwrap_err().kind(), ErrorKind::Missing);
    let wide = Tensor::f64("w", &[2], vec![0.5, 1e300]);
    assert_eq!(wide.to_f32().unwrap_err().field(), "w[1]");
    assert_eq!(wide.to_f64().unwrap(), [0.5, 1e300]);
}

#[test]
fn published_models_are_read_like_the_reference_reads_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/golden/conditioned");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: the golden models are not there");
        return;
    };
    let mut read = 0;
    for path in entries.map(|e| e.unwrap().path()) {
        let ours = Tensors::read(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let oracle = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(ours.tensors.len(), oracle.len());
        for (name, view) in oracle.tensors() {
            assert_eq!(view.dtype(), Dtype::F32, "{name}");
            let expected: Vec<f32> = view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            assert_eq!(ours.expect(&name, view.shape()).unwrap().to_f32().unwrap(), expected, "{name}");
        }
        assert_eq!(Tensors::parse(&ours.encode().unwrap()).unwrap(), ours);
        read += 1;
    }
    assert_eq!(read, 22);
}
