use super::*;
use crate::report::fixture::run;

#[test]
fn names_cannot_break_out_of_the_page() {
    let evil = "<script>alert(1)</script>\"'&";
    let page = page(&run(evil), None).unwrap();
    assert!(!page.contains("<script"), "a script got through");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
}

#[test]
fn a_page_holds_all_it_needs_and_loads_nothing() {
    let run = run("echo");
    let comparison = Comparison::of(&run, &run, 0.05);
    let page = page(&run, Some(&comparison)).unwrap();
    // Percentiles, time series, sweep.
    assert_eq!(page.matches("<svg").count(), 3);
    for part in [
        "Invalid: these figures do not count",
        "not judged (at most 1.25): the baseline, measured twice, does not agree with itself within 1.1",
        "control 1.05, 0.66 to 1.99",
        "1,235 µs",
        "MISSED: at most 1000 µs",
        "no difference shown",
        "started 2023-11-14T22:13:20Z",
        "revision 0123456789ab, with changes",
        "1.23 [1.10…1.30]",
        "venue, from send time",
    ] {
        assert!(page.to_lowercase().contains(&part.to_lowercase()), "no {part:?}");
    }
    for loader in ["src=", "<link", "@import", "url("] {
        assert!(!page.contains(loader), "{loader}");
    }
}

#[test]
fn a_damaged_histogram_is_an_error() {
    let mut run = run("echo");
    run.scenarios[0].contenders[0].intended.as_mut().unwrap().histogram = serde_json::from_str("\"AAAA\"").unwrap();
    assert!(matches!(page(&run, None), Err(PlotError::Histogram(_))));
}
