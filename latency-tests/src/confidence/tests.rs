use super::*;

#[test]
fn the_distribution_is_that_of_the_tables() {
    assert_eq!(rank_sums(2, 2), [1.0, 1.0, 2.0, 1.0, 1.0]);
    assert_eq!(rank_sums(3, 1), [1.0; 4]);
    assert_eq!(rank_sums(5, 5).iter().sum::<f64>(), 252.0);
    // Critical values of U at 0.05 on both sides, from the usual table, and one more: the values up to them.
    let table = [(3, 3, 0), (4, 4, 1), (5, 5, 3), (3, 5, 1), (6, 6, 6), (8, 10, 18), (20, 20, 128), (2, 8, 1)];
    for (before, after, expected) in table {
        assert_eq!(rare_rank_sums(before, after, HALF), expected, "{before} and {after}");
    }
    // Where it is no longer counted out, it goes on where counting ended.
    let (counted, normal) = (rare_rank_sums(50, 50, HALF) as f64, rare_rank_sums(51, 51, HALF) as f64);
    assert!(normal > counted && normal < counted * 1.06, "{counted} and {normal}");
}

#[test]
fn the_same_is_no_difference_and_a_shift_is_found() {
    let before = [10.0, 10.4, 9.8, 10.1, 10.2];
    let same = Factor::between(&before, &before).unwrap();
    assert!(!same.is_shown() && (same.estimate - 1.0).abs() < 1e-12, "{same:?}");
    let slower = Factor::between(&before, &before.map(|figure| figure * 1.1)).unwrap();
    assert!(slower.is_shown() && (slower.estimate - 1.1).abs() < 1e-9, "{slower:?}");
    let faster = Factor::between(&before, &before.map(|figure| figure * 0.9)).unwrap();
    assert!(faster.is_shown() && faster.estimate < 0.91, "{faster:?}");
}

#[test]
fn a_wild_round_shows_nothing_by_itself() {
    let before = [10.0, 10.4, 9.8, 10.1, 10.2];
    let factor = Factor::between(&before, &[10.1, 10.3, 9.9, 10.0, 1000.0]).unwrap();
    assert!(!factor.is_shown() && factor.estimate < 1.02, "{factor:?}");
}

#[test]
fn too_few_rounds_show_nothing_however_far_they_lie_apart() {
    let factor = Factor::between(&[1.0, 1.0, 1.0], &[9.0, 9.0, 9.0]).unwrap();
    assert_eq!(factor, Factor { estimate: 9.0, interval: None });
    assert!(!factor.is_shown());
    assert_eq!(Factor::between(&[], &[1.0]), None);
    assert_eq!(Factor::between(&[0.0], &[1.0]), None);
}

#[test]
fn signs_are_distributed_as_in_the_tables() {
    assert_eq!(signs(5), [1.0, 5.0, 10.0, 10.0, 5.0, 1.0]);
    // Critical values of the sign test at 0.05 on one side, from the usual table, and one more.
    let table = [(4, 0), (5, 1), (7, 1), (8, 2), (9, 2), (10, 2), (11, 3), (15, 4), (20, 6), (30, 11), (50, 19)];
    for (rounds, expected) in table {
        assert_eq!(rare_signs(rounds, WHOLE), expected, "{rounds}");
    }
    assert_eq!((rare_signs(ROUNDS_WITHIN_MIN - 1, WHOLE), rare_signs(ROUNDS_WITHIN_MIN, WHOLE)), (0, 1));
    let (counted, normal) = (rare_signs(50, WHOLE), rare_signs(51, WHOLE));
    assert!((counted..=counted + 1).contains(&normal), "{counted} and {normal}");
}

#[test]
fn quotients_within_rounds_have_an_interval_from_five_on() {
    // Of five it reaches from the least to the greatest.
    let factor = Factor::within(&[1.02, 0.97, 1.0, 1.05, 0.99]);
    assert_eq!(factor, Some(Factor { estimate: 1.0, interval: Some([0.97, 1.05]) }));
    assert_eq!(Factor::within(&[1.0; 4]), Some(Factor { estimate: 1.0, interval: None }));
    // Of nine from the second to the last but one: a wild round does not matter, two do.
    let of_nine = |wild: [f64; 2]| {
        let [one, other] = wild;
        Factor::within(&[1.0, 1.01, 0.99, 1.02, 0.98, 1.0, other, 0.97, one]).unwrap().interval
    };
    assert_eq!(of_nine([40.0, 1.03]), Some([0.98, 1.03]));
    assert_eq!(of_nine([40.0, 30.0]), Some([0.98, 30.0]));
    for wrong in [&[][..], &[0.0; 5], &[f64::NAN; 5], &[1.0, 1.0, 1.0, 1.0, f64::INFINITY]] {
        assert_eq!(Factor::within(wrong), None);
    }
}
