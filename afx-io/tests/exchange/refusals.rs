//! What is wrong with a file is said in one line that names the field.

use super::files::case;
use afx_io::ErrorKind;
use afx_io::exchange::Import;

/// Each is a file, what takes the place of what in it, and a part of the message.
const DAMAGES: [(&str, &str, &str, &str); 57] = [
    ("nam-lstm", "\"LSTM\"", "\"ConvNet\"", "architecture: expected one of LSTM, Linear, WaveNet, SlimmableContainer, found ConvNet"),
    ("nam-lstm", "\"hidden_size\":3", "\"hidden_size\":4", "weights: expected [261] numbers, found [160]"),
    (
        "nam-lstm",
        "\"hidden_size\":3",
        "\"hidden_size\":4000000000000000000",
        "config.hidden_size: expected 1 to 4096, found 4000000000000000000",
    ),
    (
        "nam-lstm",
        "\"hidden_size\":3",
        "\"hidden_size\":1e18",
        "config: expected the settings of an LSTM, found invalid type: floating point",
    ),
    ("nam-lstm", "\"hidden_size\":3", "\"hidden_size\":0", "config.hidden_size: expected 1 to 4096, found 0"),
    ("nam-lstm", "\"num_layers\":2", "\"num_layers\":0", "config.num_layers: expected 1 to 64, found 0"),
    ("nam-lstm", "\"input_size\":1", "\"input_size\":2", "config.input_size: expected 1 to 1, found 2"),
    ("nam-lstm", "\"hidden_size\":3,", "", "missing field `hidden_size`"),
    ("nam-lstm", "\"config\"", "\"konfig\"", "missing field `config`"),
    ("nam-lstm", "\"weights\":[", "\"weights\":[[1],", "a number where the others have a list"),
    ("nam-lstm", "\"weights\":[", "\"weights\":[NaN,", "JSON: expected a JSON object, found expected value"),
    ("nam-lstm", "\"weights\":[", "\"weights\":[1e39,", "weights: expected [160] numbers, found [161]"),
    ("nam-lstm", ",0.25,", ",1e39,", "weights[60]: expected a finite number, found NaN or infinity"),
    ("nam-lstm", "44100", "44100.5", "sample_rate: expected a whole number of hertz, found 44100.5"),
    ("nam-lstm", "44100", "4", "model.sample_rate: expected 1000 to 1000000, found 4"),
    ("nam-linear", "\"receptive_field\":5", "\"receptive_field\":18446744073709551615", "config: expected sizes of a model"),
    ("nam-linear", "\"receptive_field\":5", "\"receptive_field\":-5", "config: expected the settings of a Linear"),
    ("rtneural", "\"in_shape\":[null,null,1]", "\"in_shape\":[]", "in_shape: expected a last size of at least 1"),
    (
        "rtneural",
        "\"in_shape\":[null,null,1]",
        "\"in_shape\":[null,null,2]",
        "layers[0].weights[0]: expected [2, 12] numbers, found [1, 12]",
    ),
    (
        "rtneural",
        "\"type\":\"gru\"",
        "\"type\":\"conv2d\"",
        "layers[0].type: expected dense, time-distributed-dense, conv1d, gru, lstm, activation or prelu, found conv2d",
    ),
    ("rtneural", "\"type\":\"gru\"", "\"type\":\"lstm\"", "layers[0].weights[1]: expected 4 columns for each row, found [4, 12]"),
    ("rtneural", "\"shape\":[null,null,4]", "\"shape\":[null,null,5]", "layers[0].shape: expected 4 at its end"),
    (
        "rtneural",
        "\"activation\":\"sigmoid\"",
        "\"activation\":\"swish\"",
        "layers[1].activation: expected one of tanh, sigmoid, relu, elu, softmax, prelu, found swish",
    ),
    (
        "rtneural",
        "\"activation\":\"tanh\"",
        "\"activation\":\"relu\"",
        "layers[3].activation: expected tanh, that of the cell, or none, found relu",
    ),
    ("rtneural", "\"activation\":\"prelu\"", "\"activation\":\"tanh\"", "layers[2].weights: expected none, found 1 lists"),
    ("rtneural", "\"weights\":[]", "\"weights\":[[[[[[1]]]]]]", "a list where a number is expected"),
    ("rtneural", "\"layers\"", "\"layer\":0,\"layers\"", ""),
    ("aida-x", "\"in_gain\":6.0", "\"in_gain\":600", "in_gain: expected -120 to 120 dB, found 600"),
    ("aida-x", "\"96000\"", "\"fast\"", "metadata.samplerate: expected a whole number of hertz, found fast"),
    ("guitarml-lstm", "\"skip\":1", "\"skip\":2", "model_data.skip: expected 0 or 1, found 2"),
    ("guitarml-lstm", "\"hidden_size\":4", "\"hidden_size\":40", "model_data.hidden_size: expected 4, as in state_dict, found 40"),
    ("guitarml-lstm", "\"SimpleRNN\"", "\"WaveNet\"", "model_data.model: expected SimpleRNN, found WaveNet"),
    (
        "guitarml-lstm",
        "rec.weight_hh_l0",
        "rec.weight_hh_l0_reverse",
        "rec.weight_hh_l0_reverse: expected cells that look at the past alone",
    ),
    (
        "guitarml-lstm",
        "rec.bias_hh_l0",
        "rec.bias_l0",
        "state dict: expected weights of GRU, LSTM, RNN or Linear modules, found rec.bias_l0",
    ),
    ("guitarml-lstm", "rec.bias_hh_l0", "req.bias_hh_l0", "rec.bias_hh_l0: expected a tensor [16], found none"),
    ("nam-wavenet-a1", "\"head_size\":2", "\"head_size\":3", "config.layers[0].head_size: expected 2, found 3"),
    (
        "nam-wavenet-a1",
        "\"head_size\":1",
        "\"head_sizes\":1",
        "config.layers[1].head_size: expected outputs of the array's head, found none",
    ),
    ("nam-wavenet-a1", "\"input_size\":3", "\"input_size\":4", "config.layers[1].input_size: expected 3, found 4"),
    ("nam-wavenet-a1", "\"condition_size\":1", "\"condition_size\":3", "config.layers[0].condition_size: expected 1, found 3"),
    ("nam-wavenet-a1", "\"ReLU\"", "\"Relu6\"", "config.layers[1].activation: expected one of Tanh"),
    ("nam-wavenet-a1", "\"head\":null", "\"head\":{}", "config.head: expected none, found one"),
    ("nam-wavenet-a1", "[7]", "[7000]", "wavenet dilation: expected 1 to 4096, found 7000"),
    ("nam-wavenet-a1", "[7]", "[7,8]", "weights: expected"),
    ("nam-wavenet-a1", "\"kernel_size\":3", "\"kernel_size\":1e18", "config: expected the settings of a WaveNet"),
    ("nam-wavenet-a2", "\"kernel_sizes\":[3", "\"kernel_sizes\":[1,3", "config.layers[0].kernel_size: expected 3, one a dilation, found 4"),
    (
        "nam-wavenet-a2",
        "\"active\":false",
        "\"active\":true",
        "config.layers[0].head1x1: expected one that is not active, found an active one",
    ),
    (
        "nam-wavenet-a2",
        "\"layer1x1\":{\"active\":true",
        "\"layer1x1\":{\"active\":false",
        "config.layers[0].layer1x1: expected an active one",
    ),
    ("nam-wavenet-a2", "\"groups_input\":1", "\"groups_input\":2", "config.layers[0].groups_input: expected one group, found 2"),
    ("nam-wavenet-a2", "\"gated\"", "\"blended\"", "config.layers[0].gating_mode: expected none or gated, found blended"),
    ("nam-wavenet-a2", "\"negative_slope\":0.25", "\"negative_slope\":1e300", "number out of range"),
    (
        "nam-wavenet-a1",
        "\"Tanh\"",
        "{\"type\":\"Hardtanh\",\"min_val\":2}",
        "config: expected functions with finite numbers, low below high",
    ),
    ("state-dict", "rec.weight_ih_l1", "rec.weight_ih_l3", "state dict: expected 5 tensors, those of its modules, found 9"),
    ("state-dict", "\"lin.weight\":[[", "\"lin.weight\":[[0,", "lin.weight: expected 3 inputs, the outputs of what stands before, found 4"),
    ("rtneural-conv", "\"dilation\":[2]", "\"dilation\":[0]", "layers[0].dilation: expected 1 to 4096, found 0"),
    ("rtneural-conv", "\"kernel_size\":[3]", "\"kernel_size\":[4]", "layers[0].weights[0]: expected [4, 1, 3] numbers, found [3, 1, 3]"),
    ("rtneural-conv", "\"kernel_size\":[3]", "\"size\":[4]", "layers[0].kernel_size: expected 1 to 4096, found nothing"),
    ("rtneural-conv", "\"kernel_size\"", "\"groups\":2,\"kernel_size\"", "layers[0].groups: expected 1, found 2"),
];

#[test]
fn every_contradiction_is_named() {
    for (name, from, to, part) in DAMAGES {
        let text = case(name).model.get().to_string();
        assert!(text.contains(from), "{name} has no {from}");
        let result = Import::default().parse(text.replacen(from, to, 1).as_bytes());
        if part.is_empty() {
            assert!(result.is_ok(), "{name}, {to}: names that nobody knows are passed over");
            continue;
        }
        let error = result.map(|model| model.spec).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains('\n'), "{name}, {to}: {error}");
    }
}

#[test]
fn files_of_other_kinds_are_called_what_they_are() {
    for (bytes, kind, part) in [
        (&b""[..], ErrorKind::WrongFormat, "header: expected a model as JSON or safetensors, found an empty file"),
        (b"RIFF\x24\0\0\0WAVEfmt ", ErrorKind::WrongFormat, "found a WAV file"),
        (b"[1, 2]", ErrorKind::WrongFormat, "found a JSON text"),
        (b"{}", ErrorKind::WrongFormat, "names of the JSON object: expected `architecture` (.nam)"),
        (b"{\"a\": 1}", ErrorKind::WrongFormat, "found none of them"),
        (b"{\"architecture\": ", ErrorKind::Truncated, "JSON: expected a JSON object, found EOF"),
        (b"{\"architecture\": \"LSTM\"", ErrorKind::Truncated, "EOF"),
        (b"\xEF\xBB\xBF {\"layers\": {}}", ErrorKind::Malformed, "JSON: expected a model of RTNeural"),
        (b"{\"layers\": [], \"in_shape\": [1]}", ErrorKind::Missing, "layers: expected at least one, found none"),
        (b"{\"weight\": [[1]], \"weight\": [[1]]}", ErrorKind::Mismatch, "state dict"),
        (b"{\"weight\": [[]]}", ErrorKind::Mismatch, "weight: expected [rows, columns]"),
        (
            b"{\"in_shape\": [1], \"layers\": [{\"type\": \"conv1d\", \"kernel_size\": 1, \"dilation\": 1, \"weights\": [[[[]]]]}]}",
            ErrorKind::Mismatch,
            "layers[0].weights[0]: expected taps, inputs and outputs, found [1, 1, 0]",
        ),
        (
            b"{\"in_shape\": [2], \"layers\": [{\"type\": \"activation\", \"activation\": \"tanh\", \"weights\": []}]}",
            ErrorKind::Unsupported,
            "found 2",
        ),
    ] {
        let error = Import::default().parse(bytes).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let ours = afx_io::ModelFile::new("x", afx_models::ModelSpec::named("gru", 2, 0).unwrap(), 48_000, Vec::new(), vec![0.0; 200]);
    let len = ours.layout().unwrap().len();
    let ours = afx_io::ModelFile { learnt: vec![0.0; len], ..ours }.to_tensors().unwrap().encode().unwrap();
    assert_eq!(
        Import::default().parse(&ours).unwrap_err().to_string(),
        "__metadata__.format: expected a model of another program, found afx"
    );
}

#[test]
fn lists_a_thousand_deep_are_refused() {
    for start in [
        "{\"a\": ",
        "{\"weight\": ",
        "{\"layers\": ",
        "{\"architecture\": \"LSTM\", \"config\": ",
        "{\"architecture\": \"LSTM\", \"config\": 0, \"metadata\": ",
    ] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{start}{}0{}}}", open.repeat(100_000), close.repeat(100_000));
            let error = Import::default().parse(text.as_bytes()).unwrap_err();
            assert!(error.to_string().len() < 600, "{error}");
        }
    }
}

#[test]
fn a_hundred_thousand_of_anything_are_refused_at_once() {
    let many = |text: &str| text.repeat(100_000);
    let weights: String = (0..100_000).map(|i| format!("\"m{i}.weight\":[[1]],")).collect();
    for (text, part) in [
        (format!("{{{weights}\"weight\":[[1]]}}"), "more than 1024 names"),
        (format!("{{\"in_shape\":[{}1],\"layers\":[]}}", many("null,")), "at most 8 values"),
        (format!("{{\"in_shape\":[1],\"layers\":[{}0]}}", many("{\"type\":\"dense\",\"weights\":[[[1]]]},")), "at most 1024 values"),
        (format!("{{\"in_shape\":[1],\"layers\":[{{\"type\":\"dense\",\"weights\":[{}0]}}]}}", many("[],")), "at most 8 values"),
        (
            format!(
                "{{\"architecture\":\"SlimmableContainer\",\"config\":{{\"submodels\":[{}0]}}}}",
                many("{\"max_value\":1,\"model\":0},")
            ),
            "at most 256 values",
        ),
    ] {
        let error = Import::default().parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_container_in_a_container_is_refused() {
    let inner = r#"{"architecture":"SlimmableContainer","config":{"submodels":[]}}"#;
    let text = format!(r#"{{"architecture":"SlimmableContainer","config":{{"submodels":[{{"max_value":1,"model":{inner}}}]}}}}"#);
    let error = Import::default().parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "architecture: expected one of LSTM, Linear, WaveNet, found SlimmableContainer");
    let error = Import::default().parse(inner.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "config.submodels: expected one of the 0 submodels, counted from 0, found 0");
}
