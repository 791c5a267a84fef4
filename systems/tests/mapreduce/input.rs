//! Inputs are cut at the ends of lines, and keys belong where they belong for ever.

use proptest::prelude::*;
use snowglobe_systems::mapreduce::applications::{HostCount, Sort, WordCount};
use snowglobe_systems::mapreduce::{Application, Partition, cut};

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pieces_are_whole_lines_and_come_to_the_whole(
        lines in prop::collection::vec("[a-zé ]{0,12}", 0..30),
        bytes in 1_usize..60,
        ends in any::<bool>(),
    ) {
        let mut text = lines.join("\n");
        if ends {
            text.push('\n');
        }
        let pieces = cut("file", &text, bytes);
        let whole: String = pieces.iter().map(|piece| &*piece.text).collect();
        prop_assert_eq!(&whole, &text);
        let mut offset = 0;
        for (place, piece) in pieces.iter().enumerate() {
            prop_assert_eq!(piece.offset, offset);
            offset += piece.text.len() as u64;
            prop_assert!(!piece.text.is_empty());
            prop_assert!(place + 1 == pieces.len() || piece.text.ends_with('\n'));
            // All but the line that goes over it fit.
            let before = piece.text.trim_end_matches('\n').rfind('\n').unwrap_or(0);
            prop_assert!(before < bytes);
        }
    }

    #[test]
    fn every_key_belongs_to_a_part(key in ".{0,10}", partitions in 1_u16..20) {
        let codes: [&dyn Application; 3] = [&WordCount, &Sort, &HostCount];
        for code in codes {
            let Partition(part) = code.partition(&key, partitions);
            prop_assert!(part < partitions);
        }
    }
}

#[test]
fn parts_of_a_sorted_output_are_in_order() {
    let keys = ["", "Alas", "alas", "poor", "zeal", "éclair"];
    let parts = keys.map(|key| Sort.partition(key, 5).0);
    assert_eq!(parts, [0, 1, 1, 2, 2, 3]);
}

#[test]
fn keys_belong_where_they_always_did() {
    // A change here would scatter the keys of one job over two versions.
    let parts = ["snow", "globe", "swarm"].map(|key| WordCount.partition(key, 7).0);
    assert_eq!(parts, [3, 3, 2]);
}
