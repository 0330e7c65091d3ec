use hdrhistogram::Histogram;

use super::*;

fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap();
    values.into_iter().for_each(|value| histogram.record(value).unwrap());
    histogram
}

#[test]
fn a_histogram_survives_its_text() {
    for values in [vec![], vec![1], (1..10_000).collect::<Vec<_>>()] {
        let original = histogram(values);
        let decoded = EncodedHistogram::new(&original).decode().unwrap();
        assert_eq!(decoded, original);
        assert_eq!(Percentiles::from(&decoded), Percentiles::from(&original));
    }
    let broken: EncodedHistogram = serde_json::from_str("\"AAAA\"").unwrap();
    assert!(broken.decode().is_err());
}

#[test]
fn percentiles_are_those_of_the_values() {
    let seen = Percentiles::from(&histogram(1..=1000));
    assert_eq!((seen.count, seen.min_ns, seen.p50_ns, seen.p99_ns, seen.max_ns), (1000, 1, 500, 990, 1000));
    assert_eq!(Percentiles::from(&histogram([])), Percentiles::default());
}

#[test]
fn medians_spreads_and_growth() {
    assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, low: 1.0, high: 3.0 }));
    assert_eq!(Spread::of(&[]), None);
    let near = |points: &[(f64, f64)], expected: f64| {
        let found = growth_exponent(points).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}");
    };
    near(&[(1.0, 5.0), (10.0, 5.0), (100.0, 5.0)], 0.0);
    near(&[(1.0, 2.0), (8.0, 16.0)], 1.0);
    near(&[(1.0, 9.0), (4.0, 4.5), (16.0, 2.25)], -0.5);
    assert_eq!(growth_exponent(&[(4.0, 2.0)]), None);
    assert_eq!(growth_exponent(&[(4.0, 2.0), (8.0, 0.0)]), None);
}

#[test]
fn a_result_of_another_version_is_refused() {
    assert!(matches!(Run::from_json("{\"schema_version\": 99}"), Err(ResultError::Version { found: 99 })));
    assert!(matches!(Run::from_json("{\"schema_version\": 4}"), Err(ResultError::Json(_))));
    assert!(matches!(Run::from_json("[]"), Err(ResultError::Json(_))));
}
