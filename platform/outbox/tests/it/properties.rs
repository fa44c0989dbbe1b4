//! Rules that hold for every number.

use std::time::Duration;

use outbox::MessageId;
use outbox::backoff::Backoff;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_pause_lies_between_half_and_all_of_the_doubled_one_and_never_over_the_maximum(
        first_us in 1_u64..10_000_000,
        max_us in 1_u64..1_000_000_000,
        failures in 0_u32..100,
        random in any::<u64>(),
    ) {
        let backoff = Backoff {
            first: Duration::from_micros(first_us),
            max: Duration::from_micros(max_us),
        };
        let pause = backoff.pause(failures, random);
        let doubled = u128::from(first_us) << failures.saturating_sub(1).min(64);
        let whole = doubled.min(u128::from(max_us));
        prop_assert!(pause <= backoff.max);
        prop_assert!(pause.as_micros() <= whole);
        prop_assert!(pause.as_nanos() * 2 >= whole * 1_000);
    }

    #[test]
    fn the_default_pauses_stay_under_ten_minutes(failures in 1_u32..=16, random in any::<u64>()) {
        let pause = Backoff::default().pause(failures, random);
        prop_assert!(pause >= Duration::from_millis(500));
        prop_assert!(pause <= Duration::from_secs(600));
        if failures == 1 {
            prop_assert!(pause <= Duration::from_secs(1));
        }
    }

    #[test]
    fn a_message_id_is_its_text(kind in "[a-z_.-]{1,20}", id in any::<i64>(), seq in any::<i64>()) {
        let whole = MessageId { aggregate_type: kind, aggregate_id: id, seq };
        prop_assert_eq!(whole.to_string().parse::<MessageId>(), Ok(whole));
    }
}
